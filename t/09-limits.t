# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# $pytake_network as a key of nginx's limit_req, and what it refuses by.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();
no_shuffle();

our $http = http_with() . <<'_';
    limit_req_zone $pytake_network zone=req:1m rate=1r/m;
_

our $config = problem_pages() . <<'_';
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    location = /req {
        limit_req zone=req;
        limit_req_status 429;
        empty_gif;
    }
_

block_defaults($http, $config);


sub from { return [map { "X-Real-IP: $_" } @_]; }

run_tests();

__DATA__

=== an IPv4 address is one
--- more_headers eval
main::from(qw(192.0.2.1 192.0.2.2 192.0.2.1 ::ffff:192.0.2.2))
--- request eval
[('GET /req') x 4]
--- error_code eval
[200, 200, 429, 429]



=== an IPv6 network of 64 bits is one
--- more_headers eval
main::from(qw(2001:db8::1 2001:db8:0:1::1 2001:db8::ffff:ffff:ffff:ffff))
--- request eval
[('GET /req') x 3]
--- error_code eval
[200, 200, 429]



=== the refusal is a problem and says when
--- more_headers eval
main::from(qw(192.0.2.9 192.0.2.9))
--- request eval
[('GET /req') x 2]
--- error_code eval
[200, 429]
--- response_headers eval
["Content-Type: image/gif",
 "Content-Type: application/problem+json\nRetry-After: 1"]
--- response_body_like eval
["GIF", '"status":429,.*"code":"too_many_requests"']
