# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# Who may have a WebSocket: the location of conf/pytake-locations.conf before a hub
# that says what it was told.  And health and metrics with a hub that
# answers, hangs, is away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(hmac_sha256);
use HTTP::Tiny;
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

master_on();
no_long_string();

# The hub of these tests is an nginx that tells what it got.
$PyTakeTest::upstream{"200 text/plain"} = 1;

our $dir = secret_dir();
our $user = demo()->{tenants}[0]{users}[0];
our $ws = '/api/v1/conversations/ws';

# What the hub would see, as a plain answer.
our $said = join ' ', map { "$_=[\$http_x_pytake_$_]" }
    qw(user tenant session exp role name secret);

our $hub = <<"_";
    server {
        listen unix:$dir/hub.sock;
        location = $ws {
            return 200 "$said pt=[\$http_x_pt_user] auth=[\$http_authorization] cookie=[\$http_cookie] upgrade=[\$http_upgrade] connection=[\$http_connection] key=[\$http_sec_websocket_key] protocol=[\$http_sec_websocket_protocol] addr=[\$http_x_pytake_addr] worker=[\$http_x_pytake_worker] length=[\$http_content_length] args=[\$args]\n";
        }
        location = /health { return 200 '{"status":"ok"}'; }
        location = /metrics {
            default_type text/plain;
            return 200 "# TYPE websocket_messages_total counter\nwebsocket_messages_total 7\n";
        }
    }
_

# listens and never answers
our $hanging = IO::Socket::UNIX->new(Local => "$dir/hang.sock", Listen => 64)
    or die "$dir/hang.sock: $!\n";
chmod 0666, "$dir/hang.sock";

sub location_ws {
    my ($more) = @_;
    open my $f, '<', "$FindBin::Bin/../conf/pytake-locations.conf" or die "$!\n";
    my $text = do { local $/; <$f> };
    my ($location) = $text =~ /^(location = \Q$ws\E \{.*?^\}\n)/ms
        or die "conf/pytake-locations.conf has no such location\n";
    $location =~ s/pytake_websocket;/pytake_websocket; $more/ if $more;
    return problem_pages() . $location;
}

sub http_ws {
    my ($path, @more) = @_;
    return http_with(pytake_hub => "unix:$path", @more)
           . "    upstream pytake_hub { server unix:$path max_fails=0; }\n"
           . $hub;
}

sub token {
    my (%claims) = @_;
    my $now = time;
    my %body = (sub => $user->{id}, tenant_id => demo()->{tenants}[0]{id},
                role => $user->{role}, iat => $now - 100, exp => $now + 600,
                sid => '01a20610-653f-7d50-8b45-4e4151820c4c',
                jti => '01a20610-653f-7d50-8b45-4e4151820c4d',
                iss => 'pytake', aud => 'pytake', %claims);
    my $text = join '.', map { encode_base64url(encode_json($_)) }
        { alg => 'HS256', typ => 'JWT' }, \%body;
    return "$text." . encode_base64url(hmac_sha256($text, $ENV{JWT_SECRET}));
}

sub login {
    my $c = HTTP::Tiny->new(timeout => 20);
    my $r = $c->post(demo()->{url} . '/api/v1/auth/login', {
        headers => { 'Content-Type' => 'application/json' },
        content => encode_json({ email => $user->{email},
                                 password => $user->{password} }) });
    die "login: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return decode_json($r->{content})->{access_token};
}

our $good = login();
our $revoked = login();
HTTP::Tiny->new->post(demo()->{url} . '/api/v1/auth/logout',
                      { headers => { Authorization => "Bearer $revoked" } });
our $id = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

