# shellcheck shell=bash
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# deps: Debian's packages (12 and 13).  Nothing that they bring is started.

RUN_PKGS="
    nginx nginx-dev postgresql redis-server
    libpq-dev libhiredis-dev libyajl-dev libjwt-dev libssl-dev libargon2-dev
    libcurl4-openssl-dev
    gcc libc6-dev make pkg-config perl python3 curl jq openssl ca-certificates
"

TEST_PKGS="
    check clang libclang-rt-dev libwslay-dev cppcheck shellcheck clang-format
    python3-psycopg2 python3-redis python3-yaml python3-websockets patch
    libtest-base-perl libtest-longstring-perl libipc-run-perl
    liblist-moreutils-perl libtext-diff-perl liburi-perl libwww-perl
    libfilter-perl
"

# Other people's WebSocket clients, for t/e2e/clients.py.
CLIENT_PKGS="python3-wsproto python3-tornado nodejs npm chromium"

# Pictures of the inbox have customers' emoji; no test needs them.
PICTURE_PKGS="fonts-noto-color-emoji"

# What the browser inbox is built with.
NODE_PKGS="nodejs npm"

# What the hub is measured against.
# shellcheck disable=SC2034 # build.sh's
BENCH_PKGS="libnginx-mod-nchan"

POLICY=/usr/sbin/policy-rc.d
POLICY_KEPT=/usr/sbin/policy-rc.d.pytake-kept
PG_DROPIN=/etc/postgresql-common/createcluster.d/pytake-deps.conf


# Prints the packages of the arguments that are not installed.
deps_missing() {
    local installed p

    # shellcheck disable=SC2016
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
                    "$@" 2>/dev/null | sed -n 's/^installed //p' || true)

    for p in "$@"; do
        grep -qx -- "$p" <<< "$installed" || printf '%s ' "$p"
    done
}

# Those of NODE_PKGS that are wanted here, likewise.
deps_node() {
    command -v node > /dev/null && command -v npm > /dev/null \
        || echo "$NODE_PKGS"
}

# Those of CLIENT_PKGS that are wanted here.  A Node.js from elsewhere brings
# its own npm, and Debian's conflicts with it.
deps_clients() {
    local p

    for p in $CLIENT_PKGS; do
        case $p in
            npm|chromium) command -v "$p" > /dev/null || echo "$p" ;;
            nodejs) command -v node > /dev/null || echo "$p" ;;
            *) echo "$p" ;;
        esac
    done
}

# For every verb: what it needs, installed if it can be.
deps_need() {
    local missing

    # shellcheck disable=SC2086
    missing=$(deps_missing $1)
    [ -z "$missing" ] && return 0

    if is_root; then
        # shellcheck disable=SC2086
        deps_install $missing
    elif command -v sudo > /dev/null; then
        # shellcheck disable=SC2086
        deps_sudo $missing
    else
        die "packages are missing (${missing% }): run './build.sh deps' as root"
    fi
}

# The packages alone are root's business: what is built stays the caller's.
deps_sudo() {
    # shellcheck disable=SC2016
    sudo bash -euc 'umask 022
                    . "$0/tools/lib.sh"
                    . "$0/tools/deps.sh"
                    deps_install "$@"' "$TOP" "$@" \
        || die "packages are missing ($*): run './build.sh deps' as root"
}

verb_deps() {
    # shellcheck disable=SC2086
    [ -e /etc/debian_version ] \
        || die "deps knows Debian only: install by hand" $RUN_PKGS $TEST_PKGS

    deps_need "$RUN_PKGS $TEST_PKGS $PICTURE_PKGS $(deps_node) $(deps_clients)"

    # Under "sudo ./build.sh deps" the checkout is still the caller's.
    if is_root && [ "${SUDO_USER:-root}" != root ] \
       && [ "$(stat -c %U "$TOP")" = "$SUDO_USER" ]
    then
        exec runuser -u "$SUDO_USER" -- env -u SUDO_USER "$TOP/build.sh" deps
    fi

    deps_test_nginx
    say "deps: all is there"
}

