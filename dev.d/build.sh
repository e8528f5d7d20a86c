# shellcheck shell=bash
# Builds one flavour out of tree, in build/<flavour>, and installs it into the instance's own directory.

build_options() {
    case $1 in
    plain) ;;
    asan) echo --enable-sanitize=address ;;
    tsan) echo --enable-sanitize=thread ;;
    esac
}

build_jobs() { nproc; }

# build_tree FLAVOUR: configures where needed and makes everything. Flavours are built side by side, each by one at a time.
build_tree() {
    local flavour=$1 dir=$EA_ROOT/build/$1 log=$EA_ROOT/build/$1.log
    mkdir -p "$dir"
    exec 8>"$EA_ROOT/build/$flavour.lock"
    flock 8
    : >"$log"
    make_configure "$log"
    if [ ! -f "$dir/config.status" ] || [ "$EA_ROOT/configure" -nt "$dir/config.status" ]; then
        # shellcheck disable=SC2046
        (cd "$dir" && ../../configure --enable-werror $(build_options "$flavour")) >>"$log" 2>&1 || die_of_build "$log" "configure failed."
    fi
    make -C "$dir" -j"$(build_jobs)" all >>"$log" 2>&1 || die_of_build "$log" "the build failed."
    exec 8>&-
}

# make_configure LOG: what all flavours share
make_configure() {
    local lock
    exec {lock}>"$EA_ROOT/build/lock"
    flock "$lock"
    if [ ! -x "$EA_ROOT/configure" ] || older_than_sources "$EA_ROOT/configure"; then
        (cd "$EA_ROOT" && autoreconf -fi) >>"$1" 2>&1 || die_of_build "$1" "autoreconf failed."
    fi
    exec {lock}>&-
}

older_than_sources() {
    [ "$EA_ROOT/configure.ac" -nt "$1" ] || [ "$EA_ROOT/Makefile.am" -nt "$EA_ROOT/Makefile.in" ] ||
        [ -n "$(find "$EA_ROOT" -mindepth 1 \( -path "$EA_ROOT/build" -o -path "$EA_ROOT/var" -o -path "$EA_ROOT/.git" \) -prune \
            -o -name '*.mk' -newer "$EA_ROOT/Makefile.in" -print)" ]
}

die_of_build() {
    [ -z "$IN_STEP" ] || echo
    IN_STEP=
    warn "$2 The log ends:"
    grep -E 'error:|Error|undefined reference|\*\*\*' "$1" | tail -n 12 | sed 's/^/    | /' >&2
    die "the whole log is $1"
}

# build_install FLAVOUR: an installed file that did not change is left alone, so nothing is restarted for it
build_install() {
    local flavour=$1
    build_tree "$flavour"
    make -C "$EA_ROOT/build/$flavour" install prefix="$STATE/app/$flavour" INSTALL='/usr/bin/install -C' \
        INSTALL_PROGRAM='/usr/bin/install -C' INSTALL_DATA='/usr/bin/install -C -m 644' >"$STATE/log/install" 2>&1 ||
        die_of_build "$STATE/log/install" "the installation failed."
    forget_removed "$flavour"
}

# forget_removed FLAVOUR: a migration or demo file that the sources no longer have must not be applied from an old installation
forget_removed() {
    local dir file
    for dir in migrations demo; do
        for file in "$STATE/app/$1/share/edtech-assistant/$dir"/*; do
            [ -e "$EA_ROOT/sql/$dir/$(basename "$file")" ] || rm -f "$file"
        done
    done
}
