# shellcheck shell=bash
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# What every verb shares: words to the person, ports, folders, users.

# A die within "$(...)" within "$(...)" ends the verb, too.
shopt -s inherit_errexit

die() {
    printf 'pytake: %s\n' "$*" >&2
    exit 1
}

say() {
    printf '%s\n' "$*"
}

is_root() {
    [ "$EUID" = 0 ]
}

# An absolute path without resolving symbolic links.
abs_path() {
    case $1 in
    /*) printf '%s\n' "${1%/}" ;;
    *)  printf '%s/%s\n' "$PWD" "${1%/}" ;;
    esac
}

# Makes folder $1, and ends here when it is not ours to write in.
can_write() {
    local file

    ground "$1"
    mkdir -p "$1" 2> /dev/null || die "cannot make $1: is ${1%/*} yours?"
    ground "$1"

    for file in "$1" "$1/lock"; do
        [ ! -e "$file" ] || [ -w "$file" ] \
            || die "cannot write $file, which is $(stat -c %U "$file")'s:" \
                   "be that user, or 'sudo chown -R $(id -un) $1'"
    done
}

# A string of $1 random bytes, in hex.
random_hex() {
    od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'
}

# shellcheck disable=SC2016
# Prints why address $1, port $2 cannot be listened on; nothing if it can.
# What is no address is left to NGINX, which says so.
port_fault() {
    "$PERL" -MSocket=:all -MErrno=EADDRINUSE -e '
        my ($host, $port) = @ARGV;
        $host =~ s/^\[(.*)\]$/$1/;
        $host = "0.0.0.0" if $host eq "*";
        my ($err, $to) = getaddrinfo($host, $port, {
            flags => AI_PASSIVE, socktype => SOCK_STREAM });
        exit 0 if $err;
        socket(my $s, $to->{family}, SOCK_STREAM, 0) or exit 0;
        setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
        setsockopt($s, IPPROTO_IPV6, IPV6_V6ONLY, 1)
            if $to->{family} == AF_INET6;
        exit 0 if bind($s, $to->{addr}) && listen($s, 1);
        print $! == EADDRINUSE ? "it is in use" : lc $!;
    ' "$1" "$2"
}

# shellcheck disable=SC2016
# Prints a free port of the loopback address.
port_free() {
    "$PERL" -MSocket -e '
        for (1 .. 200) {
            my $port = 20000 + int(rand(12000));
            socket(my $s, PF_INET, SOCK_STREAM, 0) or next;
            next unless bind($s, sockaddr_in($port, inet_aton("127.0.0.1")));
            print "$port\n";
            exit 0;
        }
        exit 1;
    '
}

# Reads a value kept in a file of the state; makes and keeps it if absent.
#   keep FILE COMMAND...
keep() {
    local file=$1
    shift

    if [ ! -s "$file" ]; then
        rm -f "$file.new"
        (umask 077 && set -C && "$@" > "$file.new" && mv -T "$file.new" "$file") \
            || die "cannot write $file: is the disk full?"
    fi

    one_line "$(cat "$file")" || die "$file holds more than one line: remove it"
    cat "$file"
}

# The state's settings are lines: a value may not make two of itself.
one_line() {
    local LC_ALL=C
    [[ $1 != *[[:cntrl:]]* ]]
}

# Writes standard input to $1 with mode $2, only when it differs: made anew
# and renamed, so that a link that is there is not followed.
write_file() {
    local new="$1.new"

    rm -f "$new"
    (umask 077 && set -C && cat > "$new") \
        || die "cannot write $1: is the disk full?"
    chmod "$2" "$new"

    if cmp -s "$new" "$1" && [ ! -L "$1" ]; then
        rm -f "$new"
    else
        mv -T "$new" "$1"
    fi
}
