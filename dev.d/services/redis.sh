# shellcheck shell=bash
# The private Redis: caches, limits, wake-ups and presence only, so nothing of it is kept on disk.

redis_define() {
    own_dir 700 "$STATE/redis"
    put 600 "$STATE/etc/redis.conf" <<CONF
bind 127.0.0.1
port $(port redis)
unixsocket $STATE/run/redis.sock
unixsocketperm 660
dir $STATE/redis
daemonize no
save ""
appendonly no
maxmemory 128mb
maxmemory-policy volatile-lru
tcp-backlog 511
CONF
    service_define redis <<RUN
#!/bin/sh
exec 2>&1
'$STATE/bin/reap' "\$PWD" '$STATE/redis' || exit 1
exec /usr/bin/redis-server '$STATE/etc/redis.conf'
RUN
}
