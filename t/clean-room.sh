#!/bin/bash
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# The project in a bare Debian: debootstrap, clone, up, health, tests, down.
# First as root, then in another such room as a user who has sudo.  Needs
# root, debootstrap and the Debian mirror; nothing else.
#
#   t/clean-room.sh [--short] [bookworm|trixie ...]
#
# --short leaves the tests out.  CLEAN_ROOM names the working folder (default
# /var/tmp/pytake-clean-room), MIRROR the mirror.  A made base system is kept
# there as a tar file and used again.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=${CLEAN_ROOM:-/var/tmp/pytake-clean-room}
MIRROR=${MIRROR:-http://deb.debian.org/debian}
PORT=${PYTAKE_PORT:-18089}
SHORT=
ROOM=

die() {
    printf 'clean-room: %s\n' "$*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || die "run it as root: it makes a system in a folder"
command -v debootstrap > /dev/null \
    || die "debootstrap is missing: apt-get install debootstrap"

# The working folder has a name that anybody can guess.
mkdir -p "$WORK"
if [ -L "$WORK" ] || [ ! -O "$WORK" ]; then
    die "$WORK is not root's: remove it or set CLEAN_ROOM"
fi
chmod go-w "$WORK"

if [ "${1:-}" = --short ]; then
    SHORT=1
    shift
fi
[ $# -gt 0 ] || set -- bookworm trixie

leave() {
    local dir

    [ -n "$ROOM" ] || return 0
    inside /src/build.sh down > /dev/null 2>&1 || true
    as_guest ./build.sh down > /dev/null 2>&1 || true
    for dir in dev/pts dev/shm dev proc; do
        umount "$ROOM/$dir" 2>/dev/null || true
    done
    ! grep -q " $ROOM/" /proc/mounts || die "$ROOM is still mounted"
    rm -rf --one-file-system "$ROOM"
    ROOM=
}

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
        LANG=C.UTF-8 PYTAKE_PORT="$PORT" chroot "$ROOM" "$@" < /dev/null
}

# Processes whose root is the room.
dwellers() {
    local link

    for link in /proc/[0-9]*/root; do
        [ "$(readlink "$link" 2>/dev/null)" != "$ROOM" ] \
            || printf '%s ' "${link//[!0-9]/}"
    done
}

enter() {
    local suite=$1 base="$WORK/$1.tar"

    mkdir -p "$WORK"
    ROOM=$WORK/$suite
    [ ! -e "$ROOM" ] || leave
    ROOM=$WORK/$suite

    if [ ! -s "$base" ]; then
        debootstrap --variant=minbase "$suite" "$ROOM" "$MIRROR" \
            > "$WORK/$suite.log" 2>&1 \
            || die "debootstrap $suite failed, see $WORK/$suite.log"
        tar -C "$ROOM" -cf "$base.new" . && mv "$base.new" "$base"
    else
        mkdir -p "$ROOM"
        tar -C "$ROOM" -xf "$base"
    fi

    # A network that this machine reaches through a proxy or by name, and the
    # authorities that it trusts beside Debian's.
    cp /etc/resolv.conf /etc/hosts "$ROOM/etc/"
    mkdir -p "$ROOM/usr/local/share/ca-certificates"
    find /usr/local/share/ca-certificates -name '*.crt' \
        -exec cp {} "$ROOM/usr/local/share/ca-certificates/" \;
    mkdir -p "$ROOM/dev/pts" "$ROOM/dev/shm"
    mount -t proc proc "$ROOM/proc"
    mount --bind /dev "$ROOM/dev"
    mount --bind /dev/pts "$ROOM/dev/pts"
    mount -t tmpfs tmpfs "$ROOM/dev/shm"

    git clone -q --no-hardlinks "$TOP" "$ROOM/src"
}

visit() {
    local suite=$1 began

    printf '== %s\n' "$suite"
    enter "$suite"

    began=$SECONDS
    inside /src/build.sh up
    printf '== %s: clean clone to up: %d s\n' "$suite" $((SECONDS - began))

    inside curl -fsS -m 5 "http://127.0.0.1:$PORT/health" \
        || die "$suite: /health does not answer"
    echo

    began=$SECONDS
    inside /src/build.sh up
    printf '== %s: up again: %d s\n' "$suite" $((SECONDS - began))

    if [ -z "$SHORT" ]; then
        inside /src/build.sh deps
        inside /src/build.sh test
    fi

    inside /src/build.sh down
    [ -z "$(dwellers)" ] || die "$suite: down left processes: $(dwellers)"
    leave
    printf '== %s: good\n' "$suite"
}

# A user of the room, with a home, a login's PATH and a clone of its own.
as_guest() {
    inside runuser -l guest -c "cd pytake && PYTAKE_PORT=$PORT $*"
}

visit_as_guest() {
    local suite=$1 began strange

    printf '== %s, as a user with sudo\n' "$suite"
    enter "$suite"

    {
        inside apt-get update
        inside env DEBIAN_FRONTEND=noninteractive \
            apt-get -y --no-install-recommends install sudo
        inside useradd -m -s /bin/bash guest
    } > "$WORK/$suite-guest.log" 2>&1 \
        || die "no user with sudo in $suite, see $WORK/$suite-guest.log"
    echo 'guest ALL=(ALL) NOPASSWD: ALL' > "$ROOM/etc/sudoers.d/guest"
    mv "$ROOM/src" "$ROOM/home/guest/pytake"
    inside chown -R guest: /home/guest/pytake

    began=$SECONDS
    as_guest ./build.sh up
    printf '== %s: clean clone to up: %d s\n' "$suite" $((SECONDS - began))

    inside curl -fsS -m 5 "http://127.0.0.1:$PORT/health" \
        || die "$suite: /health does not answer"
    echo

    [ -n "$SHORT" ] || as_guest ./build.sh deps
    as_guest ./build.sh down

    strange=$(inside find /home/guest/pytake ! -user guest)
    [ -z "$strange" ] || die "$suite: not the user's: $strange"
    [ -z "$(dwellers)" ] || die "$suite: down left processes: $(dwellers)"
    leave
    printf '== %s: good for a user with sudo\n' "$suite"
}

trap leave EXIT
trap 'exit 130' INT TERM

for suite in "$@"; do
    visit "$suite"
    visit_as_guest "$suite"
done
