-- What of a room's past somebody is shown who came later.

-- ---- where in the log something happened ----

-- The number of an event is known only under the log's lock, after all rows of its transaction have been written. So a row that must know where in the log it came about keeps
-- the number of a place, and the append (events_append) says once per transaction where that is: after event_id and before the events of the same transaction.
CREATE SEQUENCE log_place_ids;
CREATE TABLE log_places (
    id       bigint PRIMARY KEY,
    event_id bigint NOT NULL
);

-- The place of this transaction: one, however many rows ask. It is there for others once the transaction has appended to the log; one that tells nobody leaves none.
CREATE FUNCTION ea_log_place() RETURNS bigint
    LANGUAGE sql VOLATILE
    AS $$ SELECT coalesce(nullif(current_setting('ea.log_place', true), ''), set_config('ea.log_place', nextval('log_place_ids')::text, true))::bigint $$;

-- Where somebody came in. Filled by the row itself, so no way in can forget it. Without a place they count as having been there always, as they do in streams, which go by
-- the same events: so do all who were in when rooms showed everything to everybody.
ALTER TABLE enrolments ADD COLUMN joined bigint NOT NULL DEFAULT 0;
ALTER TABLE enrolments ALTER COLUMN joined SET DEFAULT ea_log_place();
ALTER TABLE room_members ADD COLUMN joined bigint NOT NULL DEFAULT 0;
ALTER TABLE room_members ALTER COLUMN joined SET DEFAULT ea_log_place();

-- ---- the setting ----

-- all: who joins may read what was said before. joined: only what is said from then on. Nobody joins a direct room.
ALTER TABLE rooms
    ADD COLUMN history text NOT NULL DEFAULT 'all' CHECK (history IN ('all', 'joined') AND (kind <> 'direct' OR history = 'all')),
    ADD COLUMN opened  bigint, -- the place where it went from joined to all; NULL: it never did
    ADD COLUMN limited boolean NOT NULL GENERATED ALWAYS AS (history = 'joined' OR opened IS NOT NULL) STORED; -- not everything is shown to everybody

-- Who hears a room, as what in the course, and from where on they are shown it: what was said after that event. The one place that says so.
-- Who looks after a room sees all of it. A student sees what was said since they came, into the course or, if later, into the group; who left and came back, since they came back.
-- In a room that is open to all again, those who came late see what was said since it is: what was said before stays between those who were there.
CREATE OR REPLACE VIEW room_people AS
    SELECT r.id AS room_id, r.course_id, e.user_id, e.role,
           CASE
               WHEN e.role <> 'student' OR NOT r.limited THEN 0
               ELSE least(CASE WHEN r.history = 'all' THEN (SELECT p.event_id FROM log_places p WHERE p.id = r.opened) END,
                          coalesce(greatest((SELECT p.event_id FROM log_places p WHERE p.id = e.joined), (SELECT p.event_id FROM log_places p WHERE p.id = m.joined)), 0))
           END AS shown_after
    FROM rooms r JOIN enrolments e ON e.course_id = r.course_id
    LEFT JOIN room_members m ON m.room_id = r.id AND m.user_id = e.user_id
    WHERE ea_hears(r.kind, e.role, m.user_id IS NOT NULL);

-- A room's messages as far as they are shown to a reader; an administrator who is not of the course reads all but direct rooms. Whatever shows messages takes them from here, or asks
-- for shown_after itself. Inlined: the bound is worked out once, and what comes before it is not looked at.
CREATE FUNCTION ea_shown(room uuid, reader uuid) RETURNS SETOF messages
    LANGUAGE sql STABLE
    AS $$
        SELECT m.* FROM messages m
        WHERE m.room_id = room
          AND m.event_id > coalesce((SELECT p.shown_after FROM room_people p WHERE p.room_id = room AND p.user_id = reader),
                                    (SELECT 0 FROM users u JOIN rooms r ON r.id = room AND r.kind <> 'direct' WHERE u.id = reader AND u.role = 'admin'))
    $$;

-- A change of a message as its event tells it. Events go to all who hear the room now, so where not everything is shown to everybody they name the message, and who is shown it reads it.
CREATE FUNCTION ea_message_changed(m messages, author_name text) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
        SELECT CASE WHEN r.limited
                   THEN jsonb_build_object('id', m.id, 'event_id', m.event_id, 'room_id', m.room_id, 'version', m.version,
                                           'edited_at', ea_time(m.edited_at), 'hidden_at', ea_time(m.hidden_at))
                   ELSE ea_message_json(m, author_name) END
        FROM rooms r WHERE r.id = m.room_id
    $$;

-- ---- what is shown of a room ----

-- In order, or what was read up to would not bound what is looked at: the planner cannot know how little is left, and counts on reading everything.
CREATE OR REPLACE FUNCTION ea_room_unread(room uuid, reader uuid) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
        SELECT count(*) FROM (
            SELECT FROM ea_shown(room, reader) m
            WHERE m.author_id <> reader AND m.deleted_at IS NULL AND m.hidden_at IS NULL
              AND m.event_id > coalesce((SELECT s.event_id FROM room_reads s WHERE s.user_id = reader AND s.room_id = room), 0)
            ORDER BY m.event_id LIMIT 1000) unread
    $$;

CREATE OR REPLACE FUNCTION ea_room_json(r rooms, reader uuid) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
        SELECT jsonb_build_object(
            'id', r.id, 'course_id', r.course_id, 'name', r.name, 'kind', r.kind, 'created_at', ea_time(r.created_at),
            'edit_s', r.edit_s, 'slow_s', r.slow_s, 'anonymous', r.anonymous, 'history', r.history,
            'muted_until', (SELECT ea_time(x.until) FROM room_mutes x WHERE x.room_id = r.id AND x.user_id = reader AND x.until > now()),
            'unread', ea_room_unread(r.id, reader),
            'last_message', (SELECT ea_message_view(m, u.name, reader) FROM ea_shown(r.id, reader) m JOIN users u ON u.id = m.author_id
                             ORDER BY m.event_id DESC LIMIT 1),
            'cursor', (SELECT coalesce(max(id), 0) FROM events))
    $$;