# Headers of an upgrade; one that is given replaces ours, an empty one
# takes it away.
sub upgrade {
    my (@more) = @_;
    my %h = map { /^([^:]+)/ ? (lc $1 => 1) : () } @more;
    my @lines = ('Host: app.example:8443', 'Upgrade: websocket',
                 'Connection: Upgrade, close', 'Sec-WebSocket-Version: 13',
                 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');
    return join '', map { "$_\n" } (grep { /^([^:]+)/ && !$h{lc $1} } @lines),
        grep { /: ./ } @more;
}

block_defaults(http_ws("$dir/hub.sock"), location_ws());

run_tests();

__DATA__

=== no origin, no token: the first frame will tell
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade()
--- response_body_like eval
'^user=\[\] tenant=\[\] session=\[\] exp=\[\] role=\[\] .* upgrade=\[websocket\] '
. 'connection=\[upgrade\] key=\[dGhlIHNhbXBsZSBub25jZQ==\] protocol=\[\] '
. 'addr=\[127\.0\.0\.1\] worker=\[\d+\] length=\[\] args=\[\]$'
--- raw_response_headers_like: X-Request-Id: req_



=== a good token fills what the hub is told
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade("Authorization: Bearer $::good", 'Sec-WebSocket-Protocol: pytake.v1')
--- response_body_like eval
"^user=\\[$::user->{id}\\] tenant=\\[$::id\\] session=\\[$::id\\] exp=\\[\\d{10}\\] role=\\[\\] "
. '.*auth=\[\].*protocol=\[pytake.v1\]'



=== the query goes on
--- request eval
"GET $::ws?since=47&id=x"
--- more_headers eval
main::upgrade()
--- response_body_like: args=\[since=47&id=x\]



=== forged headers stay here
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade('X-Pytake-User: 01a20610-653f-7d50-8b45-4e4151820c4c',
    'X-PYTAKE-TENANT: t', 'x-pytake-session: s', 'X-Pytake-Exp: 9999999999',
    'X-Pytake-Role: owner', 'X-Pytake-Name: n', 'X-Pytake-Secret: x',
    'X-Pytake-Addr: 10.0.0.1', 'X-Pytake-Worker: 1', 'X-Pt-User: u',
    'X_Pytake_User: u', 'Cookie: a=b')
--- response_body_like eval
'^user=\[\] tenant=\[\] session=\[\] exp=\[\] role=\[\] name=\[\] secret=\[\] pt=\[\] '
. 'auth=\[\] cookie=\[\] .*addr=\[127\.0\.0\.1\] worker=\[(?!1\])\d+\]'



=== and with a token they change nothing
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade("Authorization: Bearer $::good", 'X-Pytake-Role: god',
    'X-Pytake-User: 01a20610-653f-7d50-8b45-4e4151820c4c')
--- response_body_like eval
"^user=\\[$::user->{id}\\] .*role=\\[\\]"



=== also where a location passes every header on
--- config eval
PyTakeTest::problem_pages()
. "location = $::ws { pytake_websocket; proxy_pass http://pytake_hub; }"
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade('X-Pytake-User: u', 'X-Pytake-Tenant: t', 'X-Pt-User: u',
    'Cookie: a=b')
--- response_body_like: ^user=\[\] tenant=\[\] .* pt=\[\] auth=\[\] cookie=\[a=b\]



=== bad tokens
--- request eval
[("GET $::ws") x 7]
--- more_headers eval
[map { main::upgrade("Authorization: $_") }
 'Basic YTpi', 'Bearer x.y.z', 'Bearer ' . main::token(exp => time - 60),
 'Bearer ' . main::token(aud => 'other'), 'Bearer ' . main::token(),
 "Bearer $::revoked", "Bearer $::good" . 'x']
--- error_code eval
[(401) x 7]
--- response_body_like eval
[map { '"status":401,.*"code":"' . $_ . '"|"code":"' . $_ . '"' }
 qw(unauthorized invalid_token token_expired invalid_token session_revoked
    session_revoked invalid_token)]
--- raw_response_headers_like eval
[('Content-Type: application/problem\+json') x 7]



=== a bad token is not looked at when the origin is wrong
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade('Authorization: Bearer x', 'Origin: https://evil.example')
--- error_code: 403
--- response_body_like: "code":"forbidden"



=== own host
--- request eval
[("GET $::ws") x 9]
--- more_headers eval
[map { main::upgrade("Origin: $_") }
 'http://app.example:8443', 'http://APP.example:8443',
 'https://app.example:8443', 'http://app.example', 'http://app.example:8443/',
 'http://xapp.example:8443', 'null', 'http://', "http://app.example:8443\nOrigin: http://app.example:8443"]
--- error_code eval
[200, 200, (403) x 7]
--- response_body_like eval
['^user', '^user', ('"status":403') x 7]



=== own host, the scheme's own port
--- request eval
[("GET $::ws") x 2]
--- more_headers eval
[main::upgrade('Host: app.example', 'Origin: http://app.example:80'),
 main::upgrade('Host: app.example:80', 'Origin: http://app.example')]
--- error_code eval
[200, 200]
--- response_body_like eval
['^user', '^user']



=== listed origins
--- config eval
main::location_ws('pytake_websocket_origins "https://a.example, http://localhost:3001";')
--- request eval
[("GET $::ws") x 7]
--- more_headers eval
[main::upgrade(), map { main::upgrade("Origin: $_") }
 'https://a.example', 'http://localhost:3001', 'http://app.example:8443',
 'http://a.example', 'https://a.example:443', 'https://A.example']
--- error_code eval
[200, 200, 200, (403) x 4]
--- response_body_like eval
[('^user') x 3, ('"code":"forbidden"') x 4]



=== not an upgrade
--- request eval
["GET $::ws", ("GET $::ws") x 4, "GET $::ws HTTP/1.0"]
--- more_headers eval
['', main::upgrade('Upgrade: h2c'), main::upgrade('Connection: close'),
 main::upgrade('Sec-WebSocket-Version: 8'),
 main::upgrade('Upgrade: websockets'), main::upgrade()]
--- error_code eval
[(426) x 6]
--- response_body_like eval
[('"status":426.*"code":"upgrade_required"|"code":"upgrade_required"') x 6]
--- raw_response_headers_like eval
[('Upgrade: websocket\r\n(.*\r\n)*Sec-WebSocket-Version: 13') x 6]



=== other verbs
--- request eval
["PUT $::ws", "DELETE $::ws"]
--- more_headers eval
[(main::upgrade()) x 2]
--- error_code eval
[405, 405]
--- raw_response_headers_like eval
[('Allow: GET') x 2]



=== a body, no key
--- request eval
[("GET $::ws") x 2, "GET $::ws\nabc"]
--- more_headers eval
[main::upgrade('Sec-WebSocket-Key: x'), main::upgrade('Sec-WebSocket-Key:'),
 main::upgrade()]
--- error_code eval
[(400) x 3]



=== hub away
--- http_config eval
main::http_ws("$::dir/none.sock")
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade()
--- error_code: 503
--- response_body_like: "code":"service_unavailable"
--- no_error_log
[alert]
[emerg]



=== database away: a token cannot be judged, first frames may
--- http_config eval
main::http_ws("$::dir/hub.sock", pytake_database => '"host=127.0.0.1 port=1 dbname=x"')
--- request eval
[("GET $::ws") x 2]
--- more_headers eval
[main::upgrade("Authorization: Bearer $::good"), main::upgrade()]
--- error_code eval
[503, 200]



=== deny stands before it
--- config eval
main::location_ws('deny all;')
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade("Authorization: Bearer $::good")
--- error_code: 403



=== without the location there is nothing
--- config eval
PyTakeTest::location_api()
--- request eval
"GET $::ws"
--- more_headers eval
main::upgrade()
--- error_code: 404
--- response_body_like: "code":"route_not_found"



=== health with the hub
--- config
    location = /health { pytake_health; }
--- wait: 0.3
--- request eval
[("GET /health") x 2]
--- response_body_like eval
[('"status":"(healthy|degraded)".*"websocket":true') x 2]



=== health with a hub that is away
--- config
    location = /health { pytake_health; }
--- http_config eval
main::http_ws("$::dir/none.sock")
--- request eval
[("GET /health") x 2]
--- response_body_like eval
[('"status":"degraded".*"database":true.*"websocket":false') x 2]



=== health with a hub that hangs
--- config
    location = /health { pytake_health; }
--- http_config eval
main::http_ws("$::dir/hang.sock")
--- request eval
[("GET /health") x 3]
--- response_body_like eval
[('"status":"degraded".*"websocket":false') x 3]
--- timeout: 1



=== metrics with the hub
--- config
    location = /metrics { pytake_metrics; }
--- request eval
[("GET /metrics") x 2]
--- response_body_like eval
[('(?s)pytake_workers 1.*\npytake_hub_up 1\n.*\nwebsocket_messages_total 7\n$') x 2]



=== metrics of websockets
--- config eval
main::location_ws() . 'location = /metrics { pytake_metrics; }'
--- request eval
["GET $::ws", "GET /metrics"]
--- more_headers eval
[main::upgrade(), '']
--- response_body_like eval
['^user', 'pytake_requests_total\{op="websocket",status="2xx"\} [1-9]']



=== metrics with a hub that is away, or hangs
--- config
    location = /metrics { pytake_metrics; }
--- http_config eval
main::http_ws("$::dir/none.sock")
--- request
GET /metrics
--- response_body_like: pytake_hub_up 0



=== metrics with a hub that hangs
--- config
    location = /metrics { pytake_metrics; }
--- http_config eval
main::http_ws("$::dir/hang.sock")
--- request
GET /metrics
--- response_body_like: pytake_hub_up 0
--- timeout: 1



=== a client that leaves while the hub hangs
--- config
    location = /health { pytake_health; }
    location = /metrics { pytake_metrics; }
--- http_config eval
main::http_ws("$::dir/hang.sock")
--- request eval
["GET /health", "GET /metrics"]
--- timeout: 0.05
--- abort
--- ignore_response
--- wait: 0.3
