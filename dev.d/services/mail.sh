# shellcheck shell=bash
# The mail catcher: takes every mail the notifier sends and keeps it as a file in <state>/mail.

mail_define() {
    put 755 "$STATE/bin/mail-catcher" <"$EA_ROOT/dev.d/mail-catcher"
    service_define mail <<RUN
#!/bin/sh
exec 2>&1
'$STATE/bin/reap' "\$PWD" || exit 1
exec /usr/bin/python3 '$STATE/bin/mail-catcher' $(port smtp) '$STATE/mail'
RUN
}
