# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# Every directive, good and bad; the good ones also start.

use strict;
use warnings;

BEGIN {
    # each of these is a start of its own
    delete $ENV{TEST_NGINX_USE_HUP};
    $ENV{PYTAKE_TEST_EMPTY} = '';
    $ENV{PYTAKE_TEST_DB} = 'postgresql://u:s3cret@127.0.0.1:1/d';
    $ENV{PYTAKE_TEST_REDIS} = 'redis://:s3cret@127.0.0.1:1/0';
    $ENV{PYTAKE_TEST_BAD} = 'nonsense=';
    $ENV{PYTAKE_TEST_ORIGINS} = 'https://a.example, http://[::1]:3001';
}

use FindBin;
use lib "$FindBin::Bin/lib";
use PyTakeTest;
use Test::Nginx::Socket 'no_plan';

my $long = 'x' x 40;

secret_file('jwt', "$long\n");
secret_file('jwt15', 'x' x 15);
secret_file('jwt16', 'x' x 16);
secret_file('jwt31', 'x' x 31);
secret_file('jwt32', 'x' x 32);
secret_file('jwt_crlf', "$long\r\n");
secret_file('empty', "\n");
secret_file('redis_escaped', 'redis://u:s3cret%40%2F%25@cache:6379/0');
secret_file('redis_socket', 'unix:///r.sock?password=s3cret&db=1');
secret_file('open', $long, 0644);
secret_file('huge', 'x' x 70000);
my $dir = secret_dir();

my $ws = 'location = /ws { pytake_websocket; '
         . 'proxy_pass http://unix:/tmp/hub.sock; }';
my @hub = (pytake_hub => 'unix:/tmp/hub.sock');
my $api = "location /api/v1/ { pytake on; }";
my (@good, @bad);

sub http { my ($d, @o) = @_; return [ $d, http_with(@o), $api ]; }
sub loc  { my ($d, $l, @o) = @_; return [ $d, http_with(@o), $l ]; }

@good = (
    http('all by environment'),
    http('database inline', pytake_database => '"host=127.0.0.1 dbname=x"'),
    http('database with several hosts', pytake_database =>
         'postgresql://127.0.0.1:1,127.0.0.2:2/x'),
    http('database with a password by environment',
         pytake_database => 'env:PYTAKE_TEST_DB'),
    http('role', pytake_database_role => 'pytake_app'),
    http('role off', pytake_database_role => 'off'),
    http('redis inline', pytake_redis => 'redis://127.0.0.1:6379/1'),
    http('redis by unix socket', pytake_redis => 'unix:///tmp/r.sock'),
    http('redis with a password by environment',
         pytake_redis => 'env:PYTAKE_TEST_REDIS'),
    http('redis without port', pytake_redis => 'redis://127.0.0.1'),
    http('redis by name', pytake_redis => 'redis://cache'),
    http('redis with a default database', pytake_redis => 'redis://[::1]:1/'),
    http('redis with an escaped password',
         pytake_redis => "file:$dir/redis_escaped"),
    http('redis socket with password and database',
         pytake_redis => "file:$dir/redis_socket"),
    http('no redis', pytake_redis => undef),
    http('jwt secret by file', pytake_jwt_secret => "file:$dir/jwt"),
    http('jwt secret of 32 bytes', pytake_jwt_secret => "file:$dir/jwt32"),
    http('jwt secret with crlf', pytake_jwt_secret => "file:$dir/jwt_crlf"),
    http('lifetimes', pytake_jwt_lifetime => '1h',
         pytake_refresh_lifetime => '30d'),
    http('no verify token', pytake_webhook_verify_token => undef),
    http('pools', pytake_pool_read => '4 depth=8',
         pytake_pool_write => '8 tenant=3', pytake_pool_slow => '1',
         pytake_pool_queue => '16'),
    http('timeouts', pytake_connect_timeout => '500ms',
         pytake_statement_timeout => '2s', pytake_lock_timeout => '900ms',
         pytake_timeout => '1s', pytake_login_timeout => '2s',
         pytake_body_timeout => '5s'),
    http('hashes', pytake_hashes_max => '4 queue=8'),
    http('default thread pool', pytake_thread_pool => 'default'),
    http('body limits', pytake_body_max => '64k',
         pytake_webhook_body_max => '2m'),
    loc('inheritance', "pytake_timeout 2s; $api location /a { $api }"
        =~ s/location \/a \{.*/location \/api\/v1\/auth\/ { pytake on; pytake_timeout 3s; }/r),
    loc('off', 'location / { pytake off; }'),
    loc('health', 'location = /h { pytake_health; } '
        . 'location = /l { pytake_health live; } '
        . 'location = /r { pytake_health ready; }'),
    loc('metrics', 'location = /m { pytake_metrics; } '
        . 'location = /a { pytake_metrics any; }'),
    loc('status', 'location = /s { pytake_status; }'),
    loc('status without a zone', 'location = /s { pytake_status; }',
        pytake_zone => undef),
    loc('problem', 'location = /p { internal; pytake_problem; }'),
    http('hub', @hub),
    http('hub with a spread', pytake_hub => 'unix:/tmp/hub.sock spread=30s'),
    loc('websocket', $ws, @hub),
    loc('websocket with an if', $ws =~ s/proxy_pass/if (\$http_x_a) { set \$a 1; } proxy_pass/r, @hub),
    loc('origins inherited', "pytake_websocket_origins https://a.example; $ws",
        @hub),
    loc('origins by environment',
        "pytake_websocket_origins env:PYTAKE_TEST_ORIGINS; $ws", @hub),
    loc('several origins', 'pytake_websocket_origins '
        . "\"http://localhost:3001,https://a-b.c\"; $ws", @hub),
    [ 'nothing at all', '', 'location / { return 204; }' ],
    [ 'problem pages alone', '', 'location = /p { pytake_problem; }' ],
    [ 'in an if', http_with(), 'location /api/v1/ { pytake on; '
      . 'if ($http_x_a) { set $a 1; } }' ],
);

@bad = (
    [ http('no database', pytake_database => undef),
      'no "pytake_database" is defined' ],
    [ loc('health without database', 'location / { pytake_health; }',
          pytake_database => undef), 'no "pytake_database" is defined' ],
    [ http('database twice', pytake_database =>
           "env:DATABASE_URL;\n pytake_database env:DATABASE_URL"),
      '"pytake_database" directive is duplicate' ],
    [ http('database nonsense', pytake_database => 'nonsense='),
      'is not a connection string' ],
    [ http('database nonsense by environment',
           pytake_database => 'env:PYTAKE_TEST_BAD'),
      'is not a connection string of PostgreSQL ("env:PYTAKE_TEST_BAD")' ],
    [ http('database by service', pytake_database => 'service=x'),
      '"pytake_database" has a service, which is not supported' ],
    [ http('database with a long host', pytake_database =>
           '"host=' . 'a' x 300 . '"'),
      'has a host that is too long, or too many' ],
    [ http('database with many hosts', pytake_database =>
           '"host=' . join(',', ('h') x 33) . '"'),
      'has a host that is too long, or too many' ],
    [ http('database with an inline password', pytake_database =>
           'postgresql://u:s3cret@127.0.0.1/d'), 'has a password' ],
    [ http('database empty', pytake_database => '""'),
      '"pytake_database" is empty' ],
    [ http('role with quotes', pytake_database_role => "\"a b\""),
      'is not the name of a role' ],
    [ http('role twice', pytake_database_role =>
           "a;\n pytake_database_role a"), 'is duplicate' ],
    [ http('redis of another scheme', pytake_redis => 'http://x'),
      'is not a Redis URL ("http://x")' ],
    (map { [ http("redis $_", pytake_redis => $_), 'is not a Redis URL' ] }
     'redis://x:99999', 'redis://x:0', 'redis://x:', 'redis://x:1/abc',
     'redis://x:1/1024', 'redis://x:1/0/1', 'redis://', 'redis://:6379',
     'redis://::1:6379', 'redis://[::1:6379', 'redis://[::1]6379',
     'redis://s3cret@cache:6379/0', 'redis://:pa/s3cret@cache:6379/0',
     'redis://:s3cret100%@cache:6379', 'redis://:p@s3cret@cache',
     'unix://r.sock', 'unix:///', 'unix:///r.sock?timeout=1',
     'unix:///r.sock?password', 'unix:///r.sock?db=x',
     'unix:///' . 'a' x 107),
    [ http('redis nonsense by environment',
           pytake_redis => 'env:PYTAKE_TEST_BAD'),
      'is not a Redis URL ("env:PYTAKE_TEST_BAD")' ],
    [ http('redis with an inline password', pytake_redis =>
           'redis://:s3cret@127.0.0.1:6379'), 'has a password' ],
    [ http('redis socket with an inline password', pytake_redis =>
           '"unix:///r.sock?db=1&password=s3cret"'), 'has a password' ],
    [ http('redis twice', pytake_redis =>
           "redis://x:1;\n pytake_redis redis://x:1"), 'is duplicate' ],
    [ http('jwt secret missing', pytake_jwt_secret => undef),
      'no "pytake_jwt_secret" is defined' ],
    [ http('jwt secret inline', pytake_jwt_secret => $long),
      '"pytake_jwt_secret" is a secret: use file: or env:' ],
    [ http('jwt secret short', pytake_jwt_secret => "file:$dir/jwt15"),
      '"pytake_jwt_secret" is too short, 16 bytes are needed' ],
    [ http('jwt secret unset', pytake_jwt_secret => 'env:PYTAKE_TEST_NONE'),
      'environment variable "PYTAKE_TEST_NONE" is not set' ],
    [ http('jwt secret empty', pytake_jwt_secret => 'env:PYTAKE_TEST_EMPTY'),
      'environment variable "PYTAKE_TEST_EMPTY" is empty' ],
    [ http('jwt secret without a name', pytake_jwt_secret => 'env:'),
      'is not set' ],
    [ http('jwt secret file absent', pytake_jwt_secret => "file:$dir/none"),
      'No such file' ],
    [ http('jwt secret file empty', pytake_jwt_secret => "file:$dir/empty"),
      'is empty' ],
    [ http('jwt secret file huge', pytake_jwt_secret => "file:$dir/huge"),
      'is too large' ],
    [ http('jwt secret file a folder', pytake_jwt_secret => "file:$dir"),
      'is not a regular file' ],
    [ http('jwt secret file without path', pytake_jwt_secret => 'file:'),
      'has no path' ],
    [ http('jwt secret twice', pytake_jwt_secret =>
           "env:JWT_SECRET;\n pytake_jwt_secret env:JWT_SECRET"),
      'is duplicate' ],
    [ http('jwt lifetime', pytake_jwt_lifetime => '5s'),
      'a time from 1m to 400d is expected' ],
    [ http('jwt lifetime not a time', pytake_jwt_lifetime => 'soon'),
      'invalid value' ],
    [ http('refresh shorter', pytake_jwt_lifetime => '2h',
           pytake_refresh_lifetime => '1h'), 'is shorter than' ],
    [ http('webhook secret inline', pytake_webhook_secret => 'abc'),
      '"pytake_webhook_secret" is a secret' ],
    [ http('verify token inline', pytake_webhook_verify_token => 'abc'),
      '"pytake_webhook_verify_token" is a secret' ],
    [ http('zone without a size', pytake_zone => 'pytake'), 'invalid zone' ],
    [ http('zone of no size', pytake_zone => 'pytake:abc'),
      'invalid zone size' ],
    [ http('zone too small', pytake_zone => 'pytake:16k'), 'is too small' ],
    [ http('zone twice', pytake_zone => "a:1m;\n pytake_zone b:1m"),
      'is duplicate' ],
    [ http('zone of another module', pytake_zone => 'pytake:1m;'
           . "\n limit_conn_zone \$uri zone=pytake:1m"), 'pytake' ],
    [ http('requests, not a number', pytake_requests => 'network=x'),
      'invalid parameter "network=x"' ],
    [ http('requests, none', pytake_requests => 'network=0'),
      'invalid parameter "network=0"' ],
    [ http('requests, too many', pytake_requests => 'all=65537'),
      'invalid parameter "all=65537"' ],
    [ http('requests, unknown', pytake_requests => 'burst=5'),
      'invalid parameter "burst=5"' ],
    [ http('requests, too large', pytake_requests => 'large=5m large_all=1'),
      'invalid parameter "large=5m"' ],
    [ http('requests, large ones unlimited', pytake_requests => 'large=1k'),
      'needs "large_network" or "large_all"' ],
    [ http('requests, large ones unknown', pytake_requests => 'large_all=1'),
      'needs "large_network" or "large_all"' ],
    [ http('requests, a limit twice', pytake_requests => 'all=1 all=2'),
      'duplicate "all=2"' ],
    [ http('requests twice', pytake_requests => "all=1;\n pytake_requests off"),
      'is duplicate' ],
    [ loc('metrics without a zone', 'location / { pytake_metrics; }',
          pytake_zone => undef), 'needs a "pytake_zone"' ],
    [ http('no read pool', pytake_pool_read => 0), 'a number from 1 to 64' ],
    [ http('no write pool', pytake_pool_write => 0),
      'a number from 1 to 64' ],
    [ http('no slow pool', pytake_pool_slow => 0), 'a number from 1 to 64' ],
    [ http('too many', pytake_pool_read => 65), 'a number from 1 to 64' ],
    [ http('negative', pytake_pool_write => -1), 'a number from 1 to 64' ],
    [ http('depth of zero', pytake_pool_read => '2 depth=0'),
      'invalid parameter "depth=0"' ],
    [ http('tenant of zero', pytake_pool_write => '2 tenant=0'),
      'invalid parameter "tenant=0"' ],
    [ http('unknown option', pytake_pool_read => '2 width=3'),
      'invalid parameter "width=3"' ],
    [ http('pool twice', pytake_pool_slow => "1;\n pytake_pool_slow 1"),
      'is duplicate' ],
    [ http('no queue', pytake_pool_queue => 0), 'a number from 1 to 65536' ],
    [ http('connect timeout', pytake_connect_timeout => '1ms'),
      'a time from 50ms to 60s' ],
    [ http('statement timeout', pytake_statement_timeout => '2m'),
      'a time from 50ms to 60s' ],
    [ http('lock timeout', pytake_lock_timeout => '5s'),
      '"pytake_lock_timeout" is longer than' ],
    [ http('timeout', pytake_timeout => 0), 'a time from 50ms to 60s' ],
    [ http('timeout not a time', pytake_timeout => 'abc'), 'invalid value' ],
    [ http('login timeout', pytake_login_timeout => '2h'),
      'a time from 50ms to 60s' ],
    [ http('body timeout', pytake_body_timeout => '2h'),
      'a time from 50ms to 60s' ],
    [ http('no hashes', pytake_hashes_max => 0), 'a number from 1 to 64' ],
    [ http('no hash queue', pytake_hashes_max => '2 queue=0'),
      'invalid parameter "queue=0"' ],
    [ http('unknown thread pool', pytake_thread_pool => 'none'),
      'unknown thread pool "none"' ],
    [ http('thread pool twice', pytake_thread_pool =>
           "default;\n pytake_thread_pool default"), 'is duplicate' ],
    [ http('body too small', pytake_body_max => 10),
      '"pytake_body_max" is not between' ],
    [ http('body too large', pytake_body_max => '2m'),
      '"pytake_body_max" is not between' ],
    [ http('webhook body too large', pytake_webhook_body_max => '5m'),
      '"pytake_webhook_body_max" is not between' ],
    [ loc('neither on nor off', 'location / { pytake yes; }'),
      'it must be "on" or "off"' ],
    [ loc('on twice', 'location / { pytake on; pytake on; }'),
      'is duplicate' ],
    [ loc('two handlers', 'location / { pytake on; pytake_health; }'),
      'is duplicate, or there is another handler' ],
    [ loc('beside stub_status', 'location / { stub_status; pytake on; }'),
      'there is another handler in this location' ],
    [ loc('health of what', 'location / { pytake_health dead; }'),
      'invalid parameter "dead"' ],
    [ loc('metrics for whom', 'location / { pytake_metrics some; }'),
      'invalid parameter "some"' ],
    [ loc('status for others', 'location / { pytake_status any; }'),
      'invalid number of arguments' ],
    [ loc('status without a database', 'location / { pytake_status; }',
          pytake_database => undef), 'no "pytake_database" is defined' ],
    [ loc('status beside health', 'location / { pytake_health; '
          . 'pytake_status; }'), 'there is another handler in this location' ],
    [ loc('problem with an argument', 'location / { pytake_problem x; }'),
      'invalid number of arguments' ],
    [ http('hub over tcp', pytake_hub => '127.0.0.1:80'),
      'unix:/path of at most 107 bytes is expected' ],
    [ http('hub with a relative path', pytake_hub => 'unix:hub.sock'),
      'unix:/path of at most 107 bytes is expected' ],
    [ http('hub with a long path', pytake_hub => 'unix:/' . 'a' x 107),
      'unix:/path of at most 107 bytes is expected' ],
    [ http('hub twice', pytake_hub => "unix:/a;\n pytake_hub unix:/a"),
      'is duplicate' ],
    [ http('hub with another option', pytake_hub => 'unix:/a pace=3s'),
      'invalid parameter "pace=3s"' ],
    [ http('hub with a spread that is no time',
           pytake_hub => 'unix:/a spread=soon'), 'a time up to 10m' ],
    [ http('hub with a long spread', pytake_hub => 'unix:/a spread=1h'),
      'a time up to 10m' ],
    [ loc('hub in server', 'pytake_hub unix:/a;'), 'is not allowed here' ],
    [ loc('websocket without a hub', $ws), 'needs a "pytake_hub"' ],
    [ loc('websocket without proxy_pass', 'location = /ws { '
          . 'pytake_websocket; }', @hub), 'needs a "proxy_pass"' ],
    [ loc('websocket beside the api', 'location = /ws { pytake_websocket; '
          . 'pytake on; }', @hub), 'needs a "proxy_pass"' ],
    [ loc('websocket twice', 'location = /ws { pytake_websocket; '
          . 'pytake_websocket; }', @hub), 'is duplicate' ],
    [ loc('websocket in server', 'pytake_websocket;', @hub),
      'is not allowed here' ],
    [ loc('websocket without a database', $ws, @hub,
          pytake_database => undef), 'no "pytake_database" is defined' ],
    [ loc('websocket without a secret', $ws, @hub,
          pytake_jwt_secret => undef), 'no "pytake_jwt_secret" is defined' ],
    [ loc('origins empty', 'pytake_websocket_origins "";'), 'is empty' ],
    (map { [ loc("origin $_", "pytake_websocket_origins \"$_\";"),
             'is not an origin as browsers send it' ] }
     '*', 'app.example', 'https://', 'https://a.example/', 'https://A.example',
     'https://a.example:0', 'https://a.example:x', 'https://a.example,,',
     'https://u@a.example', 'https://[::1', 'https://a:70000'),
    [ loc('origins twice', 'pytake_websocket_origins https://a; '
          . 'pytake_websocket_origins https://a;'), 'is duplicate' ],
    [ loc('pytake in server', 'pytake on;'), 'is not allowed here' ],
    [ loc('health in server', 'pytake_health;'), 'is not allowed here' ],
    [ loc('metrics in server', 'pytake_metrics;'), 'is not allowed here' ],
    [ loc('status in server', 'pytake_status;'), 'is not allowed here' ],
    [ loc('resources in server', 'pytake_database x;'),
      'is not allowed here' ],
);

our ($http, $conf);

run_one($_, undef) for @good;
run_one(@$_) for @bad;
run_one([ 'a secret that everyone can read warns',
          http_with(pytake_jwt_secret => "file:$dir/open"), $api ],
        undef, 'can be read by everyone');
run_one([ "a jwt secret of $_ bytes warns",
          http_with(pytake_jwt_secret => "file:$dir/jwt$_"), $api ],
        undef, 'has less than 32 bytes') for 16, 31;
run_one([ 'no webhook secret warns',
          http_with(pytake_webhook_secret => undef), $api ],
        undef, 'every webhook will be refused');

# nginx -t: that is what an operator runs, and what must tell
sub run_one {
    my ($case, $expect, $warning) = @_;
    my ($name, $http, $conf) = @$case;
    my $root = "$dir/t";
    my $port = $ENV{TEST_NGINX_PORT} || 1984;

    mkdir $root;
    mkdir "$root/logs";
    open my $f, '>', "$root/nginx.conf" or die "$root/nginx.conf: $!\n";
    print $f "load_module $ENV{TEST_NGINX_LOAD_MODULES};\n",
        "error_log stderr notice;\npid $root/nginx.pid;\n",
        "events { worker_connections 128; }\nhttp {\n",
        (map { "${_}_temp_path $root/$_;\n" }
         qw(client_body proxy fastcgi uwsgi scgi)),
        "access_log off;\n$http\nserver {\nlisten 127.0.0.1:$port;\n",
        "$conf\n}\n}\n";
    close $f;

    my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
    my $out = `$binary -p $root -c $root/nginx.conf -t 2>&1`;
    my $rc = $?;

    if (defined $expect) {
        ok($rc != 0, "bad: $name - refused");
        ok(index($out, $expect) >= 0, "bad: $name - says why")
            or diag("expected: $expect\n$out");
        ok($out !~ /s3cret|$long/, "bad: $name - tells no secret");
    } else {
        ok($rc == 0, "good: $name - accepted") or diag($out);
        my @w = grep { /\[(warn|emerg|alert|crit|error)\]/ }
                split /^/, $out;
        @w = grep { !/worker_connections may be taken/ } @w;
        if ($warning) {
            ok((grep { /\Q$warning\E/ } @w) == 1, "good: $name - warns")
                or diag($out);
        } else {
            is(scalar @w, 0, "good: $name - no warning") or diag($out);
        }
    }
}

run_tests();

__DATA__

=== a start with everything set
--- http_config eval
PyTakeTest::http_with(
    pytake_database_role => 'pytake_app',
    pytake_jwt_lifetime => '1h', pytake_refresh_lifetime => '2h',
    pytake_pool_read => '2 depth=8', pytake_pool_write => '2 tenant=1',
    pytake_pool_slow => 1, pytake_pool_queue => 64,
    pytake_connect_timeout => '1s', pytake_statement_timeout => '2s',
    pytake_lock_timeout => '1s', pytake_hashes_max => '2 queue=8',
    pytake_thread_pool => 'default')
--- config eval
PyTakeTest::location_api("        pytake_timeout 1s;\n")
--- request
GET /api/v1/nope
--- error_code: 404
--- no_error_log
[alert]
[error]
