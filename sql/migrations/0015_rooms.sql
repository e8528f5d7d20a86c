-- Rooms worth talking in: groups, one room per course, direct rooms by who is in them; and what becomes of a message after it was said.

-- ---- rooms ----

ALTER TABLE rooms DROP CONSTRAINT rooms_kind_check;
ALTER TABLE rooms
    ADD CONSTRAINT rooms_kind_check CHECK (kind IN ('discussion', 'announcement', 'direct', 'group')),
    ALTER COLUMN created_by DROP NOT NULL,       -- the course's own room is made by nobody
    ADD COLUMN people uuid[],                    -- of a direct room, in order: one room per set of people
    ADD COLUMN edit_s integer NOT NULL DEFAULT 900 CHECK (edit_s BETWEEN 0 AND 604800),
    ADD COLUMN slow_s integer NOT NULL DEFAULT 0 CHECK (slow_s BETWEEN 0 AND 3600), -- between two messages of a student
    ADD COLUMN anonymous boolean NOT NULL DEFAULT false;                            -- students may ask without their name
UPDATE rooms r SET people = p.people
FROM (SELECT DISTINCT ON (d.course_id, d.people) d.id, d.people
      FROM (SELECT o.id, o.course_id, ARRAY(SELECT m.user_id FROM room_members m WHERE m.room_id = o.id ORDER BY m.user_id) AS people
            FROM rooms o WHERE o.kind = 'direct') d
      WHERE cardinality(d.people) BETWEEN 2 AND 9
      ORDER BY d.course_id, d.people, d.id) p
WHERE r.id = p.id;
CREATE UNIQUE INDEX rooms_people ON rooms (course_id, people) WHERE kind = 'direct';

-- Who hears a room: everybody of the course, or who was named; a group's teachers and assistants without being named. The one place that says so.
CREATE FUNCTION ea_hears(kind text, role text, named boolean) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$ SELECT role IS NOT NULL AND (kind IN ('discussion', 'announcement') OR (kind = 'group' AND role <> 'student') OR named) $$;

-- Them, and as what in the course. For rooms that are named; who starts from a person alone would look at others' direct rooms (topics_of_users does not).
CREATE VIEW room_people AS
    SELECT r.id AS room_id, r.course_id, e.user_id, e.role
    FROM rooms r JOIN enrolments e ON e.course_id = r.course_id
    LEFT JOIN room_members m ON m.room_id = r.id AND m.user_id = e.user_id
    WHERE ea_hears(r.kind, e.role, m.user_id IS NOT NULL);
CREATE INDEX rooms_open ON rooms (course_id, id) WHERE kind <> 'direct';

CREATE OR REPLACE FUNCTION ea_room_role(who uuid, room uuid) RETURNS text
    LANGUAGE sql STABLE
    AS $$ SELECT role FROM room_people WHERE room_id = room AND user_id = who $$;

-- What somebody follows who is in a course as `as_role`; nothing as none.
DROP FUNCTION ea_course_topics(uuid);
DROP FUNCTION ea_course_topics_all(uuid);
CREATE FUNCTION ea_course_topics(course uuid, who uuid, as_role text) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$
        SELECT ARRAY(SELECT 'c:' || course WHERE as_role IS NOT NULL
                     UNION ALL
                     SELECT 'r:' || r.id FROM rooms r
                     WHERE r.course_id = course
                       AND ea_hears(r.kind, as_role, EXISTS (SELECT FROM room_members m WHERE m.room_id = r.id AND m.user_id = who)))
    $$;

-- What they follow as `now` and did not as `was`.
CREATE FUNCTION ea_topics_gained(course uuid, who uuid, was text, now text) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT unnest(ea_course_topics(course, who, now)) EXCEPT SELECT unnest(ea_course_topics(course, who, was))) $$;

-- Every course has a room of its own, under its own id.
CREATE FUNCTION ea_course_room() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN
    INSERT INTO rooms (id, course_id, name, kind, created_by) VALUES (NEW.id, NEW.id, NEW.title, 'discussion', NEW.created_by);
    RETURN NULL;
