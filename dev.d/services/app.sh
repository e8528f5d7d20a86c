# shellcheck shell=bash
# The project's own processes: responders and workers, each with exactly the settings that lib/cfg.def gives to its kind.

readonly APP=$STATE/app/$EA_FLAVOUR

# make_keys: the keys that sign access tokens and receipts, made once; and the place of those that ./dev rotate-receipt-key retires
make_keys() {
    local key
    own_dir 700 "$STATE/secret/retired"
    for key in token receipt; do
        [ -s "$STATE/secret/$key.key" ] && continue
        as_service env -i "$APP/bin/ea-token" keygen "$STATE/secret/$key.key" >"$STATE/log/keygen" 2>&1 ||
            die "ea-token could not make $STATE/secret/$key.key: $(tail -n 1 "$STATE/log/keygen")"
    done
}

public_url() { echo "https://127.0.0.1:$(port https)"; }

blob_dir() { echo "${EA_BLOB_DIR:-$STATE/blob}"; }

# app_define NAME…
app_define() {
    local name
    for name; do
        way_to_redis "$name"
        app_environment "$name" | service_environment "$name"
        app_run "$name" | service_define "$name"
    done
}

# way_to_redis NAME: each process finds Redis by a path of its own, so that tests can cut it off alone
way_to_redis() { ln -sfn redis.sock "$STATE/run/$1.redis"; }

app_run() {
    local binary=$APP/bin/ea-${1%-[0-9]*} prefix=
    # ThreadSanitizer's shadow needs the addresses where it expects them
    [ "$EA_FLAVOUR" != tsan ] || prefix="setarch $(uname -m) -R "
    cat <<RUN
#!/bin/sh
exec 2>&1
'$STATE/bin/reap' "\$PWD" || exit 1
exec ${prefix}chpst -e '$STATE/env/$1' '$binary'
RUN
}

app_environment() {
    local name=$1 kind=${1%-[0-9]*}
    cat <<ENV
EA_SERVICE_NAME=$name
EA_METRICS_LISTEN=127.0.0.1:$(metrics_port "$name")
EA_PG=$(pg_socket_conninfo) application_name=$name
EA_REDIS=unix:$STATE/run/$name.redis
EA_LOG=$EA_LOG
EA_LOG_LEVEL=$EA_LOG_LEVEL
EA_LOG_SOCKET=$STATE/run/log.sock
EA_PUBLIC_URL=$(public_url)
ENV
    case " $RESPONDERS " in
    *" $kind "*)
        cat <<ENV
EA_LISTEN=unix:$STATE/run/$name.sock
EA_THREADS=$EA_THREADS
EA_TOKEN_KEY=$STATE/secret/token.key
ENV
        ;;
    *) echo "EA_AMQP=$(amqp_url)" ;;
    esac
    case $kind in
    gateway)
        echo "EA_OPENAPI=$APP/share/edtech-assistant/openapi.json"
        echo "EA_RECEIPT_KEY=$STATE/secret/receipt.key"
        echo "EA_RECEIPT_RETIRED=$STATE/secret/retired"
        ;;
    quiz) echo "EA_RECEIPT_KEY=$STATE/secret/receipt.key" ;;
    assignment)
        echo "EA_RECEIPT_KEY=$STATE/secret/receipt.key"
        echo "EA_BLOB_DIR=$(blob_dir)"
        ;;
    chat)
        echo "EA_BLOB_DIR=$(blob_dir)"
        echo "EA_PRESENCE_S=$EA_PRESENCE_S"
        ;;
    grader) echo "EA_BLOB_DIR=$(blob_dir)" ;;
    notifier)
        echo "EA_SMTP=smtp://127.0.0.1:$(port smtp)"
        echo "EA_MAIL_FROM=school@localhost"
        ;;
    esac
    sanitizer_options
}

# Reports go to <state>/log/sanitizer, where `./dev check` looks for them once the processes have ended.
sanitizer_options() {
    local reports=$STATE/log/sanitizer
    case $EA_FLAVOUR in
    asan)
        echo "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:log_path=$reports/asan"
        echo "UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/ubsan"
        ;;
    tsan) echo "TSAN_OPTIONS=second_deadlock_stack=1:history_size=4:log_path=$reports/tsan" ;;
    esac
}

# app_tool NAME VARIABLE=VALUE… [-- ARGUMENT…]: runs one of our command line tools as the servers' user, with only these settings
app_tool() {
    local tool=$1
    shift
    local settings=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done
    [ $# -eq 0 ] || shift
    (cd / && as_service env -i PATH="$PATH" LANG=C.UTF-8 TZ=UTC "${settings[@]}" "$APP/bin/$tool" "$@")
}

migrate() {
    app_tool ea-migrate "EA_PG=$(pg_socket_conninfo) application_name=migrate" EA_SERVICE_NAME=migrate \
        "EA_MIGRATIONS=$APP/share/edtech-assistant/migrations"
}
