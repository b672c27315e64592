#!/usr/bin/perl
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# Proves that libpytake/core is pure: it includes only what it may, no header
# of a driver can be reached from it, and its objects call no socket, clock,
# environment or file.
#
#   check_core.pl COMPILER "-Idir ..." OBJECT_DIR FILE...

use strict;
use warnings;

my ($cc, $inc, $objs, @files) = @ARGV;
my $bad = 0;

my %may = map { $_ => 1 } qw(
    assert.h stdalign.h ctype.h errno.h inttypes.h limits.h math.h stdarg.h stdbool.h
    stddef.h stdint.h stdio.h stdlib.h string.h jwt.h
    sanitizer/asan_interface.h
);

my $driver = qr{libpq|postgresql|hiredis|/ngx_|/nginx|libpytake/io/|/sidecar/};

my %never = map { $_ => 1 } qw(
    socket connect send sendto recv recvfrom read write open openat close
    poll select epoll_wait fopen fread fwrite fclose printf fprintf puts
    time gettimeofday clock_gettime localtime gmtime mktime getenv setenv
    rand random srand getrandom sleep usleep nanosleep fork system exit
    malloc calloc realloc free strdup pthread_create dlopen
    strcpy strcat sprintf gets strtok atoi atol alloca setjmp longjmp
    yajl_tree_parse
);

for my $file (@files) {
    open(my $in, '<', $file) or die "$file: $!\n";

    while (my $line = <$in>) {
        next unless $line =~ /^\s*#\s*include\s*(["<])([^">]+)[">]/;
        my ($q, $name) = ($1, $2);
        next if $q eq '"' && $name =~ m{^(?:\.\./|core/)?(?:pt_\w+|pytake)\.h$};
        next if $may{$name} || $name =~ m{^(?:yajl|openssl)/};
        print "$file:$.: core may not include $name\n";
        $bad++;
    }

    close($in);

    next unless $file =~ /\.c$/;

    my $reach = `$cc -std=c11 $inc -M $file 2>&1`;

    if ($? != 0) {
        print "$file: does not preprocess with core's own -I alone\n";
        $bad++;
        next;
    }

    for my $path (split ' ', $reach) {
        next unless $path =~ $driver;
        print "$file: reaches $path\n";
        $bad++;
    }
}

for my $obj (glob "$objs/*.o") {
    my $arena = $obj =~ m{/pt_arena\.o$};

    for my $line (`nm --undefined-only $obj`) {
        next unless $line =~ /\bU\s+(\w+)/;
        (my $name = $1) =~ s/^__(\w+)_chk$/$1/;
        next if $arena && $name =~ /^(?:malloc|calloc|realloc|free)$/;
        next unless $never{$name} || $name =~ /^(?:PQ|redis|ngx_)/;
        print "$obj: core may not call $name\n";
        $bad++;
    }
}

print $bad ? "check-core: $bad faults\n" : "check-core: core is pure\n";
exit($bad ? 1 : 0);
