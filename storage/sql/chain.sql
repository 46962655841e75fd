-- lock --
-- Where the chains of these enterprises stand. In the order of their ids, so that two who add links never wait in a circle.
SELECT h.enterprise_id, e.code, h.received, h.number, coalesce(h.receipt_day - date '2000-01-01', -1), h.head
FROM chain_head h JOIN enterprise e ON e.id = h.enterprise_id WHERE h.enterprise_id = ANY(%(enterprises)s)
ORDER BY h.enterprise_id FOR NO KEY UPDATE OF h;

-- begin --
-- Chains of enterprises that never had a link.
INSERT INTO chain_head (enterprise_id) SELECT id FROM unnest(%(enterprises)s::int[]) AS new (id)
WHERE NOT EXISTS (SELECT FROM chain_head WHERE enterprise_id = id) ORDER BY id ON CONFLICT DO NOTHING;

-- seal --
-- Keep where the day that is over ended.
INSERT INTO chain_seal (receipt_day, enterprise_id, number, head)
SELECT receipt_day, enterprise_id, number, head FROM chain_head WHERE enterprise_id = ANY(%(enterprises)s);

-- copy --
COPY chain_link (received, number, enterprise_id, receipt_day, reading_day, readings, rows_hash, head) FROM STDIN (FORMAT BINARY);

-- move_heads --
-- The last of the links just copied is where a chain stands now. Links of another collector that were received in the same
-- microsecond are committed together with their own head, so they move nothing.
UPDATE chain_head h SET number = l.number, receipt_day = l.receipt_day, received = %(received)s, head = l.head
FROM (SELECT DISTINCT ON (enterprise_id) enterprise_id, number, receipt_day, head FROM chain_link
      WHERE received = %(received)s ORDER BY enterprise_id, number DESC) l
WHERE h.enterprise_id = l.enterprise_id AND h.number < l.number;

-- add --
-- Both at once, in half the time for few links and in twice the time for thousands.
WITH added AS (
    INSERT INTO chain_link (received, number, enterprise_id, receipt_day, reading_day, readings, rows_hash, head)
    SELECT %(received)s, number, enterprise, date '2000-01-01' + day, date '2000-01-01' + reading_day, readings, rows_hash, head
    FROM unnest(%(enterprise_id)s::int[], %(reading_day)s::int[], %(readings)s::int[], %(rows_hash)s::bytea[],
                %(number)s::bigint[], %(receipt_day)s::int[], %(head)s::bytea[])
        AS new (enterprise, reading_day, readings, rows_hash, number, day, head)
    RETURNING enterprise_id, number, receipt_day, head)
UPDATE chain_head h SET number = l.number, receipt_day = l.receipt_day, received = %(received)s, head = l.head
FROM (SELECT DISTINCT ON (enterprise_id) * FROM added ORDER BY enterprise_id, number DESC) l
WHERE h.enterprise_id = l.enterprise_id;

-- heads --
-- The present heads of some enterprises.
SELECT enterprise_id, encode(head, 'hex') FROM chain_head WHERE enterprise_id = ANY(%(enterprises)s) AND number > 0;

-- head --
-- Where the chain of one enterprise stands.
SELECT h.number, h.receipt_day, encode(h.head, 'hex') FROM chain_head h JOIN enterprise e ON e.id = h.enterprise_id
WHERE e.code = %(enterprise)s AND h.number > 0;

-- drop_readings --
CALL drop_reading_day(%(day)s);

-- drop_rivals --
DELETE FROM rival_reading WHERE time >= %(since)s AND time < %(until)s;

-- add_dropped --
-- A day may be dropped again when late readings have come after the first time: then the record speaks of both.
INSERT INTO chain_dropped (reading_day, dropped, links, readings, head)
VALUES (%(day)s, %(now)s, %(links)s, %(readings)s, %(head)s)
ON CONFLICT (reading_day) DO UPDATE
SET dropped = EXCLUDED.dropped, links = EXCLUDED.links, readings = EXCLUDED.readings, head = EXCLUDED.head;

-- hold_still --
-- Links and readings as they are at one instant, whatever is stored meanwhile.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- enterprises --
SELECT id, code FROM enterprise ORDER BY id;

-- start --
-- Since when readings have links, if there were readings before.
SELECT since FROM chain_start;

