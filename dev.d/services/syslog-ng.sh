# shellcheck shell=bash
# The private syslog-ng: takes RFC 5424 datagrams on <state>/run/log.sock and writes <state>/log/app.log.

syslog_ng_define() {
    own_dir 700 "$STATE/syslog-ng"
    sed -e "s|@SOCKET@|$STATE/run/log.sock|" -e "s|@FILE@|$STATE/log/app.log|" "$EA_ROOT/logging/syslog-ng/local.conf.in" |
        put 600 "$STATE/etc/syslog-ng.conf"
    service_define syslog-ng <<RUN
#!/bin/sh
exec 2>&1
'$STATE/bin/reap' "\$PWD" '$STATE/syslog-ng' || exit 1
exec /usr/sbin/syslog-ng --foreground --no-caps --stderr --cfgfile='$STATE/etc/syslog-ng.conf' \\
    --persist-file='$STATE/syslog-ng/persist' --pidfile='$STATE/syslog-ng/pid' --control='$STATE/syslog-ng/control'
RUN
}
