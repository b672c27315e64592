# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# The variables, where an operator needs them: in the access log.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();

our $format = <<'_';
    log_format vars escape=json 'id=$pytake_request_id op=$pytake_op '
        'status=$pytake_status code=$pytake_code user=$pytake_user '
        'tenant=$pytake_tenant conv=$pytake_conversation '
        'db=$pytake_db_time; path=$pytake_path;';
_

our $http = http_with() . $format;
our $config = location_api('access_log logs/error.log vars;')
    . "access_log logs/error.log vars;\n"
    . "location = /health/live { pytake_health live; }\n";

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value('http_config', $main::http)
        unless defined $block->http_config;
    $block->set_value('config', $main::config);
    $block->set_value('no_error_log', "[alert]\n[crit]\n[emerg]");
});

run_tests();

__DATA__

=== a refusal
--- request
GET /api/v1/auth/me
--- more_headers
X-Request-Id: vars-1
--- error_code: 401
--- wait: 0.1
--- error_log
id=vars-1 op=auth_me status=401 code=unauthorized user= tenant= conv= db=;



=== no route
--- request
GET /api/v1/nope?token=a&b=/c?d
--- more_headers
X-Request-Id: vars-2
--- error_code: 404
--- wait: 0.1
--- error_log
id=vars-2 op= status=404 code=route_not_found user=
 path=/api/v1/nope;



=== the path as it was sent, of any location
--- request
GET /health//live/%2e?x
--- more_headers
X-Request-Id: vars-7
--- error_code: 404
--- wait: 0.1
--- error_log
 path=/health//live/%2e;



=== a map of that name goes on to work
--- http_config eval
$main::http . "map \$request_uri \$pytake_path { default mapped; }\n"
--- request
GET /health/live
--- more_headers
X-Request-Id: vars-8
--- wait: 0.1
--- error_log
 path=mapped;



=== a login
--- request eval
"POST /api/v1/auth/login\n" . PyTakeTest::login_body(0, 'agent')
--- more_headers
Content-Type: application/json
X-Request-Id: vars-3
--- error_code: 200
--- wait: 0.1
--- error_log eval
[qr/id=vars-3 op=auth_login status=200 code= user=[0-9a-f-]{36} tenant=[0-9a-f-]{36} conv= db=0\.\d{6};/]



=== a wrong password
--- request
POST /api/v1/auth/login
{"email":"nobody@example.com","password":"wrong-password"}
--- more_headers
Content-Type: application/json
X-Request-Id: vars-4
--- error_code: 401
--- wait: 0.1
--- error_log eval
[qr/id=vars-4 op=auth_login status=401 code=\w+ user= tenant= conv= db=0/]



=== a problem page of nginx
--- request
GET /nope
--- more_headers
X-Request-Id: vars-5
--- error_code: 404
--- wait: 0.1
--- error_log
id=vars-5 op= status=404 code= user=



=== health
--- request
GET /health/live
--- more_headers
X-Request-Id: vars-6
--- wait: 0.1
--- error_log
id=vars-6 op=health status=200 code= user=
