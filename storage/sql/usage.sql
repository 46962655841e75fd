-- counting_version --
-- For which version of the registry the counting meters stand.
SELECT version FROM counting_version;

-- hold_counting_version --
-- The same for whoever is about to change them; others who would wait.
SELECT version FROM counting_version FOR UPDATE;

-- analyze_counting --
ANALYZE counting_meter;

-- set_counting_version --
UPDATE counting_version SET version = %(version)s;

-- forget_counting --
TRUNCATE counting_meter;

-- copy_counting --
COPY counting_meter (meter_id, enterprise_id, carrier, bought, renewable, exported, feedstock, sign, kw_of_unit, coarse)
FROM STDIN;

-- touched --
-- Hours of enterprises whose consumption has just changed.
CREATE TEMP TABLE IF NOT EXISTS touched_hour (enterprise_id int, hour timestamptz) ON COMMIT DELETE ROWS;

-- touched_days --
-- Days of the deployment's zone, with the instants at which they begin and end, and the first and last touched hour, if any.
CREATE TEMP TABLE IF NOT EXISTS touched_day (
    enterprise_id int, day date, since timestamptz, until timestamptz, first_hour timestamptz, last_hour timestamptz
) ON COMMIT DELETE ROWS;

-- empty_touched --
TRUNCATE touched_hour, touched_day;

-- join_by --
-- How joins are made until the end of the transaction. The tables joined here are too new for statistics, so we choose:
-- one look-up a row where few of many rows are wanted, else one pass.
SELECT set_config('enable_nestloop', %(look_up)s, true), set_config('enable_hashjoin', %(one_pass)s, true),
    set_config('enable_mergejoin', %(one_pass)s, true);

-- copy_touched --
COPY touched_hour (enterprise_id, hour) FROM STDIN (FORMAT binary);

-- analyze_touched --
ANALYZE touched_hour;

-- forget_hours --
DELETE FROM usage_hour u USING touched_hour t WHERE u.enterprise_id = t.enterprise_id AND u.hour = t.hour;

-- add_hours --
-- Usage by enterprise, carrier and hour. An amount of which nothing is known is NULL; where part is known, what is only
-- bounded enters with its lower bound (and so in days and months). Sums run in the order of meters, so that they are the same bits every time.
-- OFFSET 0: statistics never know the newest hour, and a planner who takes it for empty would begin with all its meters.
INSERT INTO usage_hour (enterprise_id, carrier, hour, amount, low, high, bought, renewable, exported, feedstock, estimated,
    q1, q2, q3, q4, peak_partial, covered_s, received, flags)
SELECT k.enterprise_id, k.carrier, c.hour,
    CASE WHEN bool_or(k.sign <> 0 AND c.amount IS NOT NULL) THEN
        sum(k.sign * coalesce(c.amount, c.low) ORDER BY k.meter_id) FILTER (WHERE k.sign <> 0) END,
    sum(CASE k.sign WHEN 1 THEN coalesce(c.low, c.amount)
        WHEN -1 THEN -CASE WHEN c.bounded THEN c.high ELSE c.amount END END ORDER BY k.meter_id),
    CASE WHEN bool_and(NOT c.bounded OR CASE WHEN k.sign = 1 THEN c.high ELSE c.low END IS NOT NULL) THEN
        sum(CASE k.sign WHEN 1 THEN CASE WHEN c.bounded THEN c.high ELSE c.amount END
            WHEN -1 THEN -coalesce(c.low, c.amount) END ORDER BY k.meter_id) END,
    sum(coalesce(c.amount, c.low) ORDER BY k.meter_id) FILTER (WHERE k.bought = 1),
    sum(coalesce(c.amount, c.low) ORDER BY k.meter_id) FILTER (WHERE k.renewable = 1),
    sum(coalesce(c.amount, c.low) ORDER BY k.meter_id) FILTER (WHERE k.exported = 1),
    sum(coalesce(c.amount, c.low) ORDER BY k.meter_id) FILTER (WHERE k.feedstock = 1),
    coalesce(sum(k.sign * c.estimated ORDER BY k.meter_id), 0),
    sum(k.sign * 4 * k.kw_of_unit * c.q1 ORDER BY k.meter_id) FILTER (WHERE c.q1 <> 'NaN'),
    sum(k.sign * 4 * k.kw_of_unit * c.q2 ORDER BY k.meter_id) FILTER (WHERE c.q2 <> 'NaN'),
    sum(k.sign * 4 * k.kw_of_unit * c.q3 ORDER BY k.meter_id) FILTER (WHERE c.q3 <> 'NaN'),
    sum(k.sign * 4 * k.kw_of_unit * c.q4 ORDER BY k.meter_id) FILTER (WHERE c.q4 <> 'NaN'),
    bool_or(k.kw_of_unit IS NOT NULL AND (k.coarse OR c.q1 IS NULL OR 'NaN' IN (c.q1, c.q2, c.q3, c.q4))),
    sum(c.covered_s) FILTER (WHERE k.sign <> 0), sum(c.received) FILTER (WHERE k.sign <> 0), bit_or(c.flags)
