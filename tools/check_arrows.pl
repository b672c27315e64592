#!/usr/bin/perl
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# Proves the arrows of docs/house.md.  libpytake/core is pure: it includes only
# what it may, no header of a driver can be reached from it, and its objects
# call no socket, clock, environment or file.  Of all rooms it proves what
# tools/arrows.txt declares, by the includes of the sources and by the symbols
# of the objects.
#
#   check_arrows.pl COMPILER "-Idir ..." BUILD

use strict;
use warnings;

my ($cc, $inc, $build) = @ARGV;
my @faults;

my %may = map { $_ => 1 } qw(
    assert.h stdalign.h ctype.h errno.h inttypes.h limits.h math.h stdarg.h stdbool.h
    stddef.h stdint.h stdio.h stdlib.h string.h jwt.h
    sanitizer/asan_interface.h
);

my $driver = qr{libpq|postgresql|hiredis|curl|/ngx_|/nginx|libpytake/io/|/sidecar/};

my %never = map { $_ => 1 } qw(
    socket connect send sendto recv recvfrom read write open openat close
    poll select epoll_wait fopen fread fwrite fclose printf fprintf puts
    time gettimeofday clock_gettime localtime gmtime mktime getenv setenv
    rand random srand getrandom sleep usleep nanosleep fork system exit
    malloc calloc realloc free strdup pthread_create dlopen
    strcpy strcat sprintf gets strtok atoi atol alloca setjmp longjmp
    yajl_tree_parse
);

my (%rooms, @order);    # folder => what it declares
my (%excepted, %used);  # "a b" => why; and whether it is needed
my %files;              # path => { room, stem, includes, calls, line numbers }
my %owner;              # symbol => { path of the source that defines it => 1 }

declared();
sources();
symbols();
core_is_pure();
rooms_know();
layers_hold();
headers_make_no_circle();
logic_does_no_io();
push @faults, map { "tools/arrows.txt: the exception \"$_\" is not needed" }
              grep { !$used{$_} } sort keys %excepted;

print map { "$_\n" } @faults;
print @faults ? 'check-arrows: ' . @faults . " faults\n"
              : "check-arrows: core is pure, all arrows point down\n";
exit(@faults ? 1 : 0);


sub fault {
    push @faults, join '', @_;
}

