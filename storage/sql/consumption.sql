-- readings --
-- Readings of some meters in [since, until], as arrays.
SELECT array_agg(meter_id), array_agg(time), array_agg(value)
FROM reading WHERE time >= %(since)s AND time <= %(until)s AND meter_id = ANY(%(meters)s::int[]);

-- all_readings --
-- Readings of all meters in [since, until]: cheaper than naming very many of them.
SELECT array_agg(meter_id), array_agg(time), array_agg(value)
FROM reading WHERE time >= %(since)s AND time <= %(until)s;

-- contested --
-- Whether any time in [since, until] was spoken for twice: mostly none was, and then that is all there is to ask.
SELECT EXISTS (SELECT FROM rival_reading WHERE time >= %(since)s AND time <= %(until)s);

-- chosen --
-- The effective value where one time has several: by precedence of the source, then seq, then value, never by arrival.
WITH contested AS (
    SELECT v.meter_id, v.time, v.value, v.source, v.seq, r.value AS other, r.source AS other_source, r.seq AS other_seq
    FROM rival_reading v
    CROSS JOIN LATERAL (
        SELECT value, source, seq FROM reading WHERE time = v.time AND meter_id = v.meter_id OFFSET 0) r
    WHERE v.time >= %(since)s AND v.time <= %(until)s),
told AS (
    SELECT meter_id, time, value, source, seq FROM contested
    UNION ALL SELECT meter_id, time, other, other_source, other_seq FROM contested),
ranked AS (
    SELECT DISTINCT ON (meter_id, time) meter_id, time, value FROM told
    ORDER BY meter_id, time, source / 10 DESC, seq DESC NULLS LAST, value DESC),
split AS (SELECT DISTINCT meter_id, time FROM contested WHERE value <> other)
SELECT array_agg(meter_id), array_agg(time), array_agg(value) FROM ranked JOIN split USING (meter_id, time);

-- undecided --
-- Registers that wait for later readings: few, so all of them.
SELECT array_agg(meter_id) FROM undecided_meter;

-- spans --
-- When these meters first and last spoke, as far as is known without reading their readings.
SELECT array_agg(meter_id), array_agg(first_time), array_agg(last_time)
FROM meter_span WHERE meter_id = ANY(%(meters)s::int[]);

-- all_spans --
-- The same of all meters.
SELECT array_agg(meter_id), array_agg(first_time), array_agg(last_time) FROM meter_span;

-- speaking_after --
-- Which meters spoke in (since, until].
SELECT array_agg(DISTINCT meter_id) FROM reading WHERE time > %(since)s AND time <= %(until)s;

-- speaking_of --
-- The same of these meters only.
SELECT array_agg(DISTINCT meter_id) FROM reading
WHERE time > %(since)s AND time <= %(until)s AND meter_id = ANY(%(meters)s::int[]);

-- ensure_months --
CALL ensure_consumption_months(%(months)s::date[]);

-- fresh --
-- Hours about to be added; first is where their first piece begins.
CREATE TEMP TABLE IF NOT EXISTS fresh_hour (
    hour timestamptz, first timestamptz, until timestamptz, amount float8, peak_rate float8, peak_at timestamptz,
    q1 float8, q2 float8, q3 float8, q4 float8, meter_id int, flags int, covered_s smallint, received smallint
) ON COMMIT DELETE ROWS;

-- empty_fresh --
TRUNCATE fresh_hour;

-- copy_fresh --
COPY fresh_hour (hour, first, until, amount, peak_rate, peak_at, q1, q2, q3, q4, meter_id, flags, covered_s, received)
FROM STDIN (FORMAT binary);

-- analyze_fresh --
ANALYZE fresh_hour;