# While packages are installed nothing may start: Debian asks policy-rc.d,
# and a drop-in keeps PostgreSQL from making a cluster of its own.
deps_block_services() {
    # A run that was killed left its own policy: the kept one is the true one.
    if [ ! -e "$POLICY_KEPT" ] && [ ! -L "$POLICY_KEPT" ]; then
        if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
            mv "$POLICY" "$POLICY_KEPT"
        else
            ln -s /nonexistent "$POLICY_KEPT"
        fi
    fi

    printf '#!/bin/sh\nexit 101\n' > "$POLICY"
    chmod 755 "$POLICY"
    mkdir -p "${PG_DROPIN%/*}"
    echo 'create_main_cluster = false' > "$PG_DROPIN"
}

deps_unblock_services() {
    rm -f "$POLICY" "$PG_DROPIN"

    if [ -L "$POLICY_KEPT" ] \
       && [ "$(readlink "$POLICY_KEPT")" = /nonexistent ]
    then
        rm -f "$POLICY_KEPT"
    elif [ -e "$POLICY_KEPT" ] || [ -L "$POLICY_KEPT" ]; then
        mv "$POLICY_KEPT" "$POLICY"
    fi

    # Folders that the drop-in made are Debian's to make.
    rmdir "${PG_DROPIN%/*}" 2>/dev/null || true
}

deps_install() (
    log=$(mktemp /tmp/pytake-deps.XXXXXX)
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    apt=(apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300
         -o Dpkg::Options::=--force-confold -o Acquire::Retries=3)

    say "deps: installing $*"
    trap deps_unblock_services EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    deps_block_services

    # Old lists name packages that the mirror no longer has.
    if ! "${apt[@]}" update < /dev/null > "$log" 2>&1; then
        tail -n 3 "$log" >&2
        die "apt-get update failed: is the Debian mirror reachable?"
    fi

    if ! "${apt[@]}" install "$@" < /dev/null >> "$log" 2>&1; then
        grep -E '^(E:|W:)' "$log" | tail -n 3 >&2
        die "packages could not be installed, see $log (disk full? mirror?)"
    fi

    rm -f "$log"
)

# Test::Nginx from Debian unstable, pure Perl, into the build folder.  Its
# apt state is private: the system's sources and lists are not touched.  The
# keyring verifies it; a mirror that stands still (its lists past their date)
# will do, since one known package is wanted.
deps_test_nginx() {
    local dir="$TOP/build/test-nginx" mirror apt

    [ -e "$dir/root/usr/share/perl5/Test/Nginx/Socket.pm" ] && return 0

    can_write "$TOP/build"
    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" \
        "$dir/etc" || die "cannot write $dir"
    : > "$dir/state/status"

    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null \
                 | grep -E '/debian/?$' | head -n 1 || true)
    mirror=${mirror:-http://deb.debian.org/debian}

    printf 'deb [signed-by=%s] %s unstable main\n' \
        /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" \
        > "$dir/etc/sources.list"

    apt=(apt-get -y -o "Dir::State=$dir/state" -o "Dir::Cache=$dir/cache"
         -o "Dir::State::status=$dir/state/status"
         -o "Dir::Etc::sourcelist=$dir/etc/sources.list"
         -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null
         -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=
         -o Acquire::Languages=none -o Acquire::Retries=3
         -o Acquire::Check-Valid-Until=false -o APT::Get::List-Cleanup=0)

    "${apt[@]}" update < /dev/null > "$dir/log" 2>&1 \
        || die "Debian unstable could not be read, see $dir/log"
    (cd "$dir" && "${apt[@]}" download libtest-nginx-perl) \
        < /dev/null >> "$dir/log" 2>&1 \
        || die "libtest-nginx-perl could not be fetched, see $dir/log"

    dpkg -x "$dir"/libtest-nginx-perl_*.deb "$dir/root" \
        || die "libtest-nginx-perl could not be unpacked in $dir"
    rm -rf "$dir/state" "$dir/cache"
}
