# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# Conditional headers: by the time nginx looks at them the work is done, so
# they may not turn its answer into a 412 or a 304.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();

our $hook = '/api/v1/webhooks/whatsapp';
our $body = webhook_body('conditional');

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value('http_config', http_with());
    $block->set_value('config', location_api() . <<'_');
    location = /health { pytake_health; }
    location = /metrics { pytake_metrics; }
_
    $block->set_value('no_error_log', "[alert]\n[crit]\n[emerg]");
});

run_tests();

__DATA__

=== If-Match
--- request eval
"POST /api/v1/auth/login\n" . PyTakeTest::login_body(0, 'agent')
--- more_headers
Content-Type: application/json
If-Match: "x"
--- error_code: 200
--- response_body_like: access_token



=== If-Unmodified-Since
--- request eval
"POST $::hook\n$::body"
--- more_headers eval
"Content-Type: application/json\nIf-Unmodified-Since: "
. "Mon, 01 Jan 2024 00:00:00 GMT\nX-Hub-Signature-256: "
. PyTakeTest::signature($::body)
--- error_code: 200



=== If-None-Match
--- request eval
["GET /health", "GET /metrics"]
--- more_headers
If-None-Match: *
--- error_code eval
[200, 200]
--- response_body_like eval
['status', 'pytake_build_info']



=== If-Modified-Since
--- request
GET /health
--- more_headers
If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT
--- error_code: 200