FROM (SELECT t.hour, m.* FROM touched_hour t JOIN counting_meter m ON m.enterprise_id = t.enterprise_id OFFSET 0) k
JOIN consumption c ON c.meter_id = k.meter_id AND c.hour = k.hour
WHERE (%(since)s::timestamptz IS NULL OR c.hour >= %(since)s) AND (%(until)s::timestamptz IS NULL OR c.hour < %(until)s)
GROUP BY k.enterprise_id, k.carrier, c.hour;

-- touch_days --
-- The days of the deployment's zone that these hours lie in.
INSERT INTO touched_day
SELECT enterprise_id, day, day::timestamp AT TIME ZONE %(zone)s, (day + 1)::timestamp AT TIME ZONE %(zone)s, first, last
FROM (SELECT enterprise_id, (hour AT TIME ZONE %(zone)s)::date AS day, min(hour) AS first, max(hour) AS last
      FROM touched_hour GROUP BY 1, 2) d;

-- analyze_days --
ANALYZE touched_day;

-- copy_touched_days --
COPY touched_day (enterprise_id, day, since, until) FROM STDIN;

-- distinct_days --
-- A day that readings touch too stands once, or its hours would be added twice.
DELETE FROM touched_day WHERE ctid = ANY(ARRAY(SELECT at FROM (
    SELECT ctid AS at, row_number() OVER (PARTITION BY enterprise_id, day ORDER BY ctid) AS n FROM touched_day) d WHERE n > 1));

-- spoil_days --
-- What was kept of hours before `until` no longer holds where one of them changed.
DELETE FROM usage_day_before b USING touched_day t
WHERE b.enterprise_id = t.enterprise_id AND b.day = t.day AND b.until > t.first_hour;

-- days --
-- Usage by enterprise, carrier and day from its hours, in the order of hours, going on from what is kept of the earlier
-- ones; and, where the last touched hour is beyond that on the newest day, what is to be kept from now on: those before it.
-- peak: kW and, negated, seconds since 1970.
WITH known AS (
    SELECT t.enterprise_id, t.day, coalesce(b.until, t.since) AS since, t.until, t.last_hour AS last,
        t.day = max(t.day) OVER (PARTITION BY t.enterprise_id) AS is_newest
    FROM touched_day t LEFT JOIN LATERAL (
        SELECT until FROM usage_day_before WHERE enterprise_id = t.enterprise_id AND day = t.day LIMIT 1) b ON true),
target AS (
    SELECT enterprise_id, day, since, until, 'infinity'::timestamptz AS kept_until FROM known
    UNION ALL SELECT enterprise_id, day, since, last, last FROM known WHERE last > since AND is_newest),
part AS (
    SELECT t.day, t.kept_until, u.enterprise_id, u.carrier, u.hour, u.amount, u.low, u.high, u.bought, u.renewable,
        u.exported, u.feedstock,
        CASE WHEN p.kw IS NOT NULL THEN ARRAY[p.kw, -extract(epoch FROM u.hour + p.quarter * interval '15 min')::float8] END AS peak,
        u.peak_partial, u.estimated, u.covered_s, u.received, u.flags
    FROM target t JOIN usage_hour u ON u.enterprise_id = t.enterprise_id AND u.hour >= t.since AND u.hour < t.until
    CROSS JOIN LATERAL (SELECT greatest(u.q1, u.q2, u.q3, u.q4)) g(kw)
    CROSS JOIN LATERAL (
        SELECT g.kw, CASE g.kw WHEN u.q1 THEN 0 WHEN u.q2 THEN 1 WHEN u.q3 THEN 2 ELSE 3 END) p(kw, quarter)
    UNION ALL
    SELECT t.day, t.kept_until, b.enterprise_id, b.carrier, '-infinity', b.amount, b.low, b.high, b.bought, b.renewable,
        b.exported, b.feedstock, b.peak, b.peak_partial, b.estimated, b.covered_s, b.received, b.flags
    FROM target t JOIN usage_day_before b ON b.enterprise_id = t.enterprise_id AND b.day = t.day),
summed AS (
    SELECT u.enterprise_id, u.carrier, u.day,
        CASE WHEN bool_or(u.amount IS NOT NULL) THEN sum(coalesce(u.amount, u.low) ORDER BY u.hour) END AS amount,
        sum(u.low ORDER BY u.hour) AS low,
        CASE WHEN bool_and(u.high IS NOT NULL OR u.low IS NULL) THEN sum(u.high ORDER BY u.hour) END AS high,
        sum(u.bought ORDER BY u.hour) AS bought, sum(u.renewable ORDER BY u.hour) AS renewable,
        sum(u.exported ORDER BY u.hour) AS exported, sum(u.feedstock ORDER BY u.hour) AS feedstock,
        max(u.peak) AS peak, bool_or(u.peak_partial) AS peak_partial, sum(u.estimated ORDER BY u.hour) AS estimated,
        sum(u.covered_s)::bigint AS covered_s, sum(u.received)::bigint AS received, bit_or(u.flags) AS flags, u.kept_until
    FROM part u GROUP BY u.enterprise_id, u.carrier, u.day, u.kept_until),
kept AS (
    INSERT INTO usage_day_before (enterprise_id, carrier, day, amount, low, high, bought, renewable, exported, feedstock,
        peak, peak_partial, estimated, covered_s, received, flags, until)
    SELECT * FROM summed WHERE kept_until < 'infinity')
SELECT enterprise_id, carrier, day, amount, low, high, bought, renewable, exported, feedstock, peak, peak_partial, estimated,
    covered_s, received, flags
FROM summed WHERE kept_until = 'infinity';

-- forget_kept_days --
-- What was kept of fewer hours than are kept now.
DELETE FROM usage_day_before b USING touched_day t
WHERE b.enterprise_id = t.enterprise_id AND b.day = t.day AND b.until < t.last_hour AND EXISTS (
    SELECT FROM usage_day_before n WHERE n.enterprise_id = b.enterprise_id AND n.day = b.day AND n.until > b.until);

-- forget_old_days --
-- What was kept of days before the one before: those are seldom added to.
DELETE FROM usage_day_before b USING touched_day t WHERE b.enterprise_id = t.enterprise_id AND b.day < t.day - 1;

-- forget_days --
DELETE FROM usage u USING touched_day t WHERE u.enterprise_id = t.enterprise_id AND u.day = t.day;

-- copy_days --
COPY usage (enterprise_id, carrier, day, amount, low, high, bought, renewable, exported, feedstock,
    tce_equivalent, tce_equivalent_low, tce_equivalent_high, tce_equal_value, tce_equal_value_low, tce_equal_value_high,
    tce_assessed, tco2, tce_medium, peak_kw, peak_at, peak_partial, estimated, covered_s, received, flags,
    factor_equivalent, factor_equal_value, factor_co2, computed) FROM STDIN;

-- forget_months --
DELETE FROM usage_month m USING (SELECT DISTINCT enterprise_id, date_trunc('month', day)::date AS month FROM touched_day) t
WHERE m.enterprise_id = t.enterprise_id AND m.month = t.month;