END $$;
CREATE TRIGGER courses_room AFTER INSERT ON courses FOR EACH ROW EXECUTE FUNCTION ea_course_room();
INSERT INTO rooms (id, course_id, name, kind, created_by) SELECT id, id, title, 'discussion', created_by FROM courses;

-- ---- messages ----

-- Mentions are looked up by name.
CREATE INDEX users_lower_name ON users (lower(name));

ALTER TABLE messages
    ADD COLUMN thread_id   uuid,                           -- the message that its thread began with; NULL: no reply
    ADD COLUMN mentions    jsonb,                          -- [{kind: user, id, name} | {kind: teachers} | {kind: room}]
    ADD COLUMN files       jsonb,                          -- [{id, name, size, media_type, sha256}]
    ADD COLUMN question    boolean NOT NULL DEFAULT false,
    ADD COLUMN anonymous   boolean NOT NULL DEFAULT false, -- the author is not shown
    ADD COLUMN paced       boolean NOT NULL DEFAULT false, -- said by a student in slow mode
    ADD COLUMN version     integer NOT NULL DEFAULT 1,
    ADD COLUMN edited_at   timestamptz,
    ADD COLUMN deleted_at  timestamptz,
    ADD COLUMN deleted_by  uuid,
    ADD COLUMN hidden_at   timestamptz,
    ADD COLUMN hidden_by   uuid,
    ADD COLUMN pinned_at   timestamptz,
    ADD COLUMN pinned_by   uuid,
    ADD COLUMN answered_at timestamptz,
    ADD COLUMN answered_by uuid,
    ADD COLUMN answer_id   uuid;
CREATE INDEX messages_thread ON messages (thread_id, event_id) WHERE thread_id IS NOT NULL;
CREATE INDEX messages_pinned ON messages (room_id, pinned_at) WHERE pinned_at IS NOT NULL;
CREATE INDEX messages_questions ON messages (room_id, event_id) WHERE question;
CREATE INDEX messages_paced ON messages (room_id, author_id, created_at) WHERE paced;
UPDATE messages m SET thread_id = m.reply_to WHERE m.reply_to IS NOT NULL;
-- replies to replies: up to where nothing is a reply any more
DO $$ BEGIN
    LOOP
        UPDATE messages m SET thread_id = p.thread_id FROM messages p WHERE p.id = m.thread_id AND p.thread_id IS NOT NULL;
        EXIT WHEN NOT FOUND;
    END LOOP;
END $$;

-- What a message said before it was changed or taken back; insert-only. by: who did that.
CREATE TABLE message_versions (
    message_id uuid NOT NULL,
    version    integer NOT NULL,
    text       text NOT NULL,
    html       text NOT NULL,
    replaced_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    replaced_by uuid NOT NULL,
    PRIMARY KEY (message_id, version)
);

CREATE TABLE reactions (
    message_id uuid NOT NULL,
    emoji      text NOT NULL CHECK (length(emoji) BETWEEN 1 AND 32),
    user_id    uuid NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (message_id, emoji, user_id)
);

-- Files that were sent to a room. Who sent one may name it in messages there for a day; one that none names goes then.
CREATE TABLE message_files (
    id         uuid PRIMARY KEY,
    room_id    uuid NOT NULL REFERENCES rooms (id),
    user_id    uuid NOT NULL REFERENCES users (id),
    name       text NOT NULL,
    size       bigint NOT NULL,
    sha256     text NOT NULL,
    media_type text NOT NULL, -- ours, from the extension
    blob       text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX message_files_user ON message_files (user_id, created_at);
CREATE INDEX message_files_created ON message_files USING brin (created_at);

-- Which messages name them. Written under the event log's lock, so without foreign keys.
CREATE TABLE message_attachments (
    file_id    uuid NOT NULL,
    message_id uuid NOT NULL,
    PRIMARY KEY (file_id, message_id)
);
CREATE INDEX message_attachments_message ON message_attachments (message_id);

-- Who may say nothing in a room for a time.
CREATE TABLE room_mutes (
    room_id  uuid NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id  uuid NOT NULL REFERENCES users (id),
    until    timestamptz NOT NULL,
    muted_by uuid NOT NULL REFERENCES users (id),
    muted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room_id, user_id)
);