-- append --
-- Add later pieces to hours that are there: one addition each, so that the sum is the one that computing the hour again
-- would give. Each fresh hour is one piece, so it begins where its peak does. An hour that already holds something later
-- is left alone; the count of rows tells.
UPDATE consumption c SET
    until = greatest(c.until, f.until),
    amount = coalesce(c.amount + nullif(f.amount, 'NaN'), c.amount, nullif(f.amount, 'NaN')),
    low = CASE WHEN c.bounded THEN c.low + coalesce(nullif(f.amount, 'NaN'), 0) END,
    high = CASE WHEN c.bounded THEN c.high + coalesce(nullif(f.amount, 'NaN'), 0) END,
    peak_rate = greatest(c.peak_rate, nullif(f.peak_rate, 'NaN')),
    peak_at = CASE WHEN f.peak_rate <> 'NaN' AND (f.peak_rate > c.peak_rate OR c.peak_rate IS NULL)
        THEN f.peak_at ELSE c.peak_at END,
    q1 = CASE WHEN c.q1 = 'NaN' THEN f.q1 WHEN f.q1 = 'NaN' THEN c.q1 ELSE c.q1 + f.q1 END,
    q2 = CASE WHEN c.q2 = 'NaN' THEN f.q2 WHEN f.q2 = 'NaN' THEN c.q2 ELSE c.q2 + f.q2 END,
    q3 = CASE WHEN c.q3 = 'NaN' THEN f.q3 WHEN f.q3 = 'NaN' THEN c.q3 ELSE c.q3 + f.q3 END,
    q4 = CASE WHEN c.q4 = 'NaN' THEN f.q4 WHEN f.q4 = 'NaN' THEN c.q4 ELSE c.q4 + f.q4 END,
    flags = c.flags | f.flags, covered_s = c.covered_s + f.covered_s, received = c.received + f.received
FROM fresh_hour f
WHERE c.hour = f.hour AND c.meter_id = f.meter_id AND c.hour >= %(since)s AND c.hour < %(until)s
    AND (f.peak_rate = 'NaN' OR c.until <= greatest(f.peak_at, f.hour));

-- add_missing --
-- Hours of which nothing is there yet.
INSERT INTO consumption (
    hour, until, amount, peak_rate, peak_at, q1, q2, q3, q4, meter_id, flags, covered_s, received, bounded)
SELECT hour, until, nullif(amount, 'NaN'), nullif(peak_rate, 'NaN'), CASE WHEN peak_rate <> 'NaN' THEN peak_at END,
       q1, q2, q3, q4, meter_id, flags, covered_s, received, false
FROM fresh_hour ON CONFLICT DO NOTHING;

-- in_the_way --
-- Meters whose stored hours already hold something later than the first of the fresh pieces.
SELECT DISTINCT f.meter_id FROM fresh_hour f JOIN consumption c ON c.hour = f.hour AND c.meter_id = f.meter_id
WHERE c.until > f.first AND c.hour >= %(since)s AND c.hour < %(until)s;

-- copy --
COPY consumption (hour, until, amount, low, high, estimated, peak_rate, peak_at, q1, q2, q3, q4,
    meter_id, flags, covered_s, received, bounded) FROM STDIN (FORMAT binary);

-- copy_text --
COPY consumption (hour, until, amount, low, high, estimated, peak_rate, peak_at, q1, q2, q3, q4,
    meter_id, flags, covered_s, received, bounded) FROM STDIN;

-- windows --
CREATE TEMP TABLE IF NOT EXISTS computed_window (
    meter_id int, since timestamptz, until timestamptz) ON COMMIT DELETE ROWS;

-- empty_windows --
TRUNCATE computed_window;

-- copy_windows --
COPY computed_window (meter_id, since, until) FROM STDIN (FORMAT binary);

-- forget --
-- Remove the hours that are about to be written anew; which they were, as arrays.
WITH gone AS (
    DELETE FROM consumption c USING computed_window w
    WHERE c.meter_id = w.meter_id AND c.hour >= w.since AND c.hour < w.until AND c.hour >= %(since)s AND c.hour < %(until)s
    RETURNING c.meter_id, c.hour)
SELECT array_agg(meter_id), array_agg(hour) FROM gone;

-- forget_set_aside --
DELETE FROM quarantined_reading q USING computed_window w
WHERE q.meter_id = w.meter_id AND q.time >= w.since AND q.time < w.until;

-- set_aside --
INSERT INTO quarantined_reading (meter_id, time, flag)
SELECT * FROM unnest(%(meters)s::int[], %(times)s::timestamptz[], %(flags)s::int[]) ON CONFLICT DO NOTHING;

-- forget_undecided --
DELETE FROM undecided_meter WHERE meter_id = ANY(%(meters)s::int[]);

-- undecide --
INSERT INTO undecided_meter SELECT unnest(%(meters)s::int[]) ON CONFLICT DO NOTHING;
