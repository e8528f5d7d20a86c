"""A client that opens a stream and never reads it."""

import stack
from client import Stream, stream
from stack import until


# a thousand events of a kilobyte, appended as every process appends
TELL = """
SELECT pg_advisory_xact_lock(4242);
INSERT INTO events (id, topic, kind, payload)
SELECT coalesce((SELECT max(id) FROM events), 0) + n, 'u:' || %s, 'attempt.changed', jsonb_build_object('n', n, 'text', repeat('x', 1000))
FROM generate_series(1, 1000) n RETURNING id
"""


class Deaf(Stream):
    def _read(self):
        pass


def test_a_reader_that_takes_nothing_is_cut_and_misses_nothing_when_it_returns(student):
    after = student.get("/v1/events/poll").json()["cursor"]
    slow = 'ea_hub_ended_total{reason="slow"}'
    cut, told = stack.metric("chat-1", slow), []
    with Deaf(student, last_event_id=after):
        for _ in range(12):
            told += [i for (i,) in stack.rows(TELL, student.id)]
        until("the stream is cut", lambda: stack.metric("chat-1", slow) > cut, seconds=3 * stack.PATIENCE)
    with stream(student, last_event_id=after) as events:
        got = [events.wait("attempt.changed") for _ in told]
    assert [int(e["id"]) for e in got] == told
