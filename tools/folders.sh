# shellcheck shell=bash
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# The state's folders, and whose they are: state.sh tells what is in them.

# Ends here when root was to write in a folder, or go through a link, that an
# account has its hands on which is neither root nor the checkout's owner.
ground() {
    local path paths=() owner group mode trusted groups

    is_root || return 0
    groups=" $(id -G "${RUN_USER:-www-data}" 2> /dev/null || true) "

    for path in "$1" "$(realpath -m -- "$1")"; do
        while [ -n "$path" ]; do
            [ ! -e "$path" ] && [ ! -L "$path" ] || paths+=("$path")
            path=${path%/*}
        done
    done

    while read -r owner group mode path; do
        : "${trusted:=$owner}"
        ground_step "$path" "$owner" "$group" $((16#$mode))
    done < <(stat -c '%u %g %f %n' -- "$TOP" / "${paths[@]}")
}

#   ground_step PATH OWNER GROUP MODE
ground_step() {
    [ "$2" = 0 ] || [ "$2" = "$trusted" ] \
        || die "$1 belongs to $(stat -c %U -- "$1"), who could lead root" \
               "astray: be that user or set PYTAKE_STATE"

    # Of a sticky folder others can only change what is theirs.
    if (($4 >> 12 != 4 || $4 & 01000 || !($4 & 022))); then
        return 0
    elif (($4 & 02)) || [[ $3 != 0 && $groups == *" $3 "* ]]; then
        die "$1 can be written by others, who could lead root astray:" \
            "'chmod go-w $1' or set PYTAKE_STATE"
    fi
}

# Gives what is in a folder of root's to the unprivileged user.
own() {
    if is_root; then
        chown -h "$RUN_USER:" "$@"
    fi
}

# Is $1 a folder that mktemp made for a state, and still ours?
state_made() {
    [[ $1 =~ ^/(var/lib|tmp)/pytake\.[A-Za-z0-9]{6}$ ]] \
        && [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]
}

# Removes such a folder (file $1 names it), and nothing else.
state_drop() {
    local dir

    [ -s "$1" ] || return 0
    dir=$(head -c 4096 "$1")
    ! state_made "$dir" || rm -rf --one-file-system "$dir"
    rm -f "$1"
}

# Makes folders with a mode, root's under root.  An older version gave some of
# them to the unprivileged user.
#   state_folder MODE FOLDER...
state_folder() {
    local mode=$1 dir

    shift
    for dir in "$@"; do
        [ ! -L "$dir" ] || die "$dir is a link: remove it"
    done
    mkdir -p "$@" || die "cannot write in $HOME_DIR: is the disk full?"

    for dir in "$@"; do
        if [ ! -O "$dir" ] || [ -k "$dir" ]; then
            state_claim "$dir"
        fi
    done
    chmod "$mode" "$@"
}

# Takes folder $1 back.  Of its files, what is no plain file of one name goes,
# the rest is copied, for its old owner may have it open.
state_claim() {
    local file

    # Sticky until it is done: a claim that was interrupted is made again.
    chmod 1700 "$1"
    chown -h root: "$1"
    chmod 1700 "$1"
    find "$1" -mindepth 1 -maxdepth 1 \( ! -type f -o -links +1 \) \
        -exec rm -rf {} +
    find "$1" -mindepth 1 -maxdepth 1 -type f -print0 \
        | while IFS= read -rd '' file; do
            umask 077
            if ! cp --no-preserve=all -- "$file" "$1/.claimed" \
                || ! mv -T -- "$1/.claimed" "$file"
            then
                die "cannot write in $1: is the disk full?"
            fi
        done
}

# Makes folders for the unprivileged user alone.
state_user_folder() {
    local dir

    for dir in "$@"; do
        [ ! -L "$dir" ] || die "$dir is a link: remove it"
    done
    mkdir -p "$@" || die "cannot write in $HOME_DIR: is the disk full?"
    chmod 700 "$@"
    own "$@"
}

# Standard input becomes a file that only the unprivileged user reads.
hand() {
    local file="$HOME_DIR/handed/$1"

    rm -f "$file.new"
    (umask 077 && set -C && cat > "$file.new") \
        || die "cannot write $file: is the disk full?"
    chmod 400 "$file.new"
    own "$file.new"
    mv -fT "$file.new" "$file"
}

# Where older versions had things.
state_older() {
    local dir="$HOME_DIR/secrets" kept

    kept=$dir/demo-users.json
    if [ -e "$kept" ]; then
        own "$kept"
        mv -fT "$kept" "$HOME_DIR/work/demo-users.json"
    fi
    rm -f "$dir/numbers.json" "$HOME_DIR/redis/redis.conf"

    if [ -L "$HOME_DIR/pg/pytake.conf" ] || [ -e "$HOME_DIR/pg/pytake.conf" ]
    then
        # shellcheck disable=SC2016
        as_run_user sh -c 'cd "$1" && rm -f pytake.conf* \
            && sed -i "/^include .pytake.conf./d" postgresql.conf' - \
            "$HOME_DIR/pg" || die "$HOME_DIR/pg cannot be read"
    fi
}

# Prints the folder of sockets.  The longest name in it is PostgreSQL's.  One
# in /tmp lies within a folder of ours, which nobody can exchange.
state_sockets() {
    local dir="$HOME_DIR/run" longest

    longest="$dir/.s.PGSQL.65535.lock"

    if [ "${#longest}" -ge "$SOCKET_MAX" ]; then
        dir=
        [ ! -s "$STATE/sockets" ] || dir=$(cat "$STATE/sockets")
        if ! state_made "$dir"; then
            dir=$(mktemp -d /tmp/pytake.XXXXXX) \
                || die "cannot make a folder in /tmp for sockets"
            rm -f "$STATE/sockets"
            printf '%s\n' "$dir" > "$STATE/sockets"
        fi
        chmod 711 "$dir"
        dir=$dir/s
    else
        state_drop "$STATE/sockets"
    fi

    printf '%s\n' "$dir"
}
