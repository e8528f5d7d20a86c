# shellcheck shell=bash
# The whole of an instance: what it consists of, how it comes up and how it goes away.

for part in packages supervise build services/postgres services/redis services/rabbitmq services/syslog-ng services/mail \
    services/app services/nginx; do
    # shellcheck disable=SC1090
    . "$EA_ROOT/dev.d/$part.sh"
done

# take_lock: one command at a time changes an instance
take_lock() {
    install -d "$STATE"
    exec 9>"$STATE/lock"
    flock -n 9 || die "another ./dev command is changing instance '$EA_INSTANCE' right now; wait for it."
}

# define_servers: configuration and run scripts of everything that is not ours
define_servers() {
    put 755 "$STATE/bin/reap" <"$EA_ROOT/dev.d/reap"
    postgres_define
    redis_define
    epmd_define
    rabbitmq_define
    syslog_ng_define
    mail_define
}

# start_and_await SECONDS NAME…: starts what does not run, then waits for all of it
start_and_await() {
    local seconds=$1 name started=0
    shift
    for name; do
        service_runs "$name" && continue
        service_start "$name"
        started=$((started + 1))
    done
    for name; do service_await "$name" "$seconds"; done
    if [ "$started" -eq 0 ]; then note "running already"; else note "$*"; fi
}

# forget_surplus: services of an earlier `up` that this one did not ask for
forget_surplus() {
    local wanted dir name
    wanted=" $(service_names | tr '\n' ' ') "
    for dir in "$STATE"/sv/*/; do
        [ -d "$dir" ] || continue
        name=$(basename "$dir")
        case $wanted in *" $name "*) ;; *) service_forget "$name" ;; esac
    done
}

# stop_all: the door first, then those behind it, then what they stand on; the supervisor last. Works also when the supervisor has died
# and its processes live on without it.
stop_all() {
    local dir
    # chat ends its streams, which nginx would otherwise wait for
    # shellcheck disable=SC2046
    stop_side_by_side 30 nginx $(known_processes | grep '^chat-')
    # shellcheck disable=SC2046
    stop_side_by_side 30 $(known_processes)
    # shellcheck disable=SC2086
    stop_side_by_side 30 $SERVERS
    if is_up; then
        kill -HUP "$(supervisor_pid)" 2>/dev/null || true
        wait_until 30 nothing_left || true
    fi
    end_leftovers
    rm -f "$RUNSVDIR_PID" "$STATE"/run/*.sock "$STATE"/sv/*/supervise/pid
    for dir in "$STATE"/sv/*/; do [ ! -d "$dir" ] || as_service touch "$dir/down"; done
    nothing_left || die "these processes would not end: $(left_over | tr '\n' ' ')"
}

# known_processes: our own that have a service directory, whatever this call's settings are
known_processes() {
    local dir name
    for dir in "$STATE"/sv/*/; do
        [ -d "$dir" ] || continue
        name=$(basename "$dir")
        case " $SERVERS nginx " in *" $name "*) ;; *) echo "$name" ;; esac
    done
}

stop_side_by_side() {
    local seconds=$1 name pids=()
    shift
    for name; do
        service_is_known "$name" || continue
        service_stop "$name" "$seconds" &
        pids+=($!)
    done
    for name in "${pids[@]}"; do wait "$name" || true; done
}

# left_over: processes that work below this instance's directory
left_over() {
    # processes that end while find looks make it complain
    { find /proc -maxdepth 2 -name cwd \( -lname "$STATE/sv" -o -lname "$STATE/sv/*" -o -lname "$STATE/postgres" -o -lname "$STATE/rabbitmq*" \) \
        2>/dev/null || true; } | awk -F/ '{ print $3 }'
}

nothing_left() { [ -z "$(left_over)" ] && ! is_up; }

end_leftovers() { wait_until 30 none_after_a_kill || true; }

none_after_a_kill() {
    local pids
    pids=$(left_over)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null || true
    return 1
}

# rotate_logs: nginx and syslog-ng write files that only grow; past 64 MiB they begin anew, and the one before is kept
rotate_logs() {
    local name
    for name in access app; do
        [ "$(stat -c %s "$STATE/log/$name.log" 2>/dev/null || echo 0)" -gt 67108864 ] || continue
        mv "$STATE/log/$name.log" "$STATE/log/$name.log.1"
        case $name in access) sv 1 "$STATE/sv/nginx" ;; app) sv hup "$STATE/sv/syslog-ng" ;; esac >/dev/null 2>&1 || true
    done
}