# tools/arrows.txt.
sub declared {
    my $room;

    open(my $in, '<', 'tools/arrows.txt') or die "tools/arrows.txt: $!\n";
    while (my $line = <$in>) {
        next if $line =~ /^\s*(?:#|$)/;
        if ($line =~ /^room (\S+):(.*)/) {
            $room = $rooms{$1} = { name => $1, knows => [split ' ', $2],
                                   layer => {}, logic => {}, shared => {},
                                   common => {}, depth => 0 };
            push @order, $1;
        } elsif ($line =~ /^layer (.*)/) {
            $room->{depth}++;
            for my $stem (split ' ', $1) {
                fault("tools/arrows.txt:$.: $stem is there twice")
                    if $room->{layer}{$stem};
                $room->{layer}{$stem} = $room->{depth};
            }
        } elsif ($line =~ /^(shared|logic|common) (.*)/) {
            $room->{$1}{$_} = 1 for split ' ', $2;
        } elsif ($line =~ /^except (\S+) (\S+): \S/) {
            $excepted{"$1 $2"} = 1;
        } else {
            fault("tools/arrows.txt:$.: what is this?");
        }
    }
    close($in);
}

# The room of a path: the longest folder that has it.
sub room_of {
    my ($path) = @_;
    my ($room) = sort { length $b <=> length $a }
                 grep { index($path, "$_/") == 0 } @order;
    return $room // ($path =~ m{^libpytake/} ? 'libpytake/core/base' : 'ngx');
}

sub is_core {
    return $_[0] =~ m{^libpytake/core(?:/|$)};
}

# These rooms, and the rooms inside them.
sub within {
    my %of = map { my $outer = $_; map { $_ => 1 }
                   grep { $_ eq $outer || index($_, "$outer/") == 0 } @order }
             @_;
    return keys %of;
}

sub sources {
    my @found = grep { -f } map { glob "$_/*.[ch]" }
        qw(. libpytake libpytake/core libpytake/core/* libpytake/io ngx sidecar
           sidecar/*);

    for my $path (map { s{^\./}{}r } @found) {
        my ($stem) = $path =~ m{(\w+)\.[ch]$};
        $files{$path} = { path => $path, room => room_of($path), stem => $stem,
                          includes => {}, system => {}, calls => {} };
    }
    includes($_) for sort keys %files;
}

# Which of our headers a file includes (path => line), and which of others.
sub includes {
    my ($path) = @_;
    my ($dir) = $path =~ m{^(.*)/};
    my @dirs = (($dir // '.'), 'libpytake', 'libpytake/io', 'sidecar', 'ngx');

    open(my $in, '<', $path) or die "$path: $!\n";
    while (my $line = <$in>) {
        next unless $line =~ /^\s*#\s*include\s*(["<])([^">]+)[">]/;
        my ($ours, $name) = ($1 eq '"', $2);
        my ($header) = grep { $files{$_} }
                       map { plain("$_/$name") } @dirs;
        if ($ours && $header) {
            $files{$path}{includes}{$header} //= $.;
        } elsif ($ours && !-f "$build/gen/$name") {
            fault("$path:$.: $name is in no room");
        } elsif (!$ours) {
            $files{$path}{system}{$name} //= $.;
        }
    }
    close($in);
}

# A path without "//", "./" and "../".
sub plain {
    my ($path) = @_;

    $path =~ s{/+}{/}g;
    $path =~ s{(^|/)\./}{$1}g;
    1 while $path =~ s{(^|/)(?!\.\./)[^/]+/\.\./}{$1};
    return $path;
}

sub object {
    my ($path) = @_;
    return "$build/obj/" . $path =~ s/c$/o/r if $path =~ m{^(?:lib|side)};
    return "$build/nginx/objs/addon/"
           . ($path =~ m{/} ? $path : "pytake/$path") =~ s/c$/o/r;
}

# What each object defines, and what it calls of other objects of ours.
sub symbols {
    my (%calls, %source);

    for my $path (grep { /\.c$/ } sort keys %files) {
        my $object = object($path);
        fault("$object: is not there"), next unless -f $object;
        $source{$object} = $path;
    }

    for my $line (`nm -A @{[sort keys %source]}`) {
        my ($object, $kind, $name) =
            $line =~ /^(\S+?):\s*[0-9a-f]*\s+([A-Z])\s+(\w+)/ or next;
        if ($kind eq 'U') {
            $calls{$source{$object}}{$name} = 1;
        } elsif ($kind =~ /[TDBRVWC]/) {
            $owner{$name}{$source{$object}} = 1;
        }
    }

    for my $path (keys %calls) {
        my $file = $files{$path};
        $file->{undefined} = $calls{$path};
        for my $symbol (keys %{$calls{$path}}) {
            next if $rooms{$file->{room}}{common}{$symbol};
            my @of = keys %{$owner{$symbol} // {}};
            my @near = grep { $files{$_}{room} eq $file->{room} } @of;
            $file->{calls}{$_}{$symbol} = 1 for @near ? @near : @of;
        }
    }
}

sub core_is_pure {
    my @core = grep { is_core($files{$_}{room}) } sort keys %files;

    for my $path (@core) {
        my $file = $files{$path};

        for my $name (sort keys %{$file->{system}}) {
            next if $may{$name} || $name =~ m{^(?:yajl|openssl)/};
            fault("$path:$file->{system}{$name}: core may not include $name");
        }

        no_io($path, 'core', $file->{stem} eq 'pt_arena')
            if $path =~ /\.c$/;
    }

    # One rule a file: its object, itself, and all that it reaches.
    my $rules = `$cc -std=c11 $inc -M @{[grep { /\.c$/ } @core]} 2>&1`;
    fault("core does not preprocess with its own -I alone:\n$rules") if $?;
    for my $rule (split /^(?=\S+\.o:)/m, $? ? '' : $rules) {
        my (undef, $path, @reached) = grep { $_ ne '\\' } split ' ', $rule;
        fault("$path: reaches $_") for grep { $_ =~ $driver } @reached;
    }
}

# Calls nothing that waits, looks at the world or belongs to a driver.
sub no_io {
    my ($path, $who, $allocates) = @_;

    for my $symbol (sort keys %{$files{$path}{undefined}}) {
        (my $name = $symbol) =~ s/^__(\w+)_chk$/$1/;
        next if $allocates && $name =~ /^(?:malloc|calloc|realloc|free)$/;
        next unless $never{$name} || $name =~ /^(?:PQ|redis|ngx_|curl_)/;
        fault("$path: $who may not call $name");
    }
}

sub rooms_know {
    for my $path (sort keys %files) {
        my $file = $files{$path};
        my %known = map { $_ => 1 } within($file->{room},
                                          @{$rooms{$file->{room}}{knows}});

        for my $other (sort keys %{$file->{includes}}) {
            next if $known{$files{$other}{room}}
                || allowed($path, $other);
            fault("$path:$file->{includes}{$other}: $file->{room} may not "
                  . "know $files{$other}{room} ($other)");
        }
        for my $other (sort keys %{$file->{calls}}) {
            next if $known{$files{$other}{room}}
                || allowed($path, $other);
            fault("$path: $file->{room} may not know $files{$other}{room}: "
                  . symbols_of($file, $other));
        }
    }
}

sub allowed {
    my ($path, $other) = @_;
    my $pair = "$files{$path}{stem} $files{$other}{stem}";
    return 0 unless $excepted{$pair};
    return $used{$pair} = 1;
}

sub symbols_of {
    my ($file, $other) = @_;
    return join ' ', sort keys %{$file->{calls}{$other}};
}

# The declared order of a room's files, and no circle beside each other.
sub layers_hold {
    for my $room (map { $rooms{$_} } @order) {
        next unless $room->{depth};
        my @here = grep { $files{$_}{room} eq $room->{name} } sort keys %files;
        my %sources = map { $files{$_}{stem} => 1 } grep { /\.c$/ } @here;
        my %beside;

        fault("$room->{name}: $_.c is in no layer of tools/arrows.txt")
            for grep { !$room->{layer}{$_} } sort keys %sources;
        fault("tools/arrows.txt: $room->{name} has no $_.c")
            for grep { !$sources{$_} }
                sort keys %{{%{$room->{layer}}, %{$room->{logic}}}};

        for my $path (@here) {
            my $file = $files{$path};
            my $at = $room->{layer}{$file->{stem}} or next;
            my %knows = map { $_ => symbols_of($file, $_) }
                        keys %{$file->{calls}};

            for my $header (keys %{$file->{includes}}) {
                my ($name) = $header =~ m{([^/]+)$};
                next if $room->{shared}{$name};
                $knows{$header} //= "its header";
            }

            for my $other (sort keys %knows) {
                my $to = $files{$other};
                next if $to->{room} ne $room->{name}
                    || $to->{stem} eq $file->{stem};
                my $level = $room->{layer}{$to->{stem}};
                if (!$level) {
                    fault("$path: $other is neither shared nor a layer's");
                } elsif ($level > $at && !allowed($path, $other)) {
                    fault("$path: $to->{stem} is above it: $knows{$other}");
                } elsif ($level == $at) {
                    $beside{$file->{stem}}{$to->{stem}} = 1;
                }
            }
        }

        circle("$room->{name}: a circle: ", \%beside);
    }
}

sub headers_make_no_circle {
    my %graph;

    for my $path (grep { /\.h$/ } keys %files) {
        $graph{$path}{$_} = 1 for keys %{$files{$path}{includes}};
    }
    circle('headers in a circle: ', \%graph);
}

# One fault a way that comes back to where it began.
sub circle {
    my ($text, $graph) = @_;
    my (%done, @way, %on, $walk);

    $walk = sub {
        my ($node) = @_;

        if ($on{$node}) {
            my @ring = @way;
            shift @ring while $ring[0] ne $node;
            fault($text, join ' -> ', @ring, $node);
            return;
        }
        return if $done{$node}++;
        $on{$node} = 1;
        push @way, $node;
        $walk->($_) for sort keys %{$graph->{$node} // {}};
        pop @way;
        delete $on{$node};
    };
    $walk->($_) for sort keys %$graph;
}

sub logic_does_no_io {
    for my $path (grep { /\.c$/ } sort keys %files) {
        my $file = $files{$path};
        my $logic = $rooms{$file->{room}}{logic};
        next unless $logic->{$file->{stem}};

        no_io($path, 'logic', 0);
        my %reached = ($path => 1);
        for (my @next = ($path); my $at = shift @next;) {
            push @next, grep { !$reached{$_}++ }
                        keys %{$files{$at}{includes}};
            for my $name (keys %{$files{$at}{system}}) {
                fault("$path: logic reaches <$name> by $at")
                    unless $may{$name} || $name eq 'arpa/inet.h' # inet_pton()
                        || $name =~ m{^(?:yajl|openssl)/};
            }
        }
        for my $other (sort keys %reached, sort keys %{$file->{calls}}) {
            my $to = $files{$other};
            next if is_core($to->{room});
            next if $to->{room} eq $file->{room}
                && ($other =~ /\.h$/ || $logic->{$to->{stem}});
            fault("$path: logic may not know $other");
        }
    }
}
