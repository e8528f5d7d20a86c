-- Rooms of a course and what is said in them.

CREATE TABLE rooms (
    id         uuid PRIMARY KEY,
    course_id  uuid NOT NULL REFERENCES courses (id),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind       text NOT NULL CHECK (kind IN ('discussion', 'announcement', 'direct')),
    created_by uuid NOT NULL REFERENCES users (id),
    version    integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rooms_course ON rooms (course_id, id);

-- Direct rooms name their members; the others are everybody's in the course.
CREATE TABLE room_members (
    room_id  uuid NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id  uuid NOT NULL REFERENCES users (id),
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_members_user ON room_members (user_id);

-- No foreign keys: a message is written under the event log's lock, where no row lock may be taken. The statement that writes it has looked at room and author.
CREATE TABLE messages (
    id         uuid PRIMARY KEY,
    room_id    uuid NOT NULL,
    author_id  uuid NOT NULL,
    event_id   bigint NOT NULL, -- of its message.created: the order of the room
    text       text NOT NULL,
    html       text NOT NULL,
    client_id  text,
    reply_to   uuid,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX messages_room ON messages (room_id, event_id);
CREATE UNIQUE INDEX messages_client ON messages (author_id, room_id, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE room_reads (
    room_id  uuid NOT NULL,
    user_id  uuid NOT NULL,
    event_id bigint NOT NULL, -- everything up to it was read
    PRIMARY KEY (user_id, room_id)
);

-- Whether somebody may see a room, as what role in its course; NULL: no.
CREATE FUNCTION ea_room_role(who uuid, room uuid) RETURNS text
    LANGUAGE sql STABLE
    AS $$
        SELECT e.role
        FROM rooms r JOIN enrolments e ON e.course_id = r.course_id AND e.user_id = who
        WHERE r.id = room
          AND (r.kind <> 'direct' OR EXISTS (SELECT FROM room_members m WHERE m.room_id = r.id AND m.user_id = who))
    $$;

-- A message as the API and its event show it.
CREATE FUNCTION ea_message_json(m messages, author_name text) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
        SELECT jsonb_build_object(
            'id', m.id, 'event_id', m.event_id, 'room_id', m.room_id,
            'author', jsonb_build_object('id', m.author_id, 'name', author_name),
            'text', m.text, 'html', m.html, 'client_id', m.client_id, 'reply_to', m.reply_to,
            'created_at', ea_time(m.created_at))
    $$;

-- Who joins a course hears its rooms too.
CREATE OR REPLACE FUNCTION ea_course_topics(course uuid) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY['c:' || course] || ARRAY(SELECT 'r:' || id FROM rooms WHERE course_id = course AND kind <> 'direct') $$;

-- Who leaves it hears none of them, direct ones included.
CREATE FUNCTION ea_course_topics_all(course uuid) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY['c:' || course] || ARRAY(SELECT 'r:' || id FROM rooms WHERE course_id = course) $$;