CREATE FUNCTION ea_is_muted(who uuid, room uuid) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$ SELECT EXISTS (SELECT FROM room_mutes WHERE room_id = room AND user_id = who AND until > clock_timestamp()) $$;

-- A message as its events show it. What was taken back or hidden has left only its place. Whoever asks without a name has none here: author_id stays in the row.
CREATE OR REPLACE FUNCTION ea_message_json(m messages, author_name text) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
        SELECT jsonb_build_object(
            'id', m.id, 'event_id', m.event_id, 'room_id', m.room_id,
            'author', CASE WHEN NOT m.anonymous THEN jsonb_build_object('id', m.author_id, 'name', author_name) END,
            'text', CASE WHEN coalesce(m.deleted_at, m.hidden_at) IS NULL THEN m.text ELSE '' END,
            'html', CASE WHEN coalesce(m.deleted_at, m.hidden_at) IS NULL THEN m.html ELSE '' END,
            'client_id', CASE WHEN NOT m.anonymous THEN m.client_id END, 'reply_to', m.reply_to, 'thread_id', m.thread_id,
            'mentions', CASE WHEN coalesce(m.deleted_at, m.hidden_at) IS NULL THEN coalesce(m.mentions, '[]') ELSE '[]' END,
            'files', CASE WHEN coalesce(m.deleted_at, m.hidden_at) IS NULL THEN coalesce(m.files, '[]') ELSE '[]' END,
            'question', CASE WHEN m.question THEN jsonb_build_object('answered_at', ea_time(m.answered_at), 'answer_id', m.answer_id) END,
            'version', m.version, 'edited_at', ea_time(m.edited_at), 'deleted_at', ea_time(m.deleted_at), 'hidden_at', ea_time(m.hidden_at),
            'pinned_at', ea_time(m.pinned_at), 'created_at', ea_time(m.created_at))
    $$;

-- ... and as it is shown to a reader: with what others made of it.
CREATE FUNCTION ea_message_view(m messages, author_name text, reader uuid) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
        SELECT ea_message_json(m, author_name) || jsonb_build_object(
            'replies', (SELECT count(*) FROM messages t WHERE t.thread_id = m.id),
            'reactions', (SELECT coalesce(jsonb_agg(jsonb_build_object('emoji', e.emoji, 'count', e.n, 'mine', e.mine) ORDER BY e.first, e.emoji), '[]')
                          FROM (SELECT r.emoji, count(*) AS n, bool_or(r.user_id = reader) AS mine, min(r.at) AS first
                                FROM reactions r WHERE r.message_id = m.id GROUP BY r.emoji) e))
    $$;

-- What was taken back or is hidden goes from what the log has told of it as well: the one thing that is ever changed there. The message's row is held, so nobody else is at these.
CREATE FUNCTION ea_events_unsay(message uuid, room uuid, event bigint) RETURNS void
    LANGUAGE sql
    AS $$
        UPDATE events SET payload = payload || '{"text": "", "html": "", "mentions": [], "files": []}'
        WHERE id IN (SELECT event
                     UNION ALL
                     SELECT x.id FROM events x WHERE x.topic = 'r:' || room AND x.id > event AND x.kind = 'message.updated' AND x.payload ->> 'id' = message::text)
    $$;

-- How many messages of others wait after what somebody has read; 1000 stands for more.
CREATE FUNCTION ea_room_unread(room uuid, reader uuid) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
        SELECT count(*) FROM (
            SELECT FROM messages m
            WHERE m.room_id = room AND m.author_id <> reader AND m.deleted_at IS NULL AND m.hidden_at IS NULL
              AND m.event_id > coalesce((SELECT s.event_id FROM room_reads s WHERE s.user_id = reader AND s.room_id = room), 0)
            LIMIT 1000) unread
    $$;

