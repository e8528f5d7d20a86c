# shellcheck shell=bash
# One block of a hundred ports per instance, counted from EA_PORT_BASE; everything listens on 127.0.0.1 only.

# name, offset
readonly PORT_TABLE="
dist      25
smtp      26
postgres  32
https     43
epmd      69
amqp      72
redis     79
http      80
status    81
"

# First offset and number of the ports that a kind of process answers /metrics, /healthz and /readyz on
readonly METRICS_TABLE="
gateway     1 4
assignment  5 4
quiz        9 6
chat       15 6
relay      21 2
grader     23 2
notifier   27 2
"

# port NAME: the port of a server of this instance
port() {
    local offset
    offset=$(awk -v n="$1" '$1 == n { print $2 }' <<<"$PORT_TABLE")
    echo $((EA_PORT_BASE + offset))
}

# metrics_port SERVICE: "quiz-2" is the second process of its kind; a name without a number is the first
metrics_port() {
    local kind=${1%-[0-9]*} number=1
    [ "$kind" = "$1" ] || number=${1##*-}
    awk -v k="$kind" -v n="$number" -v base="$EA_PORT_BASE" '$1 == k { print base + $2 + n - 1 }' <<<"$METRICS_TABLE"
}

# metrics_room KIND: how many processes of a kind the block has ports for
metrics_room() { awk -v k="$1" '$1 == k { print $3 }' <<<"$METRICS_TABLE"; }

port_names() { awk 'NF { print $1 }' <<<"$PORT_TABLE"; }

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
