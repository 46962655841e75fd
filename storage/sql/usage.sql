-- counting_version --
-- For which version of the registry the counting meters stand; whoever changes them holds this row.
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
-- Days of the deployment's zone, with the instants at which they begin and end.
CREATE TEMP TABLE IF NOT EXISTS touched_day (
    enterprise_id int, day date, since timestamptz, until timestamptz) ON COMMIT DELETE ROWS;

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
SELECT enterprise_id, day, day::timestamp AT TIME ZONE %(zone)s, (day + 1)::timestamp AT TIME ZONE %(zone)s
FROM (SELECT DISTINCT enterprise_id, (hour AT TIME ZONE %(zone)s)::date AS day FROM touched_hour) d;

-- analyze_days --
ANALYZE touched_day;

-- copy_touched_days --
COPY touched_day (enterprise_id, day, since, until) FROM STDIN;

-- days --
-- Usage by enterprise, carrier and day from its hours, in the order of hours; peak: kW and, negated, seconds since 1970.
SELECT u.enterprise_id, u.carrier, t.day,
    CASE WHEN bool_or(u.amount IS NOT NULL) THEN sum(coalesce(u.amount, u.low) ORDER BY u.hour) END,
    sum(u.low ORDER BY u.hour),
    CASE WHEN bool_and(u.high IS NOT NULL OR u.low IS NULL) THEN sum(u.high ORDER BY u.hour) END,
    sum(u.bought ORDER BY u.hour), sum(u.renewable ORDER BY u.hour),
    sum(u.exported ORDER BY u.hour), sum(u.feedstock ORDER BY u.hour),
    max(CASE WHEN p.kw IS NOT NULL THEN ARRAY[p.kw, -extract(epoch FROM u.hour + p.quarter * interval '15 min')::float8] END),
    bool_or(u.peak_partial), sum(u.estimated ORDER BY u.hour), sum(u.covered_s)::bigint, sum(u.received)::bigint, bit_or(u.flags)
FROM touched_day t
JOIN usage_hour u ON u.enterprise_id = t.enterprise_id AND u.hour >= t.since AND u.hour < t.until
CROSS JOIN LATERAL (SELECT greatest(u.q1, u.q2, u.q3, u.q4)) g(kw)
CROSS JOIN LATERAL (SELECT g.kw, CASE g.kw WHEN u.q1 THEN 0 WHEN u.q2 THEN 1 WHEN u.q3 THEN 2 ELSE 3 END) p(kw, quarter)
GROUP BY u.enterprise_id, u.carrier, t.day;

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

-- add_months --
-- Months from days, in the order of days. A tce bound is known only where it is known for every day.
WITH touched AS (SELECT DISTINCT enterprise_id, date_trunc('month', day)::date AS month FROM touched_day)
INSERT INTO usage_month (enterprise_id, carrier, month, amount, low, high, bought, renewable, exported, feedstock,
    tce_equivalent, tce_equivalent_low, tce_equivalent_high, tce_equal_value, tce_equal_value_low, tce_equal_value_high,
    tce_assessed, tco2, tce_medium, peak_kw, peak_at, peak_partial, estimated, covered_s, received, flags, days, computed)
SELECT u.enterprise_id, u.carrier, t.month,
    CASE WHEN bool_or(u.amount IS NOT NULL) THEN sum(coalesce(u.amount, u.low) ORDER BY u.day) END,
    sum(u.low ORDER BY u.day),
    CASE WHEN bool_and(u.high IS NOT NULL OR u.low IS NULL) THEN sum(u.high ORDER BY u.day) END,
    sum(u.bought ORDER BY u.day), sum(u.renewable ORDER BY u.day), sum(u.exported ORDER BY u.day), sum(u.feedstock ORDER BY u.day),
    CASE WHEN bool_or(u.tce_equivalent IS NOT NULL) THEN sum(coalesce(u.tce_equivalent, u.tce_equivalent_low) ORDER BY u.day) END,
    sum(u.tce_equivalent_low ORDER BY u.day),
    CASE WHEN bool_and(u.tce_equivalent_high IS NOT NULL OR u.tce_equivalent_low IS NULL)
        THEN sum(u.tce_equivalent_high ORDER BY u.day) END,
    CASE WHEN bool_or(u.tce_equal_value IS NOT NULL) THEN sum(coalesce(u.tce_equal_value, u.tce_equal_value_low) ORDER BY u.day) END,
    sum(u.tce_equal_value_low ORDER BY u.day),
    CASE WHEN bool_and(u.tce_equal_value_high IS NOT NULL OR u.tce_equal_value_low IS NULL)
        THEN sum(u.tce_equal_value_high ORDER BY u.day) END,
    sum(u.tce_assessed ORDER BY u.day), sum(u.tco2 ORDER BY u.day), sum(u.tce_medium ORDER BY u.day),
    (max(ARRAY[u.peak_kw, -extract(epoch FROM u.peak_at)::float8]) FILTER (WHERE u.peak_kw IS NOT NULL))[1],
    to_timestamp(-(max(ARRAY[u.peak_kw, -extract(epoch FROM u.peak_at)::float8]) FILTER (WHERE u.peak_kw IS NOT NULL))[2]),
    bool_or(u.peak_partial), sum(u.estimated ORDER BY u.day), sum(u.covered_s)::bigint, sum(u.received)::bigint, bit_or(u.flags),
    count(*), %(now)s
FROM touched t
JOIN usage u ON u.enterprise_id = t.enterprise_id AND u.day >= t.month AND u.day < (t.month + interval '1 month')::date
GROUP BY u.enterprise_id, u.carrier, t.month;

-- mark_judgement --
-- These enterprises' figures moved: whoever judges should look again.
INSERT INTO stale_judgement (scope, code, why)
SELECT 'enterprise', e.code, 'usage' FROM enterprise e WHERE e.id IN (SELECT enterprise_id FROM touched_day);

-- day_range --
-- The first and the last day of any usage.
SELECT min(day), max(day) FROM usage;