-- A room as its reader sees it; `cursor` is the log's newest id of this snapshot: who follows from there misses nothing.
CREATE FUNCTION ea_room_json(r rooms, reader uuid) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
        SELECT jsonb_build_object(
            'id', r.id, 'course_id', r.course_id, 'name', r.name, 'kind', r.kind, 'created_at', ea_time(r.created_at),
            'edit_s', r.edit_s, 'slow_s', r.slow_s, 'anonymous', r.anonymous,
            'muted_until', (SELECT ea_time(x.until) FROM room_mutes x WHERE x.room_id = r.id AND x.user_id = reader AND x.until > now()),
            'unread', ea_room_unread(r.id, reader),
            'last_message', (SELECT ea_message_view(m, u.name, reader) FROM messages m JOIN users u ON u.id = m.author_id
                             WHERE m.room_id = r.id ORDER BY m.event_id DESC LIMIT 1),
            'cursor', (SELECT coalesce(max(id), 0) FROM events))
    $$;

-- ---- search ----

-- The words of a message, and what is asked of it beside them, as lexemes: room:<id>, author:<id> (of who has a name there), has:file. Filled when somebody searches, up to where room_words says,
-- so that sending pays nothing for it: ids are in commit order, so what is behind a mark is complete. No row: nothing of it is to be found.
CREATE TABLE message_words (
    message_id uuid PRIMARY KEY,
    event_id   bigint NOT NULL,
    words      tsvector NOT NULL
);
CREATE INDEX message_words_words ON message_words USING gin (words);

CREATE TABLE room_words (
    room_id  uuid PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    event_id bigint NOT NULL
);

CREATE FUNCTION ea_message_words(m messages) RETURNS tsvector
    LANGUAGE sql STABLE
    AS $$
        SELECT to_tsvector('simple', m.text || coalesce((SELECT string_agg(' ' || translate(f ->> 'name', '._-', '   '), '') FROM jsonb_array_elements(m.files) AS f), ''))
               || array_to_tsvector(array_remove(ARRAY['room:' || m.room_id, CASE WHEN NOT m.anonymous THEN 'author:' || m.author_id END,
                                                       CASE WHEN m.files IS NOT NULL THEN 'has:file' END], NULL))
    $$;

-- Takes up to `most` messages of a course's rooms in; returns how many these were. One at a time per course.
CREATE FUNCTION ea_course_index(course uuid, most integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
    n integer;
BEGIN
    PERFORM pg_advisory_xact_lock(4250, hashtext(course::text));
    WITH fresh AS (
        SELECT m.* FROM rooms r LEFT JOIN room_words w ON w.room_id = r.id
        CROSS JOIN LATERAL (SELECT q.* FROM messages q WHERE q.room_id = r.id AND q.event_id > coalesce(w.event_id, 0) ORDER BY q.event_id LIMIT most) m
        WHERE r.course_id = course
        LIMIT most
    ), taken AS (
        INSERT INTO message_words (message_id, event_id, words)
        SELECT f.id, f.event_id, ea_message_words(m) FROM fresh f JOIN messages m ON m.id = f.id
        WHERE m.deleted_at IS NULL AND m.hidden_at IS NULL
        ON CONFLICT DO NOTHING
    ), marked AS (
        INSERT INTO room_words AS w (room_id, event_id) SELECT room_id, max(event_id) FROM fresh GROUP BY room_id
        ON CONFLICT (room_id) DO UPDATE SET event_id = excluded.event_id
    )
    SELECT count(*) INTO n FROM fresh;
    RETURN n;
END
$$;

-- ---- looking after rooms ----

-- What somebody thinks should not have been said, as it was then; who looks after the course decides. upheld: the message was hidden for it.
CREATE TABLE reports (
    id          uuid PRIMARY KEY,
    course_id   uuid NOT NULL REFERENCES courses (id),
    room_id     uuid NOT NULL REFERENCES rooms (id),
    message_id  uuid NOT NULL,
    author_id   uuid NOT NULL REFERENCES users (id),
    reporter_id uuid NOT NULL REFERENCES users (id),
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    text        text NOT NULL,
    html        text NOT NULL,
    anonymous   boolean NOT NULL,
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'dismissed', 'upheld')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    resolved_by uuid REFERENCES users (id),
    UNIQUE (message_id, reporter_id)
);
CREATE INDEX reports_course ON reports (course_id, id);

-- How long a course's messages are kept; NULL: for good.
ALTER TABLE courses ADD COLUMN message_days integer CHECK (message_days BETWEEN 1 AND 3650);
