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
-- The effective value where one time has several, and where only an estimate was told: by precedence of the source, then seq,
-- then value, never by arrival. is_estimate: nothing else is known; is_split: different values claim to be true (an estimate
-- that gives way to what was measured is no conflict). Times that were told once, and measured, are not among them.
WITH told AS (
    SELECT meter_id, time, value, source, seq FROM rival_reading WHERE time >= %(since)s AND time <= %(until)s
    UNION ALL
    SELECT k.meter_id, k.time, r.value, r.source, r.seq
    FROM (SELECT DISTINCT meter_id, time FROM rival_reading WHERE time >= %(since)s AND time <= %(until)s) k
    CROSS JOIN LATERAL (
        SELECT value, source, seq FROM reading WHERE time = k.time AND meter_id = k.meter_id OFFSET 0) r),
split AS (
    SELECT meter_id, time,
        count(DISTINCT value) FILTER (WHERE source >= 20) > 1 OR max(source) < 20 AND count(DISTINCT value) > 1 AS is_split
    FROM told GROUP BY meter_id, time),
ranked AS (
    SELECT DISTINCT ON (meter_id, time) meter_id, time, value, source < 20 AS is_estimate FROM told
    ORDER BY meter_id, time, source / 10 DESC, seq DESC NULLS LAST, value DESC)
SELECT array_agg(meter_id), array_agg(time), array_agg(value), array_agg(is_estimate::int), array_agg(is_split::int)
FROM ranked JOIN split USING (meter_id, time);

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
    amount = coalesce(coalesce(c.amount, c.low) + nullif(f.amount, 'NaN'), c.amount, nullif(f.amount, 'NaN')),
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
    AND (%(meters)s::int[] IS NULL OR c.meter_id = ANY(%(meters)s::int[]))
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
        AND (%(meters)s::int[] IS NULL OR c.meter_id = ANY(%(meters)s::int[]))
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
