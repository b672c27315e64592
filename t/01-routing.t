# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# What is refused before any database is asked: unknown routes, wrong verbs,
# bad media types, bodies that are no JSON or too large.  And request ids.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();

block_defaults(http_with(), location_api());

run_tests();

__DATA__

=== unknown route
--- request
GET /api/v1/nope
--- error_code: 404
--- response_headers
Content-Type: application/problem+json
Cache-Control: no-store
--- response_body_like: "code":"route_not_found"



=== outside of the api
--- request
GET /nope
--- error_code: 404
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "status":404,



=== known route, wrong verb
--- request
DELETE /api/v1/auth/login
--- error_code: 405
--- response_headers
Allow: POST
Content-Type: application/problem+json



=== a verb nobody knows
--- raw_request eval
"BREW /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
--- error_code: 405



=== no token
--- request
GET /api/v1/auth/me
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer
Content-Type: application/problem+json
--- response_body_like: "code":"unauthorized"



=== a token that is none
--- request
GET /api/v1/auth/me
--- more_headers
Authorization: Bearer abc
--- error_code: 401



=== not JSON by type
--- request
POST /api/v1/auth/login
a=b
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- error_code: 415



=== not JSON by content
--- request
POST /api/v1/auth/login
{"email":
--- more_headers
Content-Type: application/json
--- error_code: 400



=== no body
--- request
POST /api/v1/auth/login
--- more_headers
Content-Type: application/json
--- error_code: 400



=== unknown field
--- request
POST /api/v1/auth/login
{"email":"a@b.example","password":"x","colour":"red"}
--- more_headers
Content-Type: application/json
--- error_code: 422
--- response_body_like: "field":"colour"



=== body over the limit
--- request eval
"POST /api/v1/auth/login\n{\"email\":\"" . 'x' x 1100000 . "\"}"
--- more_headers
Content-Type: application/json
--- error_code: 413
--- response_headers
Content-Type: application/problem+json



=== body over a smaller limit of the location
--- config eval
PyTakeTest::location_api("pytake_body_max 2k;")
--- request eval
"POST /api/v1/auth/login\n{\"email\":\"" . 'x' x 3000 . "\"}"
--- more_headers
Content-Type: application/json
--- error_code: 413



=== body over nginx's roof, which is the webhook's
--- config eval
PyTakeTest::location_api("pytake_webhook_body_max 1m;")
--- request eval
"POST /api/v1/auth/login\n" . 'x' x 1100000
--- error_code: 413
--- response_headers
Content-Type: application/problem+json



=== a request id is made
--- request
GET /api/v1/nope
--- error_code: 404
--- raw_response_headers_like: X-Request-Id: req_[0-9a-f]{32}\r\n



=== a request id is kept
--- request
GET /api/v1/nope
--- more_headers
X-Request-Id: abc.DEF-1_~:+/=
--- error_code: 404
--- response_headers
X-Request-Id: abc.DEF-1_~:+/=
--- response_body_like: "request_id":"abc.DEF-1_~:\+/="



=== a request id with a space is not
--- request
GET /api/v1/nope
--- more_headers
X-Request-Id: a b
--- error_code: 404
--- raw_response_headers_like: X-Request-Id: req_[0-9a-f]{32}\r\n



=== a request id that is too long is not
--- request
GET /api/v1/nope
--- more_headers eval
"X-Request-Id: " . 'a' x 129
--- error_code: 404
--- raw_response_headers_like: X-Request-Id: req_[0-9a-f]{32}\r\n



=== the longest request id is
--- request
GET /api/v1/nope
--- more_headers eval
"X-Request-Id: " . 'a' x 128
--- error_code: 404
--- raw_response_headers_like eval
"X-Request-Id: " . 'a' x 128 . "\r\n"



=== one request id, not two
--- request
GET /nope
--- error_code: 404
--- raw_response_headers_unlike: X-Request-Id:.*X-Request-Id:



=== a subrequest has a path of its own
--- config eval
PyTakeTest::location_api()
. "location = /guarded { auth_request /api/v1/auth/me; pytake_health live; }"
--- request
GET /guarded
--- error_code: 401



=== a rewritten path
--- config eval
PyTakeTest::location_api()
. "location /v1/ { rewrite ^/v1/(.*)\$ /api/v1/\$1 last; }"
--- request
GET /v1/auth/me
--- error_code: 401
--- response_body_like: "code":"unauthorized"
