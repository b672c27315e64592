# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# What "pytake doctor" asks: this machine only, and never a secret.

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
    location = /_pytake/status { pytake_status; }
    location = /metrics { pytake_metrics; }
_

# Of which nothing is in the body: each value, and of an address its password.
our @secrets = map { quotemeta } grep { defined && length } (
    @ENV{qw(JWT_SECRET WHATSAPP_APP_SECRET WHATSAPP_WEBHOOK_VERIFY_TOKEN
            DATABASE_URL REDIS_URL)},
    map { $_ && m{//[^/@]*:([^@/]+)@} ? $1 : () } @ENV{qw(DATABASE_URL
                                                          REDIS_URL)});
our $secrets = join '|', @secrets;

block_defaults(http_with(), $config);

run_tests();

__DATA__

=== versions and workers
--- request
GET /_pytake/status
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body_like: ^\{"version":"\d+\.\d+\.\d+","schema":\d+,"nginx":"1\.\d+\.\d+","pid":\d+,"workers":1,"loaded_s":\d+,"fingerprints":\{



=== fingerprints of everything that is set
--- request
GET /_pytake/status
--- response_body_like: "fingerprints":\{"jwt_secret":"[0-9a-f]{16}","app_secret":"[0-9a-f]{16}","verify_token":"[0-9a-f]{16}","database":"[0-9a-f]{16}","redis":"[0-9a-f]{16}","identity":"[0-9a-f]{16}"\}



=== no secret, no address, no password
--- request
GET /_pytake/status
--- response_body_unlike eval
$main::secrets



=== pools, redis, no hub
--- request
GET /_pytake/status
--- response_body_like: "reporting":1,"pools":\{"read":\{"max":2,"ready":\d+,"connecting":\d+,"busy":\d+,"waiting":\d+,"away":0\},"write":\{"max":4,.*\},"slow":\{"max":2,[^}]*\}\},"redis":\{"up":[01]\},"hub":null\}$



=== what is not set has none
--- http_config eval
PyTakeTest::http_with(pytake_redis => undef, pytake_webhook_secret => undef,
                      pytake_webhook_verify_token => undef)
--- request
GET /_pytake/status
--- response_body_like: "app_secret":null,"verify_token":null,"database":"[0-9a-f]{16}","redis":null,.*"redis":null,"hub":null



=== a hub that is not there, its path as JSON has it
--- http_config eval
PyTakeTest::http_with(pytake_hub => '"unix:/tmp/no \"hub\"\\\\here.sock"')
--- request
GET /_pytake/status
--- response_body_like: "hub":\{"path":"/tmp/no \\"hub\\"\\\\here\.sock","up":false\}



=== without a zone the worker tells of itself
--- http_config eval
PyTakeTest::http_with(pytake_zone => undef)
--- config
    location = /_pytake/status { pytake_status; }
--- request
GET /_pytake/status
--- response_body_like: "reporting":1,"pools":\{"read":\{"max":2,"ready":[12],



=== a database that is away
--- http_config eval
PyTakeTest::http_with(pytake_database => 'postgresql://u@127.0.0.1:1/d')
--- request
GET /_pytake/status
--- response_body_like: "database":"[0-9a-f]{16}","redis":"[0-9a-f]{16}","identity":null



=== a location inside "if" is the same
--- config eval
PyTakeTest::location_api() . <<'_'
    location = /_pytake/status { pytake_status; if ($arg_a) { break; } }
_
--- request
GET /_pytake/status?a=1
--- response_body_like: "fingerprints"



=== what was forwarded is for somebody else
--- more_headers eval
["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9",
 "x-forwarded-for: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Via: x"]
--- request eval
[("GET /_pytake/status") x 5]
--- error_code eval
[403, 403, 403, 403, 200]
--- response_body_like eval
[('"code":"forbidden"') x 4, '"fingerprints"']



=== not for other machines
--- request
GET /_pytake/status
--- more_headers
X-Test-From: 192.0.2.1
--- error_code: 403
--- response_headers
Content-Type: application/problem+json



=== IPv6's loopback is this machine, its others are not
--- more_headers eval
["X-Test-From: ::1", "X-Test-From: 2001:db8::1"]
--- request eval
[("GET /_pytake/status") x 2]
--- error_code eval
[200, 403]
--- response_body_like eval
['"fingerprints"', '"code":"forbidden"']



=== not to be posted to
--- request
POST /_pytake/status
x
--- error_code: 405
--- response_headers
Allow: GET, HEAD



=== HEAD
--- request
HEAD /_pytake/status
--- response_headers
Content-Type: application/json
--- response_body:



=== a body is thrown away, the next request is whole
--- pipelined_requests eval
["GET /_pytake/status\nGET / HTTP/1.1", "GET /_pytake/status"]
--- error_code eval
[200, 200]
--- response_body_like eval
['"hub":null\}$', '"hub":null\}$']



=== it is counted under a name of its own
--- request eval
["GET /_pytake/status", "GET /metrics"]
--- error_code eval
[200, 200]
--- response_body_like eval
['"fingerprints"', 'pytake_requests_total\{op="status",status="2xx"\} \d']