-- dropped --
-- Days whose readings were dropped on purpose.
SELECT reading_day - date '2000-01-01', dropped, links, readings, head FROM chain_dropped
WHERE reading_day >= %(since)s AND reading_day < %(until)s ORDER BY reading_day;

-- receipt_days --
-- The first and last day of receipt of links that speak of readings of some days.
SELECT min(receipt_day) - date '2000-01-01', max(receipt_day) - date '2000-01-01' FROM chain_link
WHERE reading_day >= %(since)s AND reading_day < %(until)s
    AND (%(enterprise)s::int IS NULL OR enterprise_id = %(enterprise)s);

-- next_receipt_day --
SELECT min(receipt_day) - date '2000-01-01' FROM chain_link WHERE receipt_day >= %(day)s;

-- ends_before --
-- Where chains stood when a day of receipt began.
SELECT DISTINCT ON (enterprise_id) enterprise_id, number, receipt_day - date '2000-01-01', head FROM chain_seal
WHERE receipt_day < %(day)s AND (%(enterprise)s::int IS NULL OR enterprise_id = %(enterprise)s)
ORDER BY enterprise_id, receipt_day DESC;

-- links_of_receipt_day --
-- Every link of a day of receipt along the chains, as arrays.
WITH link AS (
    SELECT *, reading_day - date '2000-01-01' AS reading FROM chain_link
    WHERE receipt_day = %(day)s AND (%(enterprise)s::int IS NULL OR enterprise_id = %(enterprise)s)
    ORDER BY enterprise_id, number, received, reading_day)
SELECT array_agg(enterprise_id), array_agg(number), array_agg(received), array_agg(reading), array_agg(readings),
       array_agg(rows_hash), array_agg(head) FROM link;

-- links_of_reading_day --
-- Every link that speaks of readings of that day, in the order of `readings`, as arrays.
WITH link AS (
    SELECT *, reading_day - date '2000-01-01' AS reading FROM chain_link
    WHERE reading_day = %(day)s AND (%(enterprise)s::int IS NULL OR enterprise_id = %(enterprise)s)
    ORDER BY enterprise_id, received)
SELECT array_agg(enterprise_id), array_agg(number), array_agg(received), array_agg(reading), array_agg(readings),
       array_agg(rows_hash), array_agg(head) FROM link;

-- seals --
SELECT enterprise_id, number, head FROM chain_seal
WHERE receipt_day = %(day)s AND (%(enterprise)s::int IS NULL OR enterprise_id = %(enterprise)s);

-- stands --
-- Where every chain stands now.
SELECT enterprise_id, number, coalesce(receipt_day - date '2000-01-01', -1), head FROM chain_head
WHERE number > 0 AND (%(enterprise)s::int IS NULL OR enterprise_id = %(enterprise)s) ORDER BY enterprise_id;

-- next_reading_day --
-- The next instant of which a reading, or a link about one, is known.
SELECT least((SELECT min(time) FROM reading WHERE time >= %(since)s),
             (SELECT min(time) FROM rival_reading WHERE time >= %(since)s),
             (SELECT min(reading_day)::timestamp AT TIME ZONE 'UTC' FROM chain_link WHERE reading_day >= %(day)s));

-- readings --
-- Every reading of a day as it is stored, by enterprise and batch, in canonical order. Every column has a fixed length.
-- Enterprise 0: the meter is not registered.
COPY (
    SELECT coalesce(m.enterprise_id, 0), r.received, r.time, r.meter_id, r.rival, r.value, r.seq, r.source FROM (
        SELECT received, time, meter_id, 0::smallint AS rival, value, coalesce(seq, '-9223372036854775808'::bigint) AS seq, source
        FROM reading WHERE time >= %(since)s AND time < %(until)s
        UNION ALL
        SELECT received, time, meter_id, 1::smallint, value, coalesce(seq, '-9223372036854775808'::bigint), source
        FROM rival_reading WHERE time >= %(since)s AND time < %(until)s) r
    LEFT JOIN meter m ON m.id = r.meter_id
    WHERE %(enterprise)s::int IS NULL OR m.enterprise_id = %(enterprise)s
    ORDER BY 1, 2, 3, 4, 5, 6, 7) TO STDOUT (FORMAT BINARY);

-- find --
-- Which links have these heads. There is no index on them: a look at every link, for this is asked rarely.
SELECT l.head, e.code, l.number, l.received FROM chain_link l JOIN enterprise e ON e.id = l.enterprise_id
WHERE l.head = ANY(%(heads)s);
