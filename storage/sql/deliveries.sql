-- enqueue --
-- Tell these events on these channels. An event is told once on each.
INSERT INTO delivery (event_id, channel, state, due)
SELECT event, channel, 'due', %(now)s FROM unnest(%(events)s::bigint[], %(channels)s::text[]) AS t (event, channel)
ON CONFLICT DO NOTHING;

-- claim --
-- Become the only one to try these now: their next try is put off before the first has begun, so that nothing is held
-- while a mail server answers, and a worker that dies leaves them to the next.
UPDATE delivery d SET tries = d.tries + 1, due = %(again)s
FROM (SELECT id FROM delivery WHERE state = 'due' AND due <= %(now)s AND channel = ANY(%(channels)s)
      ORDER BY due, id LIMIT %(most)s FOR UPDATE SKIP LOCKED) mine,
    alert_event v JOIN alert a ON a.id = v.alert_id
WHERE d.id = mine.id AND v.id = d.event_id
RETURNING d.id, d.channel, d.tries, v.event, v.level, v.at, v.text, a.id, a.scope, a.code, a.rule;

-- sent --
-- Told.
UPDATE delivery SET state = 'sent', sent = %(now)s, error = NULL WHERE id = ANY(%(ids)s);

-- again --
-- Not told, and worth another try then.
UPDATE delivery SET due = %(due)s, error = %(error)s WHERE id = ANY(%(ids)s);

-- failed --
-- Never to be told this way.
UPDATE delivery SET state = 'failed', error = %(error)s WHERE id = ANY(%(ids)s);
