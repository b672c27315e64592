# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.

# What the Test::Nginx files share: a configuration that works, made of the
# environment that t/run gives (DATABASE_URL, REDIS_URL, JWT_SECRET,
# WHATSAPP_APP_SECRET, WHATSAPP_WEBHOOK_VERIFY_TOKEN, PYTAKE_TEST_DEMO).

package PyTakeTest;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use Exporter 'import';
use File::Temp qw(tempdir);
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use Test::More ();

our @EXPORT = qw(http_with location_api problem_pages secret_file secret_dir
                 demo login_body signature webhook_body chunked
                 block_defaults);

my %default = (
    pytake_zone => 'pytake:1m',
    pytake_database => 'env:DATABASE_URL',
    pytake_redis => 'env:REDIS_URL',
    pytake_jwt_secret => 'env:JWT_SECRET',
    pytake_webhook_secret => 'env:WHATSAPP_APP_SECRET',
    pytake_webhook_verify_token => 'env:WHATSAPP_WEBHOOK_VERIFY_TOKEN',
);

# Every answer is kept, and held against schema/openapi.yaml at the end.
my (@heard, $asked);

# Those of a test's own upstream are not, by status and type.
our %upstream;

INIT { listen_in(); }

END {
    my $status = $?;

    fits() if @heard;
    $? ||= $status;
}

my $dir = tempdir('pytake-nginx-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

# The http{} lines; an argument replaces a default, undef takes it away.
sub http_with {
    my %d = (%default, @_);
    return join '', map { "    $_ $d{$_};\n" }
                    grep { defined $d{$_} } sort keys %d;
}

# What a block has that says nothing else.
sub block_defaults {
    my %value = (http_config => $_[0], config => $_[1],
                 no_error_log => "[alert]\n[crit]\n[emerg]");

    &Test::Nginx::Util::add_block_preprocessor(sub {
        my ($block) = @_;

        for my $name (sort keys %value) {
            $block->set_value($name, $value{$name})
                unless defined $block->$name;
        }
    });
}

# The statuses are those of conf/pytake.conf.
sub problem_pages {
    my $path = __FILE__ =~ s{[^/]*$}{../../conf/pytake.conf}r;
    open my $f, '<', $path or die "$path: $!\n";
    local $/;
    my ($pages) = <$f> =~ m{^( +error_page [\d\s]+/_pytake/problem;\n)}m;

    return ($pages // die "$path has no error_page\n") . <<'_';

    location = /_pytake/problem {
        internal;
        pytake_problem;
    }
_
}

sub location_api {
    my ($more) = @_;
    $more //= '';
    return problem_pages() . "    location /api/v1/ {\n        pytake on;\n"
           . "$more    }\n";
}

sub secret_dir { return $dir; }

# A file with that content and mode; its path.
sub secret_file {
    my ($name, $content, $mode) = @_;
    my $path = "$dir/$name";

    open my $f, '>', $path or die "$path: $!\n";
    print $f $content;
    close $f;
    chmod $mode // 0600, $path;

    return $path;
}

sub demo {
    my $path = $ENV{PYTAKE_TEST_DEMO} or die "PYTAKE_TEST_DEMO is not set\n";
    open my $f, '<', $path or die "$path: $!\n";
    local $/;
    return decode_json(<$f>);
}

sub login_body {
    my ($tenant, $role) = @_;
    my ($u) = grep { $_->{role} eq $role } @{demo()->{tenants}[$tenant]{users}};
    return JSON::PP->new->canonical->encode(
        { email => $u->{email}, password => $u->{password} });
}

sub signature {
    my ($body) = @_;
    return 'sha256=' . hmac_sha256_hex($body, $ENV{WHATSAPP_APP_SECRET} // '');
}

# A webhook of one text message, padded to at least size bytes.
sub webhook_body {
    my ($text, $size) = @_;
    my $t = demo()->{tenants}[0];
    my $from = sprintf '5511%09d', 900000000 + $$ % 100000;
    my $body = JSON::PP->new->canonical->encode({
        object => 'whatsapp_business_account',
        entry => [ { id => '1', changes => [ { field => 'messages', value => {
            messaging_product => 'whatsapp',
            metadata => { display_phone_number => $t->{display_phone_number},
                          phone_number_id => $t->{phone_number_id} },
            contacts => [ { profile => { name => 'Test' }, wa_id => $from } ],
            messages => [ { from => $from, id => "wamid.$$." . rand(),
                            timestamp => '' . time, type => 'text',
                            text => { body => $text } } ],
        } } ] } ],
    });
    my $missing = ($size // 0) - length $body;

    return $body if $missing <= 0;

    # not white space, which Test::Nginx trims (slowly)
    return '{"padding":"' . 'x' x $missing . '",' . substr($body, 1);
}

# A body in chunks of size bytes.
sub chunked {
    my ($body, $size) = @_;
    my $out = '';

    while (length $body) {
        my $piece = substr $body, 0, $size, '';
        $out .= sprintf "%x\r\n%s\r\n", length $piece, $piece;
    }

    return $out . "0\r\n\r\n";
}

# Test::Nginx says neither to its checks: the request as it was sent, and the
# answer to it.
sub listen_in {
    my $send = \&Test::Nginx::Socket::send_request;
    my $check = \&Test::Nginx::Socket::check_error_code;

    no warnings 'redefine';
    *Test::Nginx::Socket::send_request = sub ($$$$@) {
        $asked = join '', map { ref $_ ? $_->{value} : $_ } @{$_[0]};
        return $send->(@_);
    };
    *Test::Nginx::Socket::check_error_code = sub ($$$$$) {
        my ($block, $res, $dry_run, $i) = @_;
        my $of = $block->pipelined_requests;

        heard(ref $of ? $of->[$i] : $asked, $res) if $res && !$dry_run;
        return $check->(@_);
    };
}

sub heard {
    my ($request, $res) = @_;
    my ($method, $target) = ($request // '') =~ /\A([A-Z]+) (\S+)/ or return;
    my %headers = map { lc $_ => scalar $res->header($_) }
                  $res->header_field_names;

    return if $upstream{join ' ', $res->code, $headers{'content-type'} // ''};
    push @heard, JSON::PP->new->latin1->encode({
        method => $method, target => $target, status => 0 + $res->code,
        headers => \%headers, body => encode_base64($res->content, '') });
}

sub fits {
    my $judge = __FILE__ =~ s{[^/]*$}{contract.py}r;
    my $said = "$dir/contract.tap";

    open my $out, '|-', "/usr/bin/python3 $judge --heard > $said" or die $!;
    print $out "$_\n" for @heard;
    my $good = close $out;
    open my $in, '<', $said or die $!;
    my @lines = <$in>;
    Test::More::ok($good, scalar(@heard) . ' answers fit openapi.yaml')
        or Test::More::diag(@lines);
}

1;
