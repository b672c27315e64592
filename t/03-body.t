# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# Bodies in several buffers, in a temporary file, in chunks; pipelined
# requests, HTTP/1.0, HEAD; the webhook's order of refusals.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();

our $hook = '/api/v1/webhooks/whatsapp';
our $small = webhook_body('small');
our $medium = webhook_body('medium', 300000);
our $large = webhook_body('large', 3000000);
our $chunky = webhook_body('chunky', 200000);
our $huge = webhook_body('huge', 5000000);

sub signed {
    my ($body) = @_;
    return "Content-Type: application/json\nX-Hub-Signature-256: "
           . signature($body);
}

sub raw {
    my ($body, @more) = @_;
    return join "\r\n", "POST $hook HTTP/1.1", 'Host: x',
        'X-Hub-Signature-256: ' . signature($body), @more;
}

block_defaults(http_with(), location_api());

run_tests();

__DATA__

=== signed, small
--- request eval
"POST $::hook\n$::small"
--- more_headers eval
main::signed($::small)
--- error_code: 200



=== signed, several buffers
--- request eval
"POST $::hook\n$::medium"
--- more_headers eval
main::signed($::medium)
--- error_code: 200



=== signed, in a temporary file
--- request eval
"POST $::hook\n$::large"
--- more_headers eval
main::signed($::large)
--- timeout: 10
--- error_code: 200



=== signed, in chunks
--- raw_request eval
main::raw($::chunky, 'Transfer-Encoding: chunked', 'Connection: close', '',
          PyTakeTest::chunked($::chunky, 1000))
--- timeout: 10
--- error_code: 200



=== in chunks of one byte
--- raw_request eval
main::raw($::small, 'Transfer-Encoding: chunked', 'Connection: close', '',
          PyTakeTest::chunked($::small, 1))
--- error_code: 200



=== broken chunks
--- raw_request eval
main::raw('x', 'Transfer-Encoding: chunked', 'Connection: close', '',
          "zz\r\nx\r\n0\r\n\r\n")
--- error_code: 400
--- response_headers
Content-Type: application/problem+json



=== too large goes before a wrong signature
--- request eval
"POST $::hook\n$::huge"
--- more_headers
X-Hub-Signature-256: sha256=00
--- timeout: 10
--- error_code: 413
--- response_headers
Content-Type: application/problem+json
--- response_body_like: "status":413



=== too large by the location's own limit
--- config eval
PyTakeTest::location_api("pytake_webhook_body_max 2k;")
--- request eval
"POST $::hook\n" . PyTakeTest::webhook_body('a', 3000)
--- more_headers
X-Hub-Signature-256: sha256=00
--- error_code: 413
--- response_headers
Content-Type: application/problem+json



=== too large in chunks
--- config eval
PyTakeTest::location_api("pytake_webhook_body_max 2k; pytake_body_max 1k;")
--- raw_request eval
main::raw($::medium, 'Transfer-Encoding: chunked', 'Connection: close', '',
          PyTakeTest::chunked(substr($::medium, 0, 4000), 500))
--- error_code: 413
--- response_headers
Content-Type: application/problem+json



=== a wrong signature goes before bad JSON
--- request eval
"POST $::hook\nnot json"
--- more_headers
X-Hub-Signature-256: sha256=00
--- error_code: 401



=== no signature
--- request eval
"POST $::hook\n$::small"
--- error_code: 401



=== signed, but no JSON
--- request eval
"POST $::hook\nnot json"
--- more_headers eval
main::signed('not json')
--- error_code: 400



=== verification
--- request eval
"GET $::hook?hub.mode=subscribe&hub.challenge=12345&hub.verify_token="
. $ENV{WHATSAPP_WEBHOOK_VERIFY_TOKEN}
--- error_code: 200
--- response_body: 12345



=== verification with a wrong token
--- request eval
"GET $::hook?hub.mode=subscribe&hub.challenge=12345&hub.verify_token=no"
--- error_code: 403



=== pipelined: every request its own answer, bodies do not leak into requests
--- pipelined_requests eval
["GET /api/v1/nope", "POST /api/v1/auth/login\n{\"a\":", "GET /nope",
 "POST /api/v1/nope\nGET / HTTP/1.1", "GET /api/v1/auth/me"]
--- more_headers
Content-Type: application/json
--- error_code eval
[404, 400, 404, 404, 401]



=== HTTP/1.0
--- raw_request eval
"GET /api/v1/auth/me HTTP/1.0\r\n\r\n"
--- error_code: 401
--- response_headers
Connection: close



=== HEAD has the header alone
--- raw_request eval
"HEAD /api/v1/nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
--- error_code: 404
--- response_body:



=== Expect: 100-continue and a body over the limit
--- config eval
PyTakeTest::location_api("lingering_timeout 200ms;")
--- raw_request eval
"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Content-Type: application/json\r\n"
. "Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n"
--- error_code: 413



=== a body that never comes
--- config eval
PyTakeTest::location_api("client_body_timeout 300ms;")
--- raw_request eval
"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
. "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
--- error_code:
--- ignore_response



=== a body that comes too slowly
--- config eval
PyTakeTest::location_api("pytake_body_timeout 300ms;")
--- raw_request eval
"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
. "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
--- error_code:
--- ignore_response



=== a body that nobody waits for
--- raw_request eval
"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Content-Length: 10\r\n\r\n{"
--- config eval
PyTakeTest::location_api("lingering_timeout 200ms;")
--- error_code: 415



=== a webhook without a signature is not read
--- raw_request eval
"POST $::hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\n"
--- config eval
PyTakeTest::location_api("lingering_timeout 200ms;")
--- error_code: 401
