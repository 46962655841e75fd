-- counted --
-- How much was rejected of each of these enterprises on that day.
SELECT enterprise, sum(count)::bigint FROM rejected_count WHERE day = %(day)s AND enterprise = ANY(%(enterprises)s) GROUP BY 1;

-- copy --
-- Rejections that are kept.
COPY rejected_message (received, enterprise, topic, gateway, seq, index, meter, reason, message, item, payload) FROM STDIN;

-- count --
-- In the order of the key, so that two collectors never wait for each other in a circle.
INSERT INTO rejected_count AS known (enterprise, day, reason, count)
SELECT e, %(day)s, r, c FROM unnest(%(enterprises)s::text[], %(reasons)s::text[], %(counts)s::bigint[]) AS new (e, r, c)
ORDER BY e, r ON CONFLICT (enterprise, day, reason) DO UPDATE SET count = known.count + EXCLUDED.count;

-- waiting --
-- Readings whose meter was unknown and is registered now, some at a time, oldest first.
SELECT r.id, r.enterprise, r.topic, r.gateway, r.seq, r.item FROM rejected_message r
JOIN enterprise e ON e.code = r.enterprise JOIN meter m ON m.enterprise_id = e.id AND m.code = r.meter AND m.kind <> 'virtual'
WHERE r.admitted IS NULL AND r.reason IN ('unknown_meter', 'unknown_enterprise') AND r.item IS NOT NULL
  AND r.id > %(after)s
ORDER BY r.id LIMIT %(limit)s;

-- mark_admitted --
-- They are readings now; the rejections stay as a trace.
UPDATE rejected_message SET admitted = %(now)s WHERE id = ANY(%(ids)s);

-- change_reason --
-- The meter is known now and something else is wrong: it waits no longer.
UPDATE rejected_message r SET reason = new.reason, message = new.message
FROM unnest(%(ids)s::bigint[], %(reasons)s::text[], %(messages)s::text[]) AS new (id, reason, message) WHERE r.id = new.id;
