-- copy --
-- The quick way in: rows whose keys are new. source: see the table.
COPY reading (time, received, value, seq, meter_id, source) FROM STDIN (FORMAT BINARY);

-- create_staged --
-- Where a batch waits in which some keys are already taken. pos: place in the batch; lead: the first by content of its key;
-- repeat: the same value for the same key stands before it.
CREATE TEMP TABLE IF NOT EXISTS staged_reading (
    time timestamptz NOT NULL, value float8 NOT NULL, seq bigint, meter_id int NOT NULL, pos int NOT NULL,
    lead boolean NOT NULL, repeat boolean NOT NULL) ON COMMIT DELETE ROWS;

-- clear_staged --
-- A transaction may store several batches.
TRUNCATE staged_reading;

-- copy_staged --
COPY staged_reading (time, value, seq, meter_id, pos, lead, repeat) FROM STDIN (FORMAT BINARY);

-- insert_leads --
-- Of every key the first by content, unless the key is taken; the places of those that went in.
WITH new AS (
    INSERT INTO reading (time, received, value, seq, meter_id, source)
    SELECT time, %(received)s, value, seq, meter_id, %(source)s FROM staged_reading WHERE lead ORDER BY time, meter_id
    ON CONFLICT DO NOTHING RETURNING time, meter_id)
SELECT array_agg(s.pos) FROM staged_reading s JOIN new USING (time, meter_id) WHERE s.lead;

-- conflicts --
-- The places of values that nobody has sent for their keys before; all others that did not go in are duplicates. Asked
-- before rivals are kept. The bounds spare the planner all other days; OFFSET 0 keeps it to one index look-up a row however
-- large the table is.
SELECT array_agg(s.pos) FROM staged_reading s
CROSS JOIN LATERAL (
    SELECT value FROM reading
    WHERE time = s.time AND meter_id = s.meter_id AND time BETWEEN %(first)s AND %(last)s OFFSET 0) r
WHERE NOT s.repeat AND s.value <> r.value AND NOT EXISTS (
    SELECT FROM rival_reading v WHERE v.meter_id = s.meter_id AND v.time = s.time AND v.value = s.value AND v.source >= 20);

-- keep_rivals --
-- Other values, and equal values of a higher rank (source, then seq): without those the order of arrival would decide. A row
-- never changes, so a value that is told again with a larger seq is a row of its own.
-- What is new of what is known, as arrays.
WITH kept AS (
    INSERT INTO rival_reading (meter_id, time, value, source, seq, received)
    SELECT s.meter_id, s.time, s.value, %(source)s::smallint, max(s.seq), %(received)s
    FROM staged_reading s
    CROSS JOIN LATERAL (
        SELECT value, source, seq FROM reading
        WHERE time = s.time AND meter_id = s.meter_id AND time BETWEEN %(first)s AND %(last)s OFFSET 0) r
    WHERE s.value <> r.value OR (%(source)s::int / 10, coalesce(s.seq, -9223372036854775808))
                              > (r.source::int / 10, coalesce(r.seq, -9223372036854775808))
    GROUP BY s.meter_id, s.time, s.value
    HAVING NOT EXISTS (
        SELECT FROM rival_reading v
        WHERE v.meter_id = s.meter_id AND v.time = s.time AND v.value = s.value AND v.source = %(source)s
            AND coalesce(v.seq, -9223372036854775808) >= coalesce(max(s.seq), -9223372036854775808))
    ORDER BY s.meter_id, s.time, s.value
    ON CONFLICT DO NOTHING
    RETURNING meter_id, time, value, coalesce(seq, '-9223372036854775808'::bigint) AS seq)
SELECT array_agg(meter_id), array_agg(time), array_agg(value), array_agg(seq) FROM kept;

-- told_before --
-- Of estimates that are about to be kept: the places of those that were told before with the same value, and of those for
-- whose time another value is known.
SELECT array_agg(pos) FILTER (WHERE repeat OR same), array_agg(pos) FILTER (WHERE NOT (repeat OR same) AND (other OR NOT lead))
FROM staged_reading s
CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(value = s.value), false) AS same, coalesce(bool_or(value <> s.value), false) AS other FROM (
        SELECT value FROM reading WHERE time = s.time AND meter_id = s.meter_id AND time BETWEEN %(first)s AND %(last)s
        UNION ALL SELECT value FROM rival_reading WHERE time = s.time AND meter_id = s.meter_id) known) k;

-- keep_estimates --
-- What a sender has only estimated never lies in `reading`: it stands aside, and counts while nothing was measured. What is new
-- of what is known, as arrays.
WITH kept AS (
    INSERT INTO rival_reading (meter_id, time, value, source, seq, received)
    SELECT s.meter_id, s.time, s.value, %(source)s::smallint, max(s.seq), %(received)s
    FROM staged_reading s
    GROUP BY s.meter_id, s.time, s.value
    HAVING NOT EXISTS (
        SELECT FROM rival_reading v
        WHERE v.meter_id = s.meter_id AND v.time = s.time AND v.value = s.value AND v.source = %(source)s
            AND coalesce(v.seq, -9223372036854775808) >= coalesce(max(s.seq), -9223372036854775808))
    ORDER BY s.meter_id, s.time, s.value
    ON CONFLICT DO NOTHING
    RETURNING meter_id, time, value, coalesce(seq, '-9223372036854775808'::bigint) AS seq)
SELECT array_agg(meter_id), array_agg(time), array_agg(value), array_agg(seq) FROM kept;

-- add_days --
-- Partitions for these UTC days.
CALL ensure_reading_days(%(days)s);

-- spans --
-- Every meter's span, for a collector that starts.
SELECT array_agg(meter_id ORDER BY meter_id), array_agg(first_time ORDER BY meter_id), array_agg(last_time ORDER BY meter_id)
FROM meter_span;

-- create_staged_spans --
CREATE TEMP TABLE IF NOT EXISTS staged_span (
    meter_id int NOT NULL, first_time timestamptz NOT NULL, last_time timestamptz NOT NULL) ON COMMIT DELETE ROWS;

-- clear_staged_spans --
TRUNCATE staged_span;

-- copy_staged_spans --
COPY staged_span (meter_id, first_time, last_time) FROM STDIN (FORMAT BINARY);

-- add_spans --
COPY meter_span (meter_id, first_time, last_time) FROM STDIN (FORMAT BINARY);

-- move_spans --
-- These meters have spoken at that time, later than ever before. In parentheses of its own, for the planner would estimate
-- each of fifty thousand meters.
UPDATE meter_span SET last_time = %(last)s
WHERE meter_id = ANY((SELECT %(meters)s::int[])::int[]) AND last_time < %(last)s;

-- widen_spans --
-- In the order of meters, so that two collectors never wait for each other in a circle.
INSERT INTO meter_span AS known (meter_id, first_time, last_time)
SELECT meter_id, first_time, last_time FROM staged_span ORDER BY meter_id
ON CONFLICT (meter_id) DO UPDATE
SET first_time = least(known.first_time, EXCLUDED.first_time), last_time = greatest(known.last_time, EXCLUDED.last_time)
WHERE EXCLUDED.first_time < known.first_time OR EXCLUDED.last_time > known.last_time;
