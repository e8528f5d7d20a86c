"""Grades become notifications, live events and e-mails, once each, while the notifier is killed and the mail server is away."""

import collections
import email
import email.policy
import json
import time

import pytest
from aiosmtpd.controller import Controller
from stack import PATIENCE, until

pytestmark = pytest.mark.workers

STUDENTS = 20


class MailServer:
    """Keeps what it is given; answers as `verdict` says for a recipient."""

    def __init__(self, port):
        self.port = port
        self.mails = []
        self.verdict = lambda recipient: "250 kept"
        self.controller = None
        self.start()

    def start(self):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=PATIENCE)
        self.controller.start()

    def stop(self):
        self.controller.stop()

    async def handle_DATA(self, server, session, envelope):
        answer = self.verdict(envelope.rcpt_tos[0])
        if answer.startswith("250"):
            self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.original_content, policy=email.policy.default)))
        return answer

    def ids(self):
        return collections.Counter(mail["Message-ID"] for _, mail in self.mails)


@pytest.fixture
def post(rig):
    server = MailServer(rig.port())
    yield server
    server.stop()


def student(n):
    return f"018f0000-0000-7000-8000-{n:012d}"


def enrol(rig):
    rig.sql(f"""INSERT INTO users (id, email, name, role)
        SELECT ('018f0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 's' || n || '@example.org', 'Student ' || n, 'member' FROM generate_series(1, {STUDENTS}) n""")


def grade(rig, n, title="Essay", kind="submission.graded"):
    """n grades, in turn for each student, as the grader writes them; returns the events' ids."""
    payload = {"submission_id": student(900), "assignment_id": student(901), "course_id": student(902), "title": title, "score": {"points": 7.5, "of": 10}}
    text = json.dumps(payload).replace("'", "''")
    rows = rig.sql(f"""SELECT pg_advisory_xact_lock(4242); INSERT INTO events (id, topic, kind, payload, queue)
        SELECT (SELECT coalesce(max(id), 0) FROM events) + n, 'u:' || who, '{kind}', '{text}'::jsonb || jsonb_build_object('user_id', who), 'notify'
        FROM generate_series(1, {n}) n, LATERAL (SELECT '018f0000-0000-7000-8000-' || lpad(((n - 1) % {STUDENTS} + 1)::text, 12, '0')) AS u (who) RETURNING id""")
    return [int(row) for row in rows.split()]


def notifier(rig, post):
    return rig.start("ea-notifier", EA_SMTP=f"smtp://127.0.0.1:{post.port}", EA_MAIL_FROM="school@example.edu", EA_PUBLIC_URL="https://school.example")


def told(rig):
    return rig.number("SELECT count(*) FROM notifications")


def test_a_grade_is_told_in_three_ways(rig, post):
    enrol(rig)
    rig.sql(f"INSERT INTO notification_preferences (user_id, kind, email) VALUES ('{student(2)}', 'submission.graded', false)")
    rig.sql(f"UPDATE users SET active = false WHERE id = '{student(3)}'")
    ids = grade(rig, 3)
    [attempt] = grade(rig, 1, title="Quiz", kind="attempt.graded")
    rig.relay()
    notifier(rig, post)
    until("two mails have come", lambda: len(post.mails) == 2)
    until("all is dealt with", lambda: rig.number("SELECT count(*) FROM processed") == 4)
    assert rig.sql("SELECT event_id, user_id, kind FROM notifications ORDER BY event_id").split() == [
        f"{ids[0]}|{student(1)}|submission.graded",
        f"{ids[1]}|{student(2)}|submission.graded",
        f"{attempt}|{student(1)}|attempt.graded",
    ]
    live = [json.loads(row) for row in rig.sql("SELECT payload FROM events WHERE kind = 'notification' ORDER BY id").splitlines()]
    assert [n["payload"]["title"] for n in live] == ["Essay", "Essay", "Quiz"]
    assert all(set(n) == {"id", "kind", "payload", "created_at", "read_at"} and n["read_at"] is None for n in live)
    assert rig.sql("SELECT topic FROM events WHERE kind = 'notification' ORDER BY id").split() == ["u:" + student(1), "u:" + student(2), "u:" + student(1)]
    recipients, mail = next((r, m) for r, m in post.mails if m["Subject"] == "Graded: Essay")
    assert recipients == ["s1@example.org"]
    assert mail["To"] == "Student 1 <s1@example.org>"
    assert mail["From"] == "school@example.edu"
    assert mail["Message-ID"] == f"<event-{ids[0]}.{student(1)}@example.edu>"
    text = mail.get_content()
    assert "7.5 of 10 points" in text
    assert f"https://school.example/submissions/{student(900)}" in text
    assert len(post.mails) == 2


