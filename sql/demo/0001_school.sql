-- The demo school: who can sign in at once, and a course they share. The password of all is demo-school-1.

INSERT INTO users (id, email, name, role, password_hash)
SELECT p.id::uuid, p.email, p.name, p.role,
       '$argon2id$v=19$m=19456,t=2,p=1$38zqZK2bcnEmahN2NswkjQ$40YpMiVOCREM3ggaxsil12s3XP5FRJAduDbpORc09PQ'
FROM (VALUES
    ('0193a000-0000-7000-8000-000000000001', 'admin@school.example', 'Ada Admin', 'admin'),
    ('0193a000-0000-7000-8000-000000000002', 'teacher@school.example', 'Theo Teacher', 'staff'),
    ('0193a000-0000-7000-8000-000000000003', 'student@school.example', 'Stella Student', 'member'),
    ('0193a000-0000-7000-8000-000000000004', 'samir@school.example', 'Samir Student', 'member')
) AS p (id, email, name, role);

INSERT INTO courses (id, title, code, time_zone, created_by)
VALUES ('0193a000-0000-7000-8000-000000000010', 'Biology', 'BIO-DEMO', 'Europe/Berlin', '0193a000-0000-7000-8000-000000000002');

INSERT INTO enrolments (course_id, user_id, role)
SELECT '0193a000-0000-7000-8000-000000000010', p.id::uuid, p.role
FROM (VALUES
    ('0193a000-0000-7000-8000-000000000002', 'teacher'),
    ('0193a000-0000-7000-8000-000000000003', 'student'),
    ('0193a000-0000-7000-8000-000000000004', 'student')
) AS p (id, role);

INSERT INTO rooms (id, course_id, name, kind, created_by)
VALUES ('0193a000-0000-7000-8000-000000000020', '0193a000-0000-7000-8000-000000000010', 'Questions', 'discussion',
        '0193a000-0000-7000-8000-000000000002');
