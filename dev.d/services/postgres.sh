# shellcheck shell=bash
# The private PostgreSQL: its cluster in <state>/postgres, a socket in <state>/run, TCP on loopback with a password.
# Durability is on, always: fsync, full_page_writes and synchronous_commit are what the tests and benchmarks run with too.

readonly PG_BIN=/usr/lib/postgresql/15/bin
readonly PG_DATA=$STATE/postgres

# The budget of connections: one per pool thread and a few more for the follower and the batchers of every process that the
# instance has room for, and some for tools.
pg_max_connections() {
    local room processes=0
    for room in "${METRICS_ROOM[@]}"; do processes=$((processes + room)); done
    echo $((processes * (EA_THREADS + 4) + 40))
}

pg_socket_conninfo() { echo "host=$STATE/run port=$(port postgres) dbname=edtech user=edtech"; }

postgres_define() {
    postgres_secret
    [ -s "$PG_DATA/PG_VERSION" ] || postgres_initdb
    postgres_configure
    service_define postgres <<RUN
#!/bin/sh
exec 2>&1
'$STATE/bin/reap' "\$PWD" '$PG_DATA' || exit 1
# no postmaster of this cluster is left, whatever its pid file says
rm -f '$PG_DATA/postmaster.pid'
exec '$PG_BIN/postgres' -D '$PG_DATA'
RUN
    # runit's TERM would be a "smart" shutdown, which waits for every client to go away
    own_dir 755 "$STATE/sv/postgres/control"
    put 755 "$STATE/sv/postgres/control/t" <<'RUN'
#!/bin/sh
exec kill -INT "$(cat supervise/pid)"
RUN
}

postgres_secret() {
    [ -s "$STATE/secret/pg-password" ] || openssl rand -hex 24 | put 600 "$STATE/secret/pg-password"
}

postgres_initdb() {
    local fresh=$STATE/tmp/postgres.new
    rm -rf "$fresh" "$PG_DATA"
    as_service "$PG_BIN/initdb" -D "$fresh" -U postgres --auth=reject --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
        --no-instructions >"$STATE/log/initdb" 2>&1 ||
        die "PostgreSQL's cluster could not be made: $(tail -n 2 "$STATE/log/initdb" | tr '\n' ' ')"
    mv "$fresh" "$PG_DATA"
}

postgres_configure() {
    local owner
    owner=$(service_user)
    put 600 "$PG_DATA/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $(port postgres)
unix_socket_directories = '$STATE/run'
unix_socket_permissions = 0770
max_connections = $(pg_max_connections)

fsync = on
full_page_writes = on
synchronous_commit = on

shared_buffers = 128MB
wal_compression = on
max_wal_size = 1GB
checkpoint_timeout = 15min
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
password_encryption = scram-sha-256
log_line_prefix = '%m [%p] %q%u@%d %a '
log_lock_waits = on
deadlock_timeout = 1s
track_io_timing = on
CONF
    put 600 "$PG_DATA/pg_hba.conf" <<'CONF'
local all all                peer map=dev
host  all all 127.0.0.1/32   scram-sha-256
CONF
    put 600 "$PG_DATA/pg_ident.conf" <<CONF
dev  $owner  postgres
dev  $owner  edtech
dev  root  postgres
dev  root  edtech
CONF
}

pg() { as_service psql -X -q -v ON_ERROR_STOP=1 -h "$STATE/run" -p "$(port postgres)" "$@"; }

# postgres_prepare: the role and the database, once
postgres_prepare() {
    local password
    password=$(cat "$STATE/secret/pg-password")
    if [ "$(pg -U postgres -d postgres -Atc "SELECT count(*) FROM pg_roles WHERE rolname = 'edtech'")" = 0 ]; then
        pg -U postgres -d postgres <<<"CREATE ROLE edtech LOGIN PASSWORD '$password';"
    fi
    if [ "$(pg -U postgres -d postgres -Atc "SELECT count(*) FROM pg_database WHERE datname = 'edtech'")" = 0 ]; then
        pg -U postgres -d postgres -c 'CREATE DATABASE edtech OWNER edtech'
    fi
}