-- spoil_months --
-- What was kept of days before `until` no longer holds where one of them changed.
DELETE FROM usage_month_before b
USING (SELECT enterprise_id, date_trunc('month', day)::date AS month, min(day) AS first FROM touched_day GROUP BY 1, 2) t
WHERE b.enterprise_id = t.enterprise_id AND b.month = t.month AND b.until > t.first;

-- add_months --
-- Months from days, in the order of days, going on from what is kept of the earlier ones; and, where the last touched day
-- is beyond that, what is to be kept from now on: the days before it. A tce bound is known only where it is for every day.
WITH touched AS (
    SELECT enterprise_id, date_trunc('month', day)::date AS month, max(day) AS last FROM touched_day GROUP BY 1, 2),
known AS (
    SELECT t.*, coalesce(b.until, t.month) AS since FROM touched t LEFT JOIN LATERAL (
        SELECT until FROM usage_month_before WHERE enterprise_id = t.enterprise_id AND month = t.month LIMIT 1) b ON true),
target AS (
    SELECT enterprise_id, month, since, 'infinity'::date AS until FROM known
    UNION ALL SELECT enterprise_id, month, since, last FROM known WHERE last > since),
part AS (
    SELECT t.month, t.until, 1 AS days, u.enterprise_id, u.carrier, u.day, u.amount, u.low, u.high, u.bought, u.renewable,
        u.exported, u.feedstock, u.tce_equivalent, u.tce_equivalent_low, u.tce_equivalent_high, u.tce_equal_value,
        u.tce_equal_value_low, u.tce_equal_value_high, u.tce_assessed, u.tco2, u.tce_medium, u.peak_kw, u.peak_at,
        u.peak_partial, u.estimated, u.covered_s, u.received, u.flags
    FROM target t JOIN usage u ON u.enterprise_id = t.enterprise_id AND u.day >= t.since
        AND u.day < least(t.until, (t.month + interval '1 month')::date)
    UNION ALL
    SELECT t.month, t.until, b.days, b.enterprise_id, b.carrier, '-infinity', b.amount, b.low, b.high, b.bought, b.renewable,
        b.exported, b.feedstock, b.tce_equivalent, b.tce_equivalent_low, b.tce_equivalent_high, b.tce_equal_value,
        b.tce_equal_value_low, b.tce_equal_value_high, b.tce_assessed, b.tco2, b.tce_medium, b.peak_kw, b.peak_at,
        b.peak_partial, b.estimated, b.covered_s, b.received, b.flags
    FROM target t JOIN usage_month_before b ON b.enterprise_id = t.enterprise_id AND b.month = t.month),
summed AS (
    SELECT u.enterprise_id, u.carrier, u.month,
        CASE WHEN bool_or(u.amount IS NOT NULL) THEN sum(coalesce(u.amount, u.low) ORDER BY u.day) END AS amount,
        sum(u.low ORDER BY u.day) AS low,
        CASE WHEN bool_and(u.high IS NOT NULL OR u.low IS NULL) THEN sum(u.high ORDER BY u.day) END AS high,
        sum(u.bought ORDER BY u.day) AS bought, sum(u.renewable ORDER BY u.day) AS renewable,
        sum(u.exported ORDER BY u.day) AS exported, sum(u.feedstock ORDER BY u.day) AS feedstock,
        CASE WHEN bool_or(u.tce_equivalent IS NOT NULL)
            THEN sum(coalesce(u.tce_equivalent, u.tce_equivalent_low) ORDER BY u.day) END AS tce_equivalent,
        sum(u.tce_equivalent_low ORDER BY u.day) AS tce_equivalent_low,
        CASE WHEN bool_and(u.tce_equivalent_high IS NOT NULL OR u.tce_equivalent_low IS NULL)
            THEN sum(u.tce_equivalent_high ORDER BY u.day) END AS tce_equivalent_high,
        CASE WHEN bool_or(u.tce_equal_value IS NOT NULL)
            THEN sum(coalesce(u.tce_equal_value, u.tce_equal_value_low) ORDER BY u.day) END AS tce_equal_value,
        sum(u.tce_equal_value_low ORDER BY u.day) AS tce_equal_value_low,
        CASE WHEN bool_and(u.tce_equal_value_high IS NOT NULL OR u.tce_equal_value_low IS NULL)
            THEN sum(u.tce_equal_value_high ORDER BY u.day) END AS tce_equal_value_high,
        sum(u.tce_assessed ORDER BY u.day) AS tce_assessed, sum(u.tco2 ORDER BY u.day) AS tco2,
        sum(u.tce_medium ORDER BY u.day) AS tce_medium,
        max(ARRAY[u.peak_kw, -extract(epoch FROM u.peak_at)::float8]) FILTER (WHERE u.peak_kw IS NOT NULL) AS peak,
        bool_or(u.peak_partial) AS peak_partial, sum(u.estimated ORDER BY u.day) AS estimated,
        sum(u.covered_s)::bigint AS covered_s, sum(u.received)::bigint AS received, bit_or(u.flags) AS flags,
        sum(u.days)::int AS days, u.until
    FROM part u GROUP BY u.enterprise_id, u.carrier, u.month, u.until),
kept AS (
    INSERT INTO usage_month_before (enterprise_id, carrier, month, amount, low, high, bought, renewable, exported, feedstock,
        tce_equivalent, tce_equivalent_low, tce_equivalent_high, tce_equal_value, tce_equal_value_low, tce_equal_value_high,
        tce_assessed, tco2, tce_medium, peak_kw, peak_at, peak_partial, estimated, covered_s, received, flags, days, until)
    SELECT enterprise_id, carrier, month, amount, low, high, bought, renewable, exported, feedstock,
        tce_equivalent, tce_equivalent_low, tce_equivalent_high, tce_equal_value, tce_equal_value_low, tce_equal_value_high,
        tce_assessed, tco2, tce_medium, peak[1], to_timestamp(-peak[2]), peak_partial, estimated, covered_s, received, flags,
        days, until
    FROM summed WHERE until < 'infinity')
INSERT INTO usage_month (enterprise_id, carrier, month, amount, low, high, bought, renewable, exported, feedstock,
    tce_equivalent, tce_equivalent_low, tce_equivalent_high, tce_equal_value, tce_equal_value_low, tce_equal_value_high,
    tce_assessed, tco2, tce_medium, peak_kw, peak_at, peak_partial, estimated, covered_s, received, flags, days, computed)
SELECT enterprise_id, carrier, month, amount, low, high, bought, renewable, exported, feedstock,
    tce_equivalent, tce_equivalent_low, tce_equivalent_high, tce_equal_value, tce_equal_value_low, tce_equal_value_high,
    tce_assessed, tco2, tce_medium, peak[1], to_timestamp(-peak[2]), peak_partial, estimated, covered_s, received, flags,
    days, %(now)s
FROM summed WHERE until = 'infinity';

-- forget_kept_months --
-- What was kept of fewer days than are kept now.
DELETE FROM usage_month_before b
USING (SELECT enterprise_id, date_trunc('month', day)::date AS month, max(day) AS last FROM touched_day GROUP BY 1, 2) t
WHERE b.enterprise_id = t.enterprise_id AND b.month = t.month AND b.until < t.last AND EXISTS (
    SELECT FROM usage_month_before n WHERE n.enterprise_id = b.enterprise_id AND n.month = b.month AND n.until > b.until);

-- mark_judgement --
-- These enterprises' figures moved: whoever judges should look again.
INSERT INTO stale_judgement (scope, code, why)
SELECT 'enterprise', e.code, 'usage' FROM enterprise e WHERE e.id IN (SELECT enterprise_id FROM touched_day);

-- day_range --
-- The first and the last day of any usage, and of what returns may make of it.
SELECT min(first), max(last) FROM (
    SELECT min(day) AS first, max(day) AS last FROM usage UNION ALL SELECT min(since), max(until) - 1 FROM returned_use) d;
