# shellcheck shell=bash
# What the steps of ./dev check share.
. "$EA_ROOT/dev.d/lib.sh"

# asked to end, a step does so as soon as what it was doing has ended
trap 'exit 130' INT TERM HUP

# count PASSED FAILED: what this step found, for the summary
count() { echo "$1 $2" >"$CHECK_DIR/$CHECK_NAME.count"; }

# in_check COMMAND…: ./dev COMMAND for the instance of its own that checks run on
in_check() { env EA_INSTANCE="$CHECK_INSTANCE" EA_PORT_BASE="$CHECK_PORT_BASE" "$EA_ROOT/dev" "$@"; }

# unit_tests FLAVOUR: make check in that build; automake writes one .trs file per test program
unit_tests() {
    local code=0 trs
    . "$EA_ROOT/dev.d/build.sh"
    build_tree "$1"
    in_check up --servers
    test_servers
    # ThreadSanitizer's shadow needs the addresses where it expects them, so without randomisation
    setarch "$(uname -m)" -R make -C "$EA_ROOT/build/$1" -j"$(build_jobs)" check || code=$?
    trs=$(find "$EA_ROOT/build/$1/tests" -name '*.trs' -exec cat {} +)
    count "$(grep -c '^:test-result: PASS' <<<"$trs")" "$(grep -c -E '^:test-result: (FAIL|ERROR|XPASS)' <<<"$trs")"
    [ "$code" -eq 0 ] || failing_unit_logs "$1"
    return "$code"
}

# test_servers: tells unit tests of the private servers
test_servers() {
    local run
    eval "$(in_check env | sed 's/^/local /')"
    # shellcheck disable=SC2153
    run=$EA_STATE/run
    export EA_TEST_PG="host=$run port=$EA_PORT_POSTGRES user=postgres dbname=postgres"
    export EA_TEST_REDIS="unix:$run/redis.sock" EA_TEST_AMQP="$EA_AMQP"
}

failing_unit_logs() {
    local trs
    grep -l -E '^:test-result: (FAIL|ERROR)' -r --include='*.trs' "$EA_ROOT/build/$1/tests" | while IFS= read -r trs; do
        echo "--- ${trs%.trs}.log"
        tail -n 30 "${trs%.trs}.log"
    done
}

# against_stack FLAVOUR PATH…: brings a fresh instance of that flavour up, runs pytest on PATH…, takes it down, and reads the
# sanitizers' reports, which a leak check writes only at a process's end
against_stack() {
    local flavour=$1 code=0
    shift
    in_check reset --yes
    if EA_FLAVOUR=$flavour EA_PRESENCE_S=1 in_check up; then pytest_run "$@" || code=$?; else code=1; fi
    in_check down || code=1
    no_reports || code=1
    [ "$code" -eq 0 ] || keep_logs
    return "$code"
}

# keep_logs: what an instance's processes said while a test failed goes with the instance, which the lane's next step begins anew
keep_logs() {
    rm -rf "${CHECK_DIR:?}/$CHECK_NAME.logs"
    cp -r "$(state_of_check)/log" "$CHECK_DIR/$CHECK_NAME.logs"
    say "What the instance's processes said is in $CHECK_DIR/$CHECK_NAME.logs."
}

state_of_check() { in_check env 2>/dev/null | sed -n "s/^EA_STATE='\(.*\)'$/\1/p"; }

pytest_run() {
    local code=0 report=$CHECK_DIR/$CHECK_NAME.xml
    rm -f "$report"
    (
        set -a
        eval "$(in_check env)"
        set +a
        # a test that hangs is shown where it does, and does not keep the check from ending
        cd "$EA_ROOT" && exec timeout -s INT 3600 /usr/bin/python3 -m pytest -q -p no:cacheprovider \
            -o faulthandler_timeout=300 --junit-xml="$report" "$@"
    ) || code=$?
    [ ! -f "$report" ] || /usr/bin/python3 - "$report" >"$CHECK_DIR/$CHECK_NAME.count" <<'PY'
import sys
import xml.etree.ElementTree as tree
suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
total, bad, skipped = (sum(int(s.get(k, 0)) for s in suites for k in ks) for ks in (["tests"], ["failures", "errors"], ["skipped"]))
print(total - bad - skipped, bad)
PY
    return "$code"
}

no_reports() {
    local report found=0
    for report in "$(state_of_check)"/log/sanitizer/*; do
        [ -s "$report" ] || continue
        found=1
        echo "--- $report"
        head -n 60 "$report"
    done
    return $found
}
