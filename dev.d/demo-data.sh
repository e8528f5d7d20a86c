# shellcheck shell=bash
# The demo school: people, a course and their logins (sql/demo), loaded once into a database.

readonly DEMO_PASSWORD=demo-school-1
readonly DEMO_ADMIN=admin@school.example DEMO_TEACHER=teacher@school.example DEMO_STUDENT=student@school.example

demo_load() {
    local file name
    pg -U edtech -d edtech >/dev/null <<'SQL'
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS demo_loaded (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
SQL
    for file in "$APP"/share/edtech-assistant/demo/*.sql; do
        [ -e "$file" ] || continue
        name=$(basename "$file")
        [ "$(pg -U edtech -d edtech -Atc "SELECT count(*) FROM demo_loaded WHERE name = '$name'")" = 0 ] || continue
        { cat "$file" && echo "INSERT INTO demo_loaded (name) VALUES ('$name');"; } |
            pg -U edtech -d edtech --single-transaction >"$STATE/log/demo" 2>&1 ||
            die_of_file "$STATE/log/demo" "the demo school ($name) could not be loaded."
    done
}

demo_greeting() {
    cat <<TEXT

  $(public_url)      certificate of a local CA: $TLS/ca.pem

    administrator  $DEMO_ADMIN
    teacher        $DEMO_TEACHER
    student        $DEMO_STUDENT
    password       $DEMO_PASSWORD

  Try next:  ./dev demo      the story of one course, step by step
             ./dev status    what runs      ./dev logs -f   what it says      ./dev down   the end
TEXT
}
