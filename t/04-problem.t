# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# What nginx refuses by itself is problem+json too, under its own status.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();

our $config = problem_pages() . <<'_';
    location = /400 { return 400; }
    location = /403 { deny all; }
    location = /412 { return 412; }
    location = /421 { return 421; }
    location = /495 { return 495; }
    location = /496 { return 496; }
    location = /497 { return 497; }
    location = /405 { limit_except GET { deny all; } return 405; }
    location = /413 { client_max_body_size 1; root html; }
    location = /500 { return 500; }
    location = /502 { proxy_pass http://127.0.0.1:1; }
    location = /503 { return 503; }
    location = /504 { return 504; }
_

block_defaults(http_with(), $config);

run_tests();

__DATA__

=== each status its own
--- request eval
[map { "GET /$_" } 400, 403, 404, 405, 412, 421, 500, 502, 503, 504]
--- error_code eval
[400, 403, 404, 405, 412, 421, 500, 502, 503, 504]
--- response_headers eval
[('Content-Type: application/problem+json') x 10]
--- response_body_like eval
[map { "^\\{\"type\":.*\"status\":$_,.*\"request_id\":\"req_" }
 400, 403, 404, 405, 412, 421, 500, 502, 503, 504]



=== what is about TLS goes out as 400
--- request eval
[map { "GET /$_" } 495, 496, 497]
--- error_code eval
[(400) x 3]
--- response_headers eval
[('Content-Type: application/problem+json') x 3]
--- response_body_like eval
[('"status":400') x 3]



=== 503 says when to come again
--- request
GET /503
--- error_code: 503
--- response_headers
Retry-After: 1
X-Frame-Options:



=== 413
--- request
POST /413
abcdef
--- error_code: 413
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "status":413



=== a request line that is none
--- raw_request eval
"GET / / / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- response_headers
Content-Type: application/problem+json



=== a request without a host
--- raw_request eval
"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- response_headers
Content-Type: application/problem+json



=== 414
--- raw_request eval
"GET /" . 'a' x 40000 . " HTTP/1.1\r\nHost: x\r\n\r\n"
--- error_code: 414
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "status":414



=== a header that is too large
--- raw_request eval
"GET / HTTP/1.1\r\nHost: x\r\nX-A: " . 'a' x 40000 . "\r\n\r\n"
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "status":400



=== the client's request id is in it
--- request
GET /nope
--- more_headers
X-Request-Id: mine
--- error_code: 404
--- response_headers
X-Request-Id: mine
--- response_body_like: "request_id":"mine"



=== asked for directly it is not there
--- request
GET /_pytake/problem
--- error_code: 404
--- response_headers
Content-Type: application/problem+json



=== HEAD
--- request
HEAD /nope
--- error_code: 404
--- response_body:
