# shellcheck shell=bash
# Keeping processes up: runit's runsvdir over <state>/sv, one directory per process, logs through svlogd in <state>/log.
# A service is defined with a `down` file, which goes when it is first started: then runit brings it back after any death.

readonly SERVERS="postgres redis epmd rabbitmq syslog-ng mail"
readonly RUNSVDIR_PID=$STATE/run/runsvdir.pid

# service_names: every process of this instance, in the order of starting
service_names() {
    # shellcheck disable=SC2086
    printf '%s\n' $SERVERS
    # shellcheck disable=SC2086
    names_of $KINDS
    echo nginx
}

# service_define NAME <run script: makes or refreshes its directory; a running process is left alone
service_define() {
    local name=$1 dir=$STATE/sv/$1 at=$STATE/sv/$1
    # A new one appears whole: runsv looks once, when it starts, whether there is a log. runsvdir passes over names with a dot.
    if [ ! -d "$dir" ]; then
        at=$STATE/sv/.$name.new
        rm -rf "$at"
        own_dir 755 "$at" "$at/log"
        as_service touch "$at/down"
    fi
    own_dir 755 "$STATE/log/$name"
    put 755 "$at/run"
    put 644 "$STATE/log/$name/config" <<<$'s4000000\nn4\nN2'
    put 755 "$at/log/run" <<RUN
#!/bin/sh
exec svlogd '$STATE/log/$name'
RUN
    put 755 "$at/finish" <<'RUN'
#!/bin/sh
# $1: exit code, or -1 after a signal; $2: the wait status's low byte
[ "$1" = 0 ] || echo "-- ended: exit code $1, signal $(($2 & 127)); started again unless it was told to stop"
RUN
    [ "$at" = "$dir" ] || mv "$at" "$dir"
}

# service_environment NAME <lines NAME=value: exactly these, a file each, as chpst -e reads them; .all remembers what they were made from
service_environment() {
    local dir=$STATE/env/$1 text line
    IFS= read -r -d '' text || true
    own_dir 700 "$dir"
    [ ! -r "$dir/.all" ] || [ "$text" != "$(<"$dir/.all")"$'\n' ] || return 0
    rm -f "$dir"/*
    while IFS= read -r line; do
        put 600 "$dir/${line%%=*}" <<<"${line#*=}"
    done < <(printf '%s' "$text")
    put 600 "$dir/.all" <<<"${text%$'\n'}"
}

supervisor_pid() {
    local pid
    pid=$(cat "$RUNSVDIR_PID" 2>/dev/null) || return 1
    [ -n "$pid" ] && [ -r "/proc/$pid/cmdline" ] || return 1
    { tr '\0' '\n' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qxF "$STATE/sv" || return 1
    echo "$pid"
}

is_up() { supervisor_pid >/dev/null; }

supervisor_start() {
    local limit
    limit=$(ulimit -Hn)
    # the lock of this script and its terminal stay here
    (
        exec 9>&- </dev/null >>"$STATE/log/runsvdir" 2>&1
        ulimit -n "$limit"
        cd /
        # shellcheck disable=SC2016
        as_service env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TZ=UTC HOME="$STATE/tmp" \
            setsid sh -c 'echo $$ >"$1" && exec runsvdir -P "$2"' sh "$RUNSVDIR_PID" "$STATE/sv" &
    )
    wait_until 30 is_up || die "the supervisor (runsvdir) did not start; see $STATE/log/runsvdir."
}

service_pid() { cat "$STATE/sv/$1/supervise/pid" 2>/dev/null; }

service_is_known() { [ -d "$STATE/sv/$1" ]; }

service_is_supervised() { sv status "$STATE/sv/$1" >/dev/null 2>&1; }

service_runs() { [ -n "$(service_pid "$1")" ] && [ "$(cat "$STATE/sv/$1/supervise/stat" 2>/dev/null)" = run ]; }

# service_is_stale NAME: is what it was started from newer than its process? (put leaves unchanged files alone)
service_is_stale() {
    local born=$STATE/sv/$1/supervise/pid file
    for file in "$STATE/sv/$1/run" "$STATE/env/$1/.all" $(service_files "$1"); do
        [ "$file" -nt "$born" ] && return 0
    done
    return 1
}

service_files() {
    case $1 in
    postgres) echo "$PG_DATA/postgresql.conf $PG_DATA/pg_hba.conf $PG_DATA/pg_ident.conf" ;;
    redis | syslog-ng) echo "$STATE/etc/$1.conf" ;;
    rabbitmq) echo "$STATE/etc/rabbitmq.conf $STATE/etc/rabbitmq-env $STATE/etc/rabbitmq-definitions.json" ;;
    epmd) ;;
    mail) echo "$STATE/bin/mail-catcher" ;;
    nginx) echo "$STATE/etc/nginx.conf $TLS/server.pem" ;;
    *) echo "$APP/bin/ea-${1%-[0-9]*} $APP/share/edtech-assistant/openapi.json" ;;
    esac
}

service_start() {
    # runsvdir looks for new directories every five seconds; until it has, there is no one to tell
    wait_until 30 service_is_supervised "$1" || die "the supervisor does not see $1; see $STATE/log/runsvdir."
    sv up "$STATE/sv/$1" >/dev/null || die "$1 can't be started: the supervisor refused."
    rm -f "$STATE/sv/$1/down"
}

# service_stop NAME [SECONDS]: asks, waits, and in the end insists; sv does not wait for what it has killed
service_stop() {
    service_is_supervised "$1" || return 0
    sv -w "${2:-15}" force-stop "$STATE/sv/$1" >/dev/null 2>&1 || true
    wait_until 30 service_is_over "$1"
}

service_is_over() { ! service_runs "$1"; }

# service_forget NAME: stops a service that is no longer wanted and removes its directory
service_forget() {
    service_stop "$1"
    mv "$STATE/sv/$1" "$STATE/sv/.$1"
    sv -w 30 force-shutdown "$STATE/sv/.$1" >/dev/null 2>&1 || true
    rm -rf "${STATE:?}/sv/.$1" "$STATE/env/$1"
}

service_log_tail() {
    local lines=${2:-12}
    [ -f "$STATE/log/$1/current" ] || return 0
    tail -n "$lines" "$STATE/log/$1/current" | sed 's/^/    | /'
}

# die_of_file FILE WORDS: WORDS, and the last lines of FILE
die_of_file() {
    [ -z "$IN_STEP" ] || echo
    IN_STEP=
    warn "$2 It ends:"
    tail -n 12 "$1" | sed 's/^/    | /' >&2
    die "read on in $1"
}

# service_await NAME SECONDS: returns when it is healthy; a process that keeps dying is not waited for
service_await() {
    local name=$1 end=$((SECONDS + $2)) pid last="" lives=0
    until service_is_healthy "$name"; do
        pid=$(service_pid "$name")
        if [ -n "$pid" ] && [ "$pid" != "$last" ]; then
            last=$pid
            lives=$((lives + 1))
        fi
        if [ "$lives" -gt 3 ]; then
            die_of_service "$name" "$name ends again and again instead of serving."
        fi
        [ "$SECONDS" -lt "$end" ] || die_of_service "$name" "$name was not ready within $2 s."
        sleep 0.1
    done
}

# die_of_service NAME WORDS: WORDS, the last lines of its log, and where to read on
die_of_service() {
    [ -z "$IN_STEP" ] || echo
    IN_STEP=
    warn "$2 Its log ends:"
    service_log_tail "$1" >&2
    health_detail "$1" >&2
    die "read on in $STATE/log/$1/current"
}

# service_is_healthy NAME: it runs, and answers what only a working one answers
service_is_healthy() {
    service_runs "$1" || return 1
    case $1 in
    postgres) /usr/lib/postgresql/15/bin/pg_isready -q -h "$STATE/run" -p "$(port postgres)" ;;
    redis) [ "$(redis-cli -s "$STATE/run/redis.sock" ping 2>/dev/null)" = PONG ] ;;
    epmd) port_is_taken "$(port epmd)" ;;
    rabbitmq) speaks_amqp ;;
    syslog-ng) [ -S "$STATE/run/log.sock" ] ;;
    mail) speaks_smtp ;;
    nginx) curl -sf -m 10 -o /dev/null "http://127.0.0.1:$(port status)/status" ;;
    *) curl -sf -m 10 -o /dev/null "http://127.0.0.1:$(metrics_port "$1")/readyz" ;;
    esac
}

# health_detail NAME: what /readyz says, where there is one
health_detail() {
    local metrics
    metrics=$(metrics_port "$1")
    [ -n "$metrics" ] || return 0
    curl -s -m 3 "http://127.0.0.1:$metrics/readyz" | head -c 2000 | sed 's/^/    readyz: /' || true
}

# speaks_amqp: the broker answers the protocol header with a method frame (type 1)
speaks_amqp() {
    local first
    # shellcheck disable=SC2016
    first=$(timeout 10 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "AMQP\0\0\11\1" >&3 && head -c 1 <&3 | od -An -tu1' "$(port amqp)" 2>/dev/null) || return 1
    [ "${first//[!0-9]/}" = 1 ]
}

speaks_smtp() {
    # shellcheck disable=SC2016
    timeout 10 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && read -r line <&3 && case $line in 220*) ;; *) exit 1 ;; esac' \
        "$(port smtp)" 2>/dev/null
}
