# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# Health with everything there, with the database away, with redis away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();

our $config = <<'_';
    location = /health { pytake_health; }
    location = /health/live { pytake_health live; }
    location = /health/ready { pytake_health ready; }
_

# nobody listens there
our $away = http_with(pytake_database => '"host=127.0.0.1 port=1 dbname=x"');
our $redis_away = http_with(pytake_redis => 'redis://127.0.0.1:1');

block_defaults(http_with(), $config);

run_tests();

__DATA__

=== healthy
--- wait: 0.3
--- request eval
[("GET /health") x 2]
--- response_body_like eval
[('^\{"status":"(healthy|degraded)","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:'
  . '\d\d\.\d{3}Z","services":\{"database":true,"redis":(true|false),'
  . '"websocket":false\}\}$') x 2]
--- raw_response_headers_like eval
[('X-Request-Id: req_') x 2]



=== live
--- request
GET /health/live
--- response_body_like: ^\{"status":"healthy","timestamp":"[^"]+"\}$



=== ready
--- request
GET /health/ready
--- response_body_like: "database":true



=== HEAD
--- request
HEAD /health
--- response_headers
Content-Type: application/json
--- response_body:



=== wrong verb
--- request
POST /health
x=1
--- error_code: 405
--- response_headers
Allow: GET, HEAD
Content-Type: application/problem+json



=== database away
--- http_config eval: $::away
--- request eval
["GET /health", "GET /health/ready", "GET /health/live"]
--- error_code eval
[503, 503, 200]
--- response_body_like eval
['"status":"unhealthy".*"database":false', '"database":false', 'healthy']



=== redis away degrades only
--- http_config eval: $::redis_away
--- request
GET /health
--- error_code: 200
--- response_body_like: "status":"degraded".*"database":true,"redis":false



=== no redis configured is no fault
--- http_config eval
PyTakeTest::http_with(pytake_redis => undef)
--- request
GET /health
--- error_code: 200
--- response_body_like: "status":"healthy".*"redis":false



=== the api with the database away
--- http_config eval: $::away
--- config eval
PyTakeTest::location_api()
--- request eval
"POST /api/v1/auth/login\n" . PyTakeTest::login_body(0, 'agent')
--- more_headers
Content-Type: application/json
--- error_code: 503
--- response_headers
Retry-After: 1
Content-Type: application/problem+json
