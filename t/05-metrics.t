# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# Metrics: loopback only unless told, counted once a request, in the zone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();
no_shuffle();

our $config = location_api() . <<'_';
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Test-From;
    location = /metrics { pytake_metrics; }
    location = /any { pytake_metrics any; }
_

block_defaults(http_with(), $config);

run_tests();

__DATA__

=== the text
--- request
GET /metrics
--- response_headers
Content-Type: text/plain; version=0.0.4; charset=utf-8
--- response_body_like: pytake_build_info\{version="[^"]+"\} 1



=== a proxy on this machine does not open them
--- more_headers eval
["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9",
 "X-Real-IP: 203.0.113.9", "Via: x"]
--- request eval
[("GET /metrics") x 4]
--- error_code eval
[403, 403, 403, 200]
--- response_body_like eval
[('"code":"forbidden"') x 3, 'pytake_build_info']



=== but allow and deny may
--- more_headers
X-Forwarded-For: 203.0.113.9
--- request
GET /any
--- response_body_like: pytake_build_info



=== requests by operation and class of status, the second sees the first
--- request eval
["GET /api/v1/auth/me", "GET /metrics"]
--- error_code eval
[401, 200]
--- response_body_like eval
['unauthorized', 'pytake_requests_total\{op="auth_me",status="4xx"\} \d']



=== a histogram adds up
--- request eval
["GET /api/v1/auth/me", "GET /metrics"]
--- error_code eval
[401, 200]
--- response_body_like eval
['unauthorized', 'request_seconds_bucket\{op="auth_me",le="\+Inf"\} (\d+)\n'
 . 'pytake_request_seconds_sum\{op="auth_me"\} \d+\.\d{6}\n'
 . 'pytake_request_seconds_count\{op="auth_me"\} \1\n']



=== gauges of the pools
--- request
GET /metrics
--- response_body_like: pytake_pool_connections\{pool="read",state="ready"\} \d



=== not for others
--- request
GET /metrics
--- more_headers
X-Test-From: 192.0.2.1
--- error_code: 403
--- response_headers
Content-Type: application/problem+json



=== for others when told
--- request
GET /any
--- more_headers
X-Test-From: 192.0.2.1
--- error_code: 200
--- response_body_like: pytake_workers 1



=== not to be posted to
--- request
POST /metrics
x
--- error_code: 405
--- response_headers
Allow: GET, HEAD



=== HEAD
--- request
HEAD /metrics
--- response_body:
