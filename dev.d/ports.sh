# shellcheck shell=bash
# One block of a hundred ports per instance, counted from EA_PORT_BASE; everything listens on 127.0.0.1 only. After an instance's own come
# those of ./dev check, a hundred for each lane (100 to 699), and of ./dev prove (700 to 799). Within a block, 30 and 44 to 68 are for tests.

declare -rA PORT_OFFSET=(
    [dist]=25 [smtp]=26 [postgres]=32 [https]=43 [epmd]=69 [amqp]=72 [redis]=79 [http]=80 [status]=81
)

# Where a kind's processes answer /metrics, /healthz and /readyz: the first one's offset, and for how many there is room
declare -rA METRICS_OFFSET=([gateway]=1 [assignment]=5 [quiz]=9 [chat]=15 [relay]=21 [grader]=23 [notifier]=27)
# shellcheck disable=SC2034
declare -rA METRICS_ROOM=([gateway]=4 [assignment]=4 [quiz]=6 [chat]=6 [relay]=2 [grader]=2 [notifier]=2)

# port NAME: the port of a server of this instance
port() { echo $((EA_PORT_BASE + PORT_OFFSET[$1])); }

# metrics_port SERVICE: "quiz-2" is the second process of its kind; a name without a number is the first. Nothing for a server
metrics_port() {
    local kind=${1%-[0-9]*} number=1
    [ "$kind" = "$1" ] || number=${1##*-}
    [ -z "${METRICS_OFFSET[$kind]+known}" ] || echo $((EA_PORT_BASE + METRICS_OFFSET[$kind] + number - 1))
}

port_names() { printf '%s\n' "${!PORT_OFFSET[@]}" | sort; }

# port_is_taken PORT: does anything listen on it, on loopback or on every address?
port_is_taken() {
    awk -v want="$(printf '%04X' "$1")" '
        $4 == "0A" { n = split($2, a, ":"); if (a[n] == want) found = 1 }
        END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# port_holder PORT: words that say which process listens there
port_holder() {
    local inode pid
    inode=$(awk -v want="$(printf '%04X' "$1")" '
        $4 == "0A" { n = split($2, a, ":"); if (a[n] == want) { print $10; exit } }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    pid=$(find /proc -maxdepth 3 -path '/proc/[0-9]*/fd/*' -lname "socket:\[$inode\]" 2>/dev/null |
        awk -F/ '{ print $3; exit }') || true
    if [ -n "$pid" ]; then
        echo "process $pid ($(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-60 | sed 's/ *$//'))"
    else
        echo "a process of another user"
    fi
}

# refuse_taken_ports NAME…: dies naming the first port that somebody holds
refuse_taken_ports() {
    local name number
    for name; do
        case $name in
        */*) number=${name##*/} ;;
        *) number=$(port "$name") ;;
        esac
        port_is_taken "$number" || continue
        die "port $number (${name%%/*}) is taken by $(port_holder "$number"). Free it, or choose another block: EA_PORT_BASE=$((EA_PORT_BASE + 1000)) ./dev up"
    done
}
