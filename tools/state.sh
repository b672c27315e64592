# shellcheck shell=bash
# Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE.
#
# The demo's state: folders, secrets, the private servers' and NGINX's files.
#
#   STATE    $PYTAKE_STATE: demo.json, the lock, and what points elsewhere
#   HOME_DIR data, secrets, logs, copies of the programs; STATE itself, or a
#            folder of its own when the unprivileged user cannot enter STATE
#   SOCKETS  HOME_DIR/run, or a short folder of its own under long paths
#
# Started by root, RUN_USER runs all but NGINX's master.  A folder is then
# either root's, and RUN_USER cannot write in it (log, secrets, handed, nginx,
# bin, sim, web), or RUN_USER's, and root opens nothing in it (pg, redis, work,
# SOCKETS).  What RUN_USER is to read is copied to "handed", a file each, for
# its eyes alone.

# shellcheck source=tools/folders.sh
. "$TOP/tools/folders.sh"

SOCKET_MAX=107
DISK_MIN_KB=200000
BACK_IN=0


state_paths() {
    STATE=$(abs_path "${PYTAKE_STATE:-$TOP/.pytake}")
    PORT=${PYTAKE_PORT:-8080}
    LISTEN=${PYTAKE_LISTEN:-127.0.0.1}
    RUN_USER=$(id -un)
    is_root && RUN_USER=${PYTAKE_USER:-www-data}

    case $PORT in
    *[!0-9]* | '') die "PYTAKE_PORT is '$PORT': it must be a port number" ;;
    esac
    [ $((PORT >= 1 && PORT <= 65535)) = 1 ] \
        || die "PYTAKE_PORT is '$PORT': it must be between 1 and 65535"

    ground "$STATE"
    # Root obeys no state of others.
    ! is_root || [ ! -e "$STATE" ] || state_ours

    HOME_DIR=$STATE
    [ ! -s "$STATE/home" ] || HOME_DIR=$(cat "$STATE/home")
    SOCKETS=$HOME_DIR/run
    [ ! -s "$STATE/sockets" ] || SOCKETS=$(cat "$STATE/sockets")/s
}

state_ours() {
    [ -O "$STATE" ] || die "$STATE belongs to $(stat -c %U "$STATE"):" \
                           "be that user or set PYTAKE_STATE"
}

# Makes the state folder and takes its lock (descriptor 9) for this verb.
state_lock() {
    mkdir -p "$STATE" 2>/dev/null \
        || die "cannot make $STATE: set PYTAKE_STATE to a folder of yours"
    ground "$STATE"
    state_ours

    state_latch
    flock -w 600 9 || die "another build.sh has held $STATE/lock for 600 s"
}

# Opens the lock.  Who can read it can hold it, so only its owner may.
state_latch() {
    { (umask 077 && : >> "$STATE/lock") && chmod 600 "$STATE/lock" \
        && exec 9>> "$STATE/lock"; } 2> /dev/null \
        || die "cannot write in $STATE: is the disk full?"
}

# Ends here when we may not read (r) or write (w) the state's file $2.
state_may() {
    [ ! -e "$STATE/$2" ] || test "-$1" "$STATE/$2" \
        || die "$STATE belongs to $(stat -c %U "$STATE"):" \
               "be that user or set PYTAKE_STATE"
}

# Is a supervisor alive here?  Its lock tells, whatever pids say.
state_alive() {
    [ -e "$STATE/alive" ] && ! flock -n -s "$STATE/alive" true
}

as_run_user() {
    if is_root; then
        runuser -u "$RUN_USER" -- "$@"
    else
        "$@"
    fi
}

state_folders() {
    state_made "$HOME_DIR" || HOME_DIR=$STATE

    if is_root; then
        id "$RUN_USER" > /dev/null 2>&1 \
            || die "there is no user $RUN_USER: set PYTAKE_USER to one"
        chmod 711 "$STATE"

        if [ "$HOME_DIR" = "$STATE" ] \
           && ! as_run_user test -x "$STATE/." 2>/dev/null
        then
            HOME_DIR=$(mktemp -d /var/lib/pytake.XXXXXX) \
                || die "cannot make a folder in /var/lib: is the disk full?"
            printf '%s\n' "$HOME_DIR" > "$STATE/home"
        fi
    fi

    mkdir -p "$HOME_DIR" || die "cannot make $HOME_DIR"
    is_root && chmod 711 "$HOME_DIR"
    SOCKETS=$(state_sockets)

    # The unprivileged user enters: workers open NGINX's logs again by name.
    state_folder 711 "$HOME_DIR"/{log,handed,nginx}
    state_folder 755 "$HOME_DIR"/{bin,sim,web}
    state_folder 700 "$HOME_DIR"/{secrets,nginx/conf.d,nginx/pytake.d}
    state_user_folder "$SOCKETS" "$HOME_DIR"/{redis,work}
    state_older

    [ "$(df -Pk "$HOME_DIR" | awk 'NR == 2 { print $4 }')" \
        -ge "$DISK_MIN_KB" ] \
        || die "the disk is nearly full: free some space for $HOME_DIR"
}

# Prints the variable $1, or the content of the file that $1_FILE names.  Of an
# address the variable comes first, as pytake has it.
given() {
    local file="$1_FILE"

    case $1 in
    DATABASE_URL | REDIS_URL) ;;
    *) [ -z "${!1:-}" ] || [ -z "${!file:-}" ] \
           || die "$1 and $file are both set: only one may be" ;;
    esac

    if [ -n "${!1:-}" ]; then
        printf '%s' "${!1}"
    elif [ -n "${!file:-}" ]; then
        [ -r "${!file}" ] || die "$file names '${!file}': it cannot be read"
        [ -s "${!file}" ] || die "$file names '${!file}': it is empty"
        cat "${!file}"
    fi
}

# A secret: from the environment by its original name, or made once and kept.
# It is kept, too, so one that nobody would take is refused here.
#   secret FILE NAME PATTERN COMMAND...
secret() {
    local file="$HOME_DIR/secrets/$1" name=$2 pattern=$3 value
    local LC_ALL=C # its length is of bytes

    value=$(given "$name")
    shift 3

    if [ -n "$value" ]; then
        if ! [[ $value =~ $pattern ]] || ! one_line "$value"; then
            die "$name is too short or malformed: see docs/operations.md"
        fi
        printf '%s' "$value" | write_file "$file" 600
        printf '%s' "$value"
    else
        keep "$file" "$@"
    fi
}

url_escape() {
    printf '%s' "$1" | jq -sRr @uri
}

state_secrets() {
    local key='^([0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?)$'

    JWT=$(secret jwt_secret JWT_SECRET '.{16}' random_hex 32)
    APP_SECRET=$(secret app_secret WHATSAPP_APP_SECRET . random_hex 16)
    VERIFY=$(secret verify_token WHATSAPP_WEBHOOK_VERIFY_TOKEN . random_hex 16)
    secret encryption_key PYTAKE_ENCRYPTION_KEY "$key" random_hex 32 > /dev/null
    DB_SECRET=$(keep "$HOME_DIR/secrets/db_password" random_hex 16)
    WORKER_SECRET=$(keep "$HOME_DIR/secrets/worker_password" random_hex 16)
    REDIS_SECRET=$(keep "$HOME_DIR/secrets/redis_password" random_hex 16)
}

# A port of ours, kept over restarts unless somebody else has taken it.
kept_port() {
    local file="$HOME_DIR/$1.port" port

    port=$(cat "$file" 2>/dev/null || true)

    if [ -z "$port" ] \
       || { ! state_alive && [ -n "$(port_fault 127.0.0.1 "$port")" ]; }
    then
        port=$(port_free) || die "no free port on the loopback address"
        printf '%s\n' "$port" > "$file" || die "cannot write $file: disk full?"
    fi

    printf '%s\n' "$port"
}

# Where the servers are: given ones by their original names, else private.
state_servers() {
    local host user pass near=''

    PG_BIN='' PG_PORT='' REDIS_PRIVATE_PORT=''
    DB_URL=$(given DATABASE_URL)
    CACHE_URL=$(given REDIS_URL)

    if [ -n "$DB_URL" ]; then
        :
    elif [ -n "${DB_HOST:-}" ]; then
        # As parameters: a host may be a folder, IPv6, several.
        host=$(url_escape "$DB_HOST")
        user=$(url_escape "${DB_USER:-pytake}")
        pass=$(given DB_PASSWORD)
        pass=$(url_escape "$pass")
        DB_URL="postgresql://$user${pass:+:$pass}@/"
        DB_URL="$DB_URL$(url_escape "${DB_NAME:-pytake}")"
        DB_URL="$DB_URL?host=$host&port=${DB_PORT:-5432}"
    else
        PG_BIN=$(find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null \
                     | sort -V | tail -n 1)
        [ -n "$PG_BIN" ] \
            || die "PostgreSQL is missing: run './build.sh deps' as root"
        PG_BIN=${PG_BIN%/initdb}
        PG_PORT=$(kept_port postgres)
        DB_URL="postgresql://pytake:$DB_SECRET@127.0.0.1:$PG_PORT/pytake"

        # Our own parts have a login that is nothing by itself, and take the
        # socket, which costs less than TCP.  (A comma would make two hosts
        # of its folder.)
        near="postgresql://pytake_worker:$WORKER_SECRET@"
        case $SOCKETS in
        *,*) near="${near}127.0.0.1:$PG_PORT/pytake" ;;
        *) near="$near/pytake?port=$PG_PORT&host=$(url_escape "$SOCKETS")" ;;
        esac
    fi

    if [ -n "$CACHE_URL" ]; then
        :
    elif [ -n "${REDIS_HOST:-}" ]; then
        host=$REDIS_HOST
        [[ $host != *:* || $host == \[* ]] || host="[$host]"
        pass=$(given REDIS_PASSWORD)
        pass=$(url_escape "$pass")
        CACHE_URL="redis://${pass:+:$pass@}$host:${REDIS_PORT:-6379}/0"
    else
        REDIS_PRIVATE_PORT=$(kept_port redis)
        CACHE_URL="redis://:$REDIS_SECRET@127.0.0.1:$REDIS_PRIVATE_PORT/0"
    fi

    # Without a Graph API of the person's own, the simulator plays it.
    SIM_PORT='' GRAPH_URL=${WHATSAPP_API_URL:-}
    if [ -z "$GRAPH_URL" ] && [ "${PYTAKE_DEMO:-on}" = off ]; then
        GRAPH_URL=https://graph.facebook.com/v23.0
    elif [ -z "$GRAPH_URL" ]; then
        SIM_PORT=$(kept_port sim)
        GRAPH_URL=http://127.0.0.1:$SIM_PORT/v23.0
    fi

    printf '%s' "${near:-$DB_URL}" \
        | write_file "$HOME_DIR/secrets/database_url" 600
    printf '%s' "$DB_URL" | write_file "$HOME_DIR/secrets/owner_url" 600
    printf '%s' "$CACHE_URL" | write_file "$HOME_DIR/secrets/redis_url" 600
    state_hand
}

# What the sidecar and initdb read.
state_hand() {
    local dir="$HOME_DIR/handed" owner=()

    ! is_root || owner=(-o "$RUN_USER" -g "$(id -g "$RUN_USER")")
    rm -rf "$dir/.new"
    mkdir -m 700 "$dir/.new"
    (cd "$HOME_DIR/secrets" \
        && install -m 400 "${owner[@]}" -t "$dir/.new" database_url redis_url \
               jwt_secret app_secret verify_token encryption_key db_password) \
        || die "cannot write in $dir: is the disk full?"
    mv -f "$dir/.new"/* "$dir"
    rmdir "$dir/.new"
}

# The private PostgreSQL: never as root, durable, closed to strangers.
state_postgres() {
    local data="$HOME_DIR/pg" major

    [ -n "$PG_BIN" ] || return 0

    if [ -s "$data/PG_VERSION" ]; then
        major=$(as_run_user head -c 100 "$data/PG_VERSION")
        # A part of a path that root follows.
        [[ $major =~ ^[0-9]{1,3}$ ]] \
            || die "$data/PG_VERSION is no version of PostgreSQL: move" \
                   "$data away or put a backup in its place"
        [ -x "/usr/lib/postgresql/$major/bin/postgres" ] \
            || die "$data is of PostgreSQL $major, which is not installed:" \
                   "install postgresql-$major or move the folder away"
        PG_BIN=/usr/lib/postgresql/$major/bin
    else
        rm -rf "$data"
        state_user_folder "$data"

        if ! (cd / && as_run_user "$PG_BIN/initdb" -D "$data" -U pytake \
                -A scram-sha-256 --pwfile="$HOME_DIR/handed/db_password" \
                -E UTF8 --locale=C.UTF-8 -k) > "$HOME_DIR/log/initdb.log" 2>&1
        then
            rm -rf "$data"
            die "initdb failed: $(tail -n 1 "$HOME_DIR/log/initdb.log")" \
                "(see $HOME_DIR/log/initdb.log)"
        fi
    fi
    # Of the login that owns: the parts have another.
    rm -f "$HOME_DIR/handed/db_password"

    hand postgresql.conf << END
# Written by build.sh.  What is acknowledged is on the disk.
include '${data//\'/\'\'}/postgresql.conf'
fsync = on
full_page_writes = on
synchronous_commit = on
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
max_wal_size = 1GB
log_line_prefix = '%m [%p] %u '
END
}

state_redis() {
    [ -n "$REDIS_PRIVATE_PORT" ] || return 0

    hand redis.conf << END
bind 127.0.0.1
port $REDIS_PRIVATE_PORT
unixsocket $SOCKETS/redis.sock
unixsocketperm 700
requirepass $REDIS_SECRET
dir $HOME_DIR/redis
save ""
appendonly no
daemonize no
logfile ""
END
}

# A duration as the sidecar takes it, in seconds; it complains about others.
seconds() {
    case $1 in
    *[!0-9]*[smhd] | [!0-9]*) echo 30 ;;
    *s) echo "$((10#${1%s}))" ;;
    *m) echo "$((10#${1%m} * 60))" ;;
    *h) echo "$((10#${1%h} * 3600))" ;;
    *d) echo "$((10#${1%d} * 86400))" ;;
    *) echo 30 ;;
    esac
}

# NGINX's files are those of conf/, with this state's places put in.
state_nginx() {
    local dir="$HOME_DIR/nginx" f user_line level ping files names without=''

    level=notice
    case ${LOG_LEVEL:-} in
    debug | info) level=info ;;
    warn | warning) level=warn ;;
    error) level=error ;;
    esac
    case ${WEBSOCKET_ENABLED:-true} in
    false | off | no | 0)
        without='/^pytake_hub /d; /^# WebSockets:/,/^}$/d' ;;
    esac
    ping=$(seconds "${WEBSOCKET_PING_INTERVAL:-30s}")
    user_line="user $RUN_USER;"
    is_root || user_line="# started by $RUN_USER"
    # The names that the simulator is asked by are this server's.
    names=$(tr ',' '\n' <<< "${PYTAKE_SIM_HOSTS:-}" \
        | sed -n 's/^ *\([A-Za-z0-9.-]\+\)\(:[0-9]\+\)\? *$/ \1/p' | tr -d '\n')
    # What we may not raise NGINX may not either, and says so at every start.
    files=65536
    (ulimit -n $files) 2> /dev/null || files=$(ulimit -Hn)

    for f in nginx.conf pytake-main.conf pytake.conf pytake-locations.conf; do
        sed -e "s|^user .*|$user_line|" \
            -e "s|^worker_rlimit_nofile .*|worker_rlimit_nofile $files;|" \
            -e "s|modules/ngx_http_pytake_module.so|$HOME_DIR/bin/&|" \
            -e "s|$HOME_DIR/bin/modules/|$HOME_DIR/bin/|" \
            -e "s|error.log notice;|error.log $level;|" \
            -e "s|/run/nginx.pid|$dir/nginx.pid|" \
            -e "s|/var/log/nginx/pytake.log|$HOME_DIR/log/access.log|" \
            -e "s|/var/log/nginx/|$HOME_DIR/log/|" \
            -e "s|/etc/pytake/|$HOME_DIR/secrets/|" \
            -e "s|/run/pytake/|$SOCKETS/|" \
            -e "s|^    listen 127.0.0.1:8080|    listen $LISTEN:$PORT|" \
            -e "s|^    server_name localhost|&$names|" \
            -e "s/\(proxy_\(read\|send\)_timeout\) 75s;/\1 $((ping + 45))s;/" \
            -e "$without" "$TOP/conf/$f" | write_file "$dir/$f" 600
    done

    write_file "$dir/conf.d/demo.conf" 600 << END
client_body_temp_path $dir/body;
proxy_temp_path $dir/proxy;
fastcgi_temp_path $dir/fastcgi;
uwsgi_temp_path $dir/uwsgi;
scgi_temp_path $dir/scgi;
${JWT_EXPIRY:+pytake_jwt_lifetime $JWT_EXPIRY;}
${JWT_REFRESH_EXPIRY:+pytake_refresh_lifetime $JWT_REFRESH_EXPIRY;}
${WEBSOCKET_ALLOWED_ORIGINS:+pytake_websocket_origins env:WEBSOCKET_ALLOWED_ORIGINS;}
END
    state_web_conf "$dir"
    rm -f "$dir/pytake.d/sim.conf"
    [ -z "$SIM_PORT" ] || write_file "$dir/pytake.d/sim.conf" 600 << END
location /sim/ {
    proxy_pass http://127.0.0.1:$SIM_PORT;
    proxy_http_version 1.1;
    proxy_set_header Host \$http_host;
    proxy_set_header Connection "";
    proxy_buffering off;
    proxy_request_buffering off; # the simulator bounds what is unfinished
}
END
    write_file "$dir/mime.types" 600 < /etc/nginx/mime.types
}

# The browser inbox, from this state's own folder.
state_web_conf() {
    local dir=$1 f to

    for f in pytake-web.conf pytake-web-headers.conf; do
        to=$f
        [ $f != pytake-web.conf ] || to=pytake.d/web.conf
        sed -e "s|/usr/share/pytake/web|$HOME_DIR/web|g" "$TOP/conf/$f" \
            | write_file "$dir/$to" 600
    done
}

# Copies of the programs: a rebuild does not pull them from under a running
# part, and the unprivileged user may not be able to enter the checkout.
state_programs() {
    local f

    for f in pytake ngx_http_pytake_module.so; do
        [ -e "$BUILD/$f" ] || die "$BUILD/$f is missing: run './build.sh build'"
        cmp -s "$BUILD/$f" "$HOME_DIR/bin/$f" && continue
        install -m 755 "$BUILD/$f" "$HOME_DIR/bin/$f.new" \
            || die "cannot write $HOME_DIR/bin: is the disk full?"
        mv "$HOME_DIR/bin/$f.new" "$HOME_DIR/bin/$f"
    done

    "$TOP/tools/web" install "$HOME_DIR/web" \
        || die "cannot write in $HOME_DIR/web: is the disk full?"

    for f in "$TOP"/tools/sim/*.*; do
        write_file "$HOME_DIR/sim/${f##*/}" 644 < "$f"
    done
}

state_settings() {
    local address=$LISTEN serve='' demo=1

    case $LISTEN in
    0.0.0.0 | '*') address=127.0.0.1 ;;
    '[::]') address='[::1]' ;; # NGINX has IPv6 alone there
    esac
    [ "${PYTAKE_DEMO:-on}" != off ] || demo=''

    ! grep -qE '^ *serve\b' <<< "$("$BUILD/pytake" help)" || serve=1

    write_file "$STATE/settings" 600 << END
home=$HOME_DIR
sockets=$SOCKETS
user=$RUN_USER
address=$address
port=$PORT
url=http://$address:$PORT
graph_url=$GRAPH_URL
database_url=$DB_URL
redis_url=$CACHE_URL
jwt_secret=$JWT
app_secret=$APP_SECRET
verify_token=$VERIFY
pg_bin=$PG_BIN
pg_port=$PG_PORT
pg_password=$DB_SECRET
worker_password=$WORKER_SECRET
redis_port=$REDIS_PRIVATE_PORT
sim_port=$SIM_PORT
serve=$serve
demo=$demo
END

    state_export DATABASE_URL database_url
    state_export REDIS_URL redis_url
    state_export JWT_SECRET jwt_secret
    state_export WHATSAPP_APP_SECRET app_secret
    state_export WHATSAPP_WEBHOOK_VERIFY_TOKEN verify_token
    state_export PYTAKE_ENCRYPTION_KEY encryption_key
    unset DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD DB_PASSWORD_FILE
    unset REDIS_HOST REDIS_PORT REDIS_PASSWORD REDIS_PASSWORD_FILE
    export WHATSAPP_API_URL=$GRAPH_URL
    export PYTAKE_HUB_SOCKET=$SOCKETS/hub.sock
    export PYTAKE_STATUS_URL=http://$address:$PORT/_pytake/status
    state_environment
}

# What the sidecar is started with, for pytake by hand.
state_environment() {
    local name names='^((DATABASE|REDIS)_URL|JWT|WHATSAPP|WEBSOCKET|CORS|LOG)_'

    names="$names|^PYTAKE_(ENCRYPTION_KEY_FILE|HUB_|STATUS_URL|ROLE_PREFIX)"
    compgen -e | grep -E "$names" | while IFS= read -r name; do
        printf '%s=%q\n' "$name" "${!name}"
    done | write_file "$STATE/pytake.env" 600
}

# Hands a secret to the parts by file, never by value.
state_export() {
    unset "$1"
    export "${1}_FILE=$HOME_DIR/handed/$2"
}

# What runs is what would be started now?
state_mark() {
    (if cd "$HOME_DIR"; then
         sha256sum bin/* sim/* web/version.txt nginx/*.conf nginx/*.d/*.conf \
             handed/*.conf "$STATE/settings" 2>/dev/null \
             || true
     fi
     env | grep -E '^(JWT|WEBSOCKET|CORS|LOG|WHATSAPP|PYTAKE_(LISTEN|SIM))_?' | sort || true) \
        | sha256sum
}

# Everything up to the start.  Sets BACK_IN when all of it runs already.
state_prepare() {
    umask 077
    state_folders
    state_secrets
    state_servers
    state_programs
    state_postgres
    state_redis
    state_nginx
    state_settings

    if state_alive; then
        if [ "$(state_mark)" = "$(cat "$STATE/mark" 2>/dev/null)" ]; then
            # shellcheck disable=SC2034 # read by the verbs
            BACK_IN=1
            return 0
        fi
        say "what is to run has changed: restarting"
        state_stop
        rm -rf "$SOCKETS"
        state_user_folder "$SOCKETS"
    fi

    state_sweep
    state_port
    state_mark > "$STATE/mark"
}

# Ends here when NGINX could not listen.
state_port() {
    local why

    why=$(port_fault "$LISTEN" "$PORT")
    case $why in
    '') ;;
    *in\ use) die "port $PORT on $LISTEN is in use:" \
                  "set PYTAKE_PORT to a free one" ;;
    *) die "cannot listen on port $PORT of $LISTEN ($why):" \
           "set PYTAKE_PORT or PYTAKE_LISTEN to one of yours" ;;
    esac
}

# What a killed supervisor left.
state_sweep() {
    local name pid born end

    [ -s "$STATE/pids" ] || return 0
    end=$((SECONDS + 20))

    while read -r name pid born; do
        while [ "$(sed 's/^.*) //' "/proc/$pid/stat" 2>/dev/null \
                   | cut -d' ' -f20)" = "$born" ]
        do
            if [ $SECONDS -ge $end ]; then
                kill -KILL "$pid" 2>/dev/null || true
            else
                kill -TERM "$pid" 2>/dev/null || true
            fi
            sleep 0.05
        done
        : "$name"
    done < "$STATE/pids"

    rm -f "$STATE/pids"
}

# Ends the supervisor and waits until all is gone.
state_stop() {
    local pid end=$((SECONDS + 40))

    if state_alive; then
        pid=$(cat "$STATE/alive")
        kill -TERM "$pid" 2>/dev/null || true
        while state_alive; do
            [ $SECONDS -lt $end ] \
                || die "process $pid does not end: kill -9 $pid, then down again"
            sleep 0.05
        done
    fi

    state_sweep
    rm -f "$STATE/demo.json" "$STATE/mark" "$STATE/pids"
}

# The sockets' folder, once nothing runs any more.
state_unsocket() {
    rm -rf "$HOME_DIR/run"
    state_drop "$STATE/sockets"
}
