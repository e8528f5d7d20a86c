-- How people, courses and enrolments look in the API: one place each, used by every statement that answers with them.

CREATE FUNCTION ea_user_json(u users) RETURNS json
    LANGUAGE sql STABLE
    AS $$ SELECT json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'role', u.role, 'active', u.active,
                                   'has_password', u.password_hash IS NOT NULL,
                                   'created_at', ea_time(u.created_at), 'updated_at', ea_time(u.updated_at)) $$;

-- role: the caller's in the course; NULL for an admin who is no member.
CREATE FUNCTION ea_course_json(c courses, role text) RETURNS json
    LANGUAGE sql STABLE
    AS $$ SELECT json_build_object('id', c.id, 'title', c.title, 'code', c.code, 'time_zone', c.time_zone, 'role', role,
                                   'created_at', ea_time(c.created_at), 'updated_at', ea_time(c.updated_at)) $$;

-- e-mail addresses are for those who teach.
CREATE FUNCTION ea_enrolment_json(e enrolments, u users, with_email boolean) RETURNS json
    LANGUAGE sql STABLE
    AS $$ SELECT json_build_object('course_id', e.course_id, 'user_id', e.user_id, 'name', u.name,
                                   'email', CASE WHEN with_email THEN u.email END, 'role', e.role,
                                   'enrolled_at', ea_time(e.created_at)) $$;

-- Zones of the IANA database by their names for people: no abbreviations, no POSIX rules.
CREATE FUNCTION ea_time_zone_valid(zone text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$ SELECT EXISTS (SELECT 1 FROM pg_timezone_names
                         WHERE name = zone AND name !~ '^(posix|right)/' AND name NOT IN ('Factory', 'localtime', 'posixrules')) $$;

-- Sessions that ended long ago are removed a few at each login, oldest first.
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Lists of courses and people are paged by these.
CREATE INDEX enrolments_course_role ON enrolments (course_id, role);
