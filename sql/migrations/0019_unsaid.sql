-- What is taken back or hidden goes from what processes keep of the log in memory, too: whoever empties the events answers with what to tell those.

DROP FUNCTION ea_events_unsay(uuid, uuid, bigint);

-- The payload of `events.unsaid`: what the log now says of the events that told of the message, each payload as the text that followers read; and its oldest id, for memory may
-- reach further back than the log does. The one thing that is ever changed there. The message's row is held, so nobody else is at these.
CREATE FUNCTION ea_events_unsay(message uuid, room uuid, event bigint) RETURNS jsonb
    LANGUAGE sql
    AS $$
        WITH unsaid AS (
            UPDATE events SET payload = payload || '{"text": "", "html": "", "mentions": [], "files": []}'
            WHERE id IN (SELECT event
                         UNION ALL
                         SELECT x.id FROM events x WHERE x.topic = 'r:' || room AND x.id > event AND x.kind = 'message.updated' AND x.payload ->> 'id' = message::text)
            RETURNING id, payload
        )
        SELECT jsonb_build_object('oldest', (SELECT min(id) FROM events),
                                  'events', coalesce(jsonb_agg(jsonb_build_object('id', id, 'payload', payload::text) ORDER BY id), '[]'))
        FROM unsaid
    $$;
