# shellcheck shell=bash
# Installs the Debian packages that are missing, in a way that starts none of the servers among them, now or at boot.

readonly POLICY=/usr/sbin/policy-rc.d

# packages_of GROUP…
packages_of() {
    awk -v groups=" $* " '!/^#/ && index(groups, " " $1 " ") { for (i = 2; i <= NF; i++) print $i }' \
        "$EA_ROOT/dev.d/packages" | sort -u
}

# packages_missing GROUP…: what one that is installed provides is not missing (npm comes with some packages of nodejs)
packages_missing() {
    comm -23 <(packages_of "$@") \
        <(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
            awk '$1 == "installed" { gsub(/\([^)]*\)|,/, " "); for (i = 2; i <= NF; i++) print $i }' | sort -u)
}

as_root() {
    if is_root; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "Debian packages are missing ($*). Run as root once, or install sudo."
    fi
}

# packages_install GROUP…: nothing to do takes no time and no rights
packages_install() {
    local missing log
    command -v dpkg-query >/dev/null || die "this needs Debian 12 (dpkg and apt); the list is in dev.d/packages."
    missing=$(packages_missing "$@" | tr '\n' ' ')
    if [ -z "$missing" ]; then
        note "all there"
        return
    fi
    log=$(mktemp)
    # shellcheck disable=SC2086
    if ! as_root bash -s -- "$POLICY" $missing <"$EA_ROOT/dev.d/apt-install" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        die "apt could not install: $missing"
    fi
    rm -f "$log"
    note "installed: $missing"
}
