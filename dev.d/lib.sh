# shellcheck shell=bash
# What every command needs: words for people, where this instance keeps its state, and which user its servers run as.
# Sourced first by every script in dev.d/cmd; expects EA_ROOT, the checkout.
set -euo pipefail
umask 022

EA_INSTANCE=${EA_INSTANCE:-dev}
readonly SERVICE_USER_WHEN_ROOT=edtech
# A unix socket's path may have 107 bytes, and "/run/assignment-12.redis" follows this.
readonly LONGEST_STATE_PATH=80

say() { printf '%s\n' "$*"; }
warn() { printf 'dev: %s\n' "$*" >&2; }

# die WORDS: one plain sentence, and out; an unfinished line of `step` is ended first
IN_STEP=
die() {
    [ -z "$IN_STEP" ] || echo
    IN_STEP=
    warn "$*"
    exit 1
}

# step WHAT COMMAND…: runs COMMAND and tells how long it took. What COMMAND says comes after the name of the step.
step() {
    local what=$1 begin=$EPOCHREALTIME
    shift
    printf '  %-34s ' "$what"
    STEP_NOTE=
    IN_STEP=yes
    "$@"
    IN_STEP=
    printf '%5s s  %s\n' "$(elapsed "$begin")" "$STEP_NOTE"
}

# note WORDS: what the running step wants to be read at the end of its line
# shellcheck disable=SC2034
note() { STEP_NOTE=$*; }

elapsed() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# wait_until SECONDS COMMAND…: polls until COMMAND succeeds; fails when the time is over
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

is_root() { [ "$EUID" -eq 0 ]; }

service_user() {
    if is_root; then echo "$SERVICE_USER_WHEN_ROOT"; else id -un; fi
}

# as_service COMMAND…: runs COMMAND as the user that the servers run as
as_service() {
    if is_root; then
        # from /, for where the caller stands may be closed to that user
        env -C / setpriv --reuid "$SERVICE_USER_WHEN_ROOT" --regid "$SERVICE_USER_WHEN_ROOT" --init-groups --inh-caps=-all -- "$@"
    else
        "$@"
    fi
}

ensure_service_user() {
    is_root || return 0
    getent passwd "$SERVICE_USER_WHEN_ROOT" >/dev/null && return 0
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
        "$SERVICE_USER_WHEN_ROOT"
}

# The directory for all instances of this checkout: var/ in it, or, where the servers' user could not reach that or
# socket paths would grow too long, a directory below /var/tmp that is named after the checkout.
state_parent() {
    local inside=$EA_ROOT/var hash
    if [ $((${#inside} + 1 + ${#EA_INSTANCE})) -le $LONGEST_STATE_PATH ] && reachable "$EA_ROOT"; then
        echo "$inside"
        return
    fi
    hash=$(printf '%s' "$EA_ROOT" | sha256sum | cut -c1-8)
    echo "/var/tmp/edtech-assistant-$(service_user)-$hash"
}

reachable() {
    if is_root && ! getent passwd "$SERVICE_USER_WHEN_ROOT" >/dev/null; then
        # no such user yet: nobody stands in for it
        setpriv --reuid 65534 --regid 65534 --clear-groups -- test -x "$1/."
        return
    fi
    as_service test -x "$1/."
}

case $EA_INSTANCE in
*[!a-z0-9-]* | -* | "") die "EA_INSTANCE='$EA_INSTANCE' is not a name: use a-z, 0-9 and '-'." ;;
esac
[ ${#EA_INSTANCE} -le 20 ] || die "EA_INSTANCE='$EA_INSTANCE' is too long: 20 characters at most."

STATE_PARENT=$(state_parent)
STATE=$STATE_PARENT/$EA_INSTANCE
# shellcheck disable=SC2034
readonly STATE_PARENT STATE
# shellcheck source=dev.d/ports.sh
. "$EA_ROOT/dev.d/ports.sh"
# shellcheck source=dev.d/settings.sh
. "$EA_ROOT/dev.d/settings.sh"

# make_state: the instance's directories, owned by the servers' user
make_state() {
    local owner
    owner=$(service_user)
    if [ "$STATE_PARENT" != "$EA_ROOT/var" ] && [ ! -d "$STATE" ]; then
        say "  The servers' user ($owner) can't use $EA_ROOT/var (out of its reach, or too long a path);"
        say "  this instance keeps its data in $STATE."
    fi
    install -d -m 755 "$STATE_PARENT"
    [ -O "$STATE_PARENT" ] || as_service test -O "$STATE_PARENT" ||
        die "$STATE_PARENT belongs to somebody else; remove it, or ask its owner."
    is_root || [ ! -d "$STATE" ] || [ -O "$STATE" ] ||
        die "$STATE belongs to $(stat -c %U "$STATE"): run as root, or choose another EA_INSTANCE."
    own_dir 755 "$STATE" "$STATE/run" "$STATE/log" "$STATE/sv" "$STATE/bin" "$STATE/etc" "$STATE/mail"
    own_dir 700 "$STATE/env" "$STATE/secret" "$STATE/blob" "$STATE/tmp"
}

# own_dir MODE DIR…: made where missing
own_dir() {
    local mode=$1 dir owner=()
    shift
    ! is_root || owner=(-o "$SERVICE_USER_WHEN_ROOT" -g "$SERVICE_USER_WHEN_ROOT")
    for dir; do [ -d "$dir" ] || install -d -m "$mode" "${owner[@]}" "$dir"; done
}

# put MODE FILE <text: writes FILE whole or not at all, owned by the servers' user; leaves an equal one alone (and starts no process for it)
put() {
    local mode=$1 file=$2 fresh=$2.new.$$ text old=""
    IFS= read -r -d '' text || true
    if [ -r "$file" ]; then
        IFS= read -r -d '' old <"$file" || true
        [ "$old" != "$text" ] || [ -z "$text" ] || return 0
    fi
    (umask 077 && printf '%s' "$text" >"$fresh")
    chmod "$mode" "$fresh"
    if is_root; then chown "$SERVICE_USER_WHEN_ROOT:$SERVICE_USER_WHEN_ROOT" "$fresh"; fi
    mv -f "$fresh" "$file"
}
