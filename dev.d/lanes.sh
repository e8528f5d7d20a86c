# shellcheck shell=bash
# The steps of ./dev check, several side by side. A lane runs one step at a time, with an instance of its own: <instance>-check<lane>, on the
# lane'th hundred of ports after EA_PORT_BASE. A step is a session of processes, so that all of it can be ended.
# Expects CHECK_DIR, and on_end NAME SECONDS CODE, which is told of each step that is over.

readonly LANES_MOST=6

# by the process that leads a step's session
declare -A STEP_NAME=() STEP_LANE=() STEP_BEGAN=()
LANES_USED=()

# lanes_here: how many this machine has room for. Tests wait more than they work, so one more than it has processors; each wants a GiB.
lanes_here() {
    local lanes memory
    lanes=$(($(nproc) + 1))
    memory=$(awk '$1 == "MemTotal:" { print int($2 / 1048576 + 0.5) }' /proc/meminfo)
    [ "$lanes" -le "$memory" ] || lanes=$memory
    [ "$lanes" -le $LANES_MOST ] || lanes=$LANES_MOST
    [ "$lanes" -ge 1 ] || lanes=1
    echo "$lanes"
}

# lane_step LANE NAME: what a step is told of itself, by the caller's variables
lane_step() {
    CHECK_NAME=$2 CHECK_INSTANCE=$EA_INSTANCE-check$1 CHECK_PORT_BASE=$((EA_PORT_BASE + 100 * $1))
    rm -f "$CHECK_DIR/$2.count"
}

# lanes_run_alone NAME FILE: before all others, and from the terminal, for it may ask for a password
lanes_run_alone() {
    local began=$EPOCHREALTIME code=0
    local -x CHECK_NAME CHECK_INSTANCE CHECK_PORT_BASE
    lane_step 1 "$1"
    bash "$2" >"$CHECK_DIR/$1.log" 2>&1 7>&- </dev/null || code=$?
    on_end "$1" "$(elapsed "$began")" "$code"
    return "$code"
}

# lanes_run LANES FILE…: each step as soon as a lane is free
lanes_run() {
    local free waiting leader code
    mapfile -t free < <(seq "$1")
    LANES_USED=("${free[@]}")
    waiting=("${@:2}")
    while [ ${#waiting[@]} -gt 0 ] || [ ${#STEP_NAME[@]} -gt 0 ]; do
        if [ ${#waiting[@]} -gt 0 ] && [ ${#free[@]} -gt 0 ]; then
            lane_begin "${free[0]}" "${waiting[0]}"
            free=("${free[@]:1}") waiting=("${waiting[@]:1}")
            continue
        fi
        lanes_tell
        code=0
        wait -n -p leader "${!STEP_NAME[@]}" || code=$?
        free+=("${STEP_LANE[$leader]}")
        lanes_hush
        on_end "${STEP_NAME[$leader]}" "$(elapsed "${STEP_BEGAN[$leader]}")" "$code"
        unset "STEP_NAME[$leader]" "STEP_LANE[$leader]" "STEP_BEGAN[$leader]"
    done
}

lane_begin() {
    local -x CHECK_NAME CHECK_INSTANCE CHECK_PORT_BASE
    lane_step "$1" "$(step_name "$2")"
    # what bash starts in the background ignores SIGINT, but that is how tests are told to end
    setsid env --default-signal=INT bash "$2" >"$CHECK_DIR/$CHECK_NAME.log" 2>&1 7>&- </dev/null &
    STEP_NAME[$!]=$CHECK_NAME STEP_LANE[$!]=$1 STEP_BEGAN[$!]=$EPOCHREALTIME
}

# On a terminal the last line tells what runs.
lanes_tell() { [ ! -t 1 ] || printf '  … %s' "$(printf '%s\n' "${STEP_NAME[@]}" | sort | paste -sd ' ')"; }
lanes_hush() { [ ! -t 1 ] || printf '\r\033[K'; }

# lanes_end: whatever still runs is asked to end, with time to put back what it changed, and in the end made to; then the instances go down
lanes_end() {
    local how lane
    trap '' INT TERM HUP
    for how in INT TERM KILL; do
        tell_sessions "$how"
        wait_until 60 sessions_are_over && break
    done
    for lane in "${LANES_USED[@]}"; do lane_down "$lane" & done
    wait
}

# tell_sessions SIGNAL: not timeout(1), which would hand it on: a test that is told twice puts nothing back
tell_sessions() {
    local leader
    for leader in "${!STEP_NAME[@]}"; do
        ps -o pid=,comm= -s "$leader" | awk '$2 != "timeout" { print $1 }' | xargs -r kill "-$1" 2>/dev/null || true
    done
}

# sessions_are_over: nothing of them is left but what nobody has waited for yet
sessions_are_over() {
    local leader
    for leader in "${!STEP_NAME[@]}"; do
        ! pgrep -s "$leader" -r D,R,S,T >/dev/null || return 1
    done
}

lane_down() { env EA_INSTANCE="$EA_INSTANCE-check$1" "$EA_ROOT/dev" down >/dev/null 2>&1 7>&- || true; }
