# shellcheck shell=bash
# What an instance was started with: remembered in <state>/settings, so that every later command agrees with `up`.
# The environment wins over what is remembered, and that over the defaults.

readonly SETTING_DEFAULTS="
EA_PORT_BASE=18400
EA_FLAVOUR=plain
EA_THREADS=4
EA_LOG=stderr
EA_LOG_LEVEL=info
EA_CORS_ORIGINS=https://localhost:3000
EA_RATE_TOKEN=100
EA_BURST_TOKEN=400
EA_RATE_ADDRESS=4000
EA_BURST_ADDRESS=8000
EA_STREAMS_ADDRESS=12000
EA_PRESENCE_S=30
EA_SPOOL_DIR=
EA_BLOB_DIR=
EA_COUNT_gateway=1
EA_COUNT_assignment=1
EA_COUNT_quiz=2
EA_COUNT_chat=1
EA_COUNT_relay=1
EA_COUNT_grader=1
EA_COUNT_notifier=1
"

load_settings() {
    local line name
    declare -A given=()
    for line in $SETTING_DEFAULTS; do
        name=${line%%=*}
        [ -z "${!name+set}" ] || given[$name]=${!name}
        printf -v "$name" '%s' "${line#*=}"
    done
    if [ -r "$STATE/settings" ]; then
        while IFS= read -r line; do
            name=${line%%=*}
            case $SETTING_DEFAULTS in *"$name="*) printf -v "$name" '%s' "${line#*=}" ;; esac
        done <"$STATE/settings"
    fi
    for name in "${!given[@]}"; do printf -v "$name" '%s' "${given[$name]}"; done
    check_settings
}

check_settings() {
    local name
    case $EA_PORT_BASE in *[!0-9]* | "") die "EA_PORT_BASE='$EA_PORT_BASE' is not a number." ;; esac
    if [ "$EA_PORT_BASE" -lt 1024 ] || [ "$EA_PORT_BASE" -gt 65400 ]; then
        die "EA_PORT_BASE=$EA_PORT_BASE is out of range: 1024 to 65400."
    fi
    case $EA_FLAVOUR in plain | asan | tsan) ;; *) die "EA_FLAVOUR='$EA_FLAVOUR' is none of plain, asan, tsan." ;; esac
    for name in EA_THREADS EA_RATE_TOKEN EA_BURST_TOKEN EA_RATE_ADDRESS EA_BURST_ADDRESS EA_STREAMS_ADDRESS EA_PRESENCE_S; do
        case ${!name} in *[!0-9]* | "" | 0*) die "$name='${!name}' is not a positive number." ;; esac
    done
    for name in $KINDS; do check_count "$name"; done
}

check_count() {
    local name=EA_COUNT_$1 room=${METRICS_ROOM[$1]}
    case ${!name} in *[!0-9]* | "") die "--$1 '${!name}' is not a number." ;; esac
    if [ "${!name}" -lt 1 ] || [ "${!name}" -gt "$room" ]; then
        die "--$1 ${!name}: between 1 and $room processes of it fit into the instance's ports."
    fi
}

save_settings() {
    local line name
    for line in $SETTING_DEFAULTS; do
        name=${line%%=*}
        printf '%s=%s\n' "$name" "${!name}"
    done | put 644 "$STATE/settings"
}

readonly RESPONDERS="gateway assignment quiz chat"
readonly WORKERS="relay grader notifier"
readonly KINDS="$RESPONDERS $WORKERS"

# names_of KIND…: responders are numbered (quiz-1 quiz-2); a worker's first process bears the bare name
names_of() {
    local kind count n
    for kind; do
        count=EA_COUNT_$kind
        for ((n = 1; n <= ${!count}; n++)); do
            case " $WORKERS " in
            *" $kind "*) if [ "$n" -eq 1 ]; then echo "$kind"; else echo "$kind-$n"; fi ;;
            *) echo "$kind-$n" ;;
            esac
        done
    done
}

load_settings