def test_no_header_can_be_forged(rig, post):
    enrol(rig)
    rig.sql(f"UPDATE users SET name = E'Zoë\\r\\nBcc: other@example.org\\r\\n\\r\\nHello' WHERE id = '{student(1)}'")
    title = "Über “Bäume”\r\nBcc: third@example.org\r\n.\r\nMAIL FROM:<x@example.org> " + "ä" * 200
    grade(rig, 1, title=title)
    rig.relay()
    notifier(rig, post)
    until("the mail has come", lambda: post.mails)
    [(recipients, mail)] = post.mails
    assert recipients == ["s1@example.org"]
    assert sorted(mail.keys()) == sorted(["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted"])
    assert mail["Subject"] == "Graded: " + title.replace("\r", " ").replace("\n", " ")
    assert all(len(line) <= 78 for line in mail.as_bytes().split(b"\n"))
    assert "MAIL FROM:<x@example.org>" in mail.get_content()


def test_the_notifier_is_killed_again_and_again(rig, post):
    enrol(rig)
    rig.relay()
    process = notifier(rig, post)
    ids = []
    for _ in range(5):
        ids += grade(rig, 60)
        process.kill()
    until("everyone is told", lambda: told(rig) == len(ids))
    until("every mail has come", lambda: len(post.ids()) == len(ids), seconds=120)
    assert rig.number("SELECT count(*) FROM events WHERE kind = 'notification'") == len(ids)
    assert rig.number("SELECT count(DISTINCT payload->>'id') FROM events WHERE kind = 'notification'") == len(ids)
    # a mail may come twice only where a death fell between the server's 250 and our commit
    assert sum(post.ids().values()) - len(ids) <= process.deaths
    assert rig.dead("notify") == {}


def test_the_mail_server_is_away(rig, post):
    enrol(rig)
    rig.relay()
    process = notifier(rig, post)
    post.stop()
    ids = grade(rig, 30)
    until("everyone is told nevertheless", lambda: told(rig) == len(ids))
    until("it has tried", lambda: process.said("e-mail is sent later") > 0)
    time.sleep(5)
    post.start()
    until("every mail has come", lambda: len(post.ids()) == len(ids), seconds=120)
    assert set(post.ids().values()) == {1}


def test_refused_mail_is_tried_again_and_then_given_up(rig, post):
    enrol(rig)
    post.verdict = lambda recipient: {"s1@example.org": "550 no such person", "s2@example.org": "451 later"}.get(recipient, "250 kept")
    rig.sql(f"UPDATE users SET email = 'not an address' WHERE id = '{student(3)}'")
    grade(rig, 4)
    rig.relay()
    process = notifier(rig, post)
    until("the fourth has come", lambda: len(post.mails) == 1)
    until("the third is given up", lambda: rig.number("SELECT count(*) FROM mails WHERE failed_at IS NOT NULL") == 1)
    assert "cannot be written" in rig.sql("SELECT error FROM mails WHERE failed_at IS NOT NULL")
    waiting = "SELECT right(error, 5) FROM mails WHERE due_at > now() AND sent_at IS NULL AND failed_at IS NULL ORDER BY 1"
    until("two wait", lambda: rig.sql(waiting).splitlines() == ["(451)", "(550)"])
    tried = "SELECT count(*) FROM mails WHERE failed_at IS NOT NULL OR due_at > now() + interval '40 s'"  # who only takes one has it for less
    for _ in range(2):
        rig.sql("UPDATE mails SET due_at = now() WHERE sent_at IS NULL AND failed_at IS NULL")
        process.kill()  # looks at the table anew
        until("both were tried again", lambda: rig.number(tried) == 3, seconds=2 * PATIENCE)
    assert rig.sql("SELECT email FROM mails JOIN users ON users.id = user_id WHERE failed_at IS NOT NULL ORDER BY 1").splitlines() == ["not an address", "s1@example.org"]
    post.verdict = lambda recipient: "250 kept"
    rig.sql("UPDATE mails SET due_at = now() WHERE sent_at IS NULL AND failed_at IS NULL")
    process.kill()
    until("the second has come", lambda: len(post.mails) == 2)


def test_a_slow_mail_server_holds_up_no_job(rig, post):
    enrol(rig)

    def slow(recipient):
        time.sleep(3)
        return "250 kept"

    post.verdict = slow
    rig.relay()
    process = notifier(rig, post)
    ids = grade(rig, 200)
    until("everyone is told", lambda: told(rig) == len(ids), seconds=45)
    assert len(post.mails) < 20
    assert process.stop() == 0
