-- What is told to all who are taking a quiz, while they are.

CREATE TABLE announcements (
    id         uuid PRIMARY KEY,
    quiz_id    uuid NOT NULL REFERENCES quizzes (id),
    author_id  uuid NOT NULL REFERENCES users (id),
    text       text NOT NULL,
    html       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX announcements_quiz ON announcements (quiz_id, id);

-- Whom it was pushed to, and who has said that they have seen it; who begins later reads it and has no told_at.
CREATE TABLE announcement_readers (
    announcement_id uuid NOT NULL REFERENCES announcements (id) ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users (id),
    told_at         timestamptz,
    seen_at         timestamptz,
    PRIMARY KEY (announcement_id, user_id)
);

CREATE FUNCTION ea_announcement_json(a announcements, author_name text) RETURNS jsonb
    LANGUAGE sql STABLE
    AS $$
        SELECT jsonb_build_object('id', a.id, 'quiz_id', a.quiz_id, 'author', jsonb_build_object('id', a.author_id, 'name', author_name),
                                  'text', a.text, 'html', a.html, 'created_at', ea_time(a.created_at))
    $$;
