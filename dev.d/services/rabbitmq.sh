# shellcheck shell=bash
# The private RabbitMQ and its epmd: a node name, a cookie and ports of their own, on loopback. User and virtual host come
# from a definitions file at boot; exchanges and queues are declared by the workers.

readonly RABBIT_DIR=$STATE/rabbitmq
RABBIT_NODE=edtech-$EA_INSTANCE@localhost

amqp_url() { echo "amqp://edtech:$(cat "$STATE/secret/amqp-password")@127.0.0.1:$(port amqp)/edtech"; }

epmd_define() {
    service_define epmd <<RUN
#!/bin/sh
exec 2>&1
'$STATE/bin/reap' "\$PWD" || exit 1
exec /usr/bin/epmd -address 127.0.0.1 -port $(port epmd)
RUN
}

rabbitmq_define() {
    rabbitmq_secrets
    own_dir 700 "$RABBIT_DIR" "$RABBIT_DIR/mnesia"
    put 400 "$RABBIT_DIR/.erlang.cookie" < <(tr -d '\n' <"$STATE/secret/erlang-cookie")
    put 600 "$STATE/etc/enabled_plugins" <<<'[].'
    put 600 "$STATE/etc/rabbitmq.conf" <<CONF
listeners.tcp.default = 127.0.0.1:$(port amqp)
load_definitions = $STATE/etc/rabbitmq-definitions.json
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 64MB
raft.wal_max_size_bytes = 67108864
heartbeat = 30
log.console = true
log.console.level = info
log.file = false
CONF
    rabbitmq_definitions | put 600 "$STATE/etc/rabbitmq-definitions.json"
    rabbitmq_environment | put 600 "$STATE/etc/rabbitmq-env"
    # RUNNING_UNDER_SYSTEMD makes the start script exec the emulator, so that signals and deaths are the broker's own
    service_define rabbitmq <<RUN
#!/bin/sh
exec 2>&1
'$STATE/bin/reap' "\$PWD" '$RABBIT_DIR' || exit 1
set -a
. '$STATE/etc/rabbitmq-env'
RUNNING_UNDER_SYSTEMD=true
cd '$RABBIT_DIR' && exec /usr/lib/rabbitmq/bin/rabbitmq-server
RUN
}

rabbitmq_secrets() {
    [ -s "$STATE/secret/amqp-password" ] || openssl rand -hex 24 | put 600 "$STATE/secret/amqp-password"
    [ -s "$STATE/secret/erlang-cookie" ] || openssl rand -hex 24 | put 600 "$STATE/secret/erlang-cookie"
}

rabbitmq_definitions() {
    local salt hash password
    password=$(cat "$STATE/secret/amqp-password")
    # RabbitMQ's own form: base64(salt || sha256(salt || password)); the salt is kept so that the file stays the same
    [ -s "$STATE/secret/amqp-salt" ] || openssl rand -hex 4 | put 600 "$STATE/secret/amqp-salt"
    salt=$(cat "$STATE/secret/amqp-salt")
    hash=$(python3 -c '
import base64, hashlib, sys
salt = bytes.fromhex(sys.argv[1])
print(base64.b64encode(salt + hashlib.sha256(salt + sys.stdin.read().strip().encode()).digest()).decode())' "$salt" <<<"$password")
    cat <<JSON
{
  "users": [{"name": "edtech", "password_hash": "$hash", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}],
  "vhosts": [{"name": "edtech"}],
  "permissions": [{"user": "edtech", "vhost": "edtech", "configure": ".*", "write": ".*", "read": ".*"}]
}
JSON
}

# rabbitmq_environment: what the node and its command line tools agree on
rabbitmq_environment() {
    local loopback="-kernel inet_dist_use_interface {127,0,0,1}"
    # ERL_FLAGS, for whatever emulator the broker starts: one that misses epmd would start an epmd that nobody here looks after
    cat <<ENV
HOME='$RABBIT_DIR'
RABBITMQ_NODENAME='$RABBIT_NODE'
RABBITMQ_NODE_PORT=$(port amqp)
RABBITMQ_DIST_PORT=$(port dist)
RABBITMQ_CTL_DIST_PORT_MIN=$((EA_PORT_BASE + 85))
RABBITMQ_CTL_DIST_PORT_MAX=$((EA_PORT_BASE + 95))
ERL_EPMD_PORT=$(port epmd)
ERL_EPMD_ADDRESS=127.0.0.1
ERL_FLAGS='-start_epmd false'
RABBITMQ_CONF_ENV_FILE=/dev/null
RABBITMQ_CONFIG_FILE='$STATE/etc/rabbitmq.conf'
RABBITMQ_ADVANCED_CONFIG_FILE='$STATE/etc/rabbitmq-advanced.config'
RABBITMQ_ENABLED_PLUGINS_FILE='$STATE/etc/enabled_plugins'
RABBITMQ_MNESIA_BASE='$RABBIT_DIR/mnesia'
RABBITMQ_LOG_BASE='$STATE/log/rabbitmq'
RABBITMQ_LOGS=-
RABBITMQ_PID_FILE='$STATE/run/rabbitmq.pid'
RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='$loopback +S 2:2 +SDio 4 +sbwt none +sbwtdcpu none +sbwtdio none'
RABBITMQ_CTL_ERL_ARGS='$loopback'
ENV
}

# rabbitmqctl ARGUMENT…: the command line tool, against the private node
rabbitmqctl() {
    # shellcheck disable=SC2016
    as_service env -i PATH="$PATH" LANG=C.UTF-8 bash -c \
        'set -a && . "$1" && cd "$HOME" && shift && exec /usr/lib/rabbitmq/bin/rabbitmqctl "$@"' bash "$STATE/etc/rabbitmq-env" "$@"
}
