-- What Grafana asks, one statement a panel, variable or annotation. They are no statements for psycopg: `$__…` are macros of
-- Grafana's PostgreSQL data source and `${name:sqlstring}` its variables, quoted by it. All read the views of the schema
-- `grafana` alone. zone, language, top, rules and flags are constants of a dashboard, the others are chosen by who looks.
-- Months and days are those of the deployment's zone. "Key units" are all enterprises of a region that are not closed.

-- regions --
-- The folder's region and, of those below it, the ones with enterprises inside.
WITH RECURSIVE above AS (
    SELECT DISTINCT region AS code FROM grafana.enterprise
    UNION SELECT r.parent FROM above a JOIN grafana.region r ON r.code = a.code WHERE r.parent IS NOT NULL)
SELECT name AS __text, code AS __value FROM grafana.region
WHERE code IN (SELECT grafana.inside(${top:sqlstring})) AND (code = ${top:sqlstring} OR code IN (SELECT code FROM above))
ORDER BY code <> ${top:sqlstring}, code;

-- enterprises --
-- The key units of the region.
SELECT name || ' ' || code AS __text, code AS __value FROM grafana.enterprise
WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed' ORDER BY code;

-- centres --
-- The data centres of the region: by their kind, or because they have meters of IT load.
SELECT name || ' ' || code AS __text, code AS __value FROM grafana.enterprise
WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed' AND (kind = 'data_centre' OR has_it)
ORDER BY NOT has_it, code;

-- months --
-- The months that have figures, the newest first.
SELECT to_char(m, 'YYYY-MM') AS __text, to_char(m, 'YYYY-MM') AS __value
FROM (SELECT min(day) AS first, max(day) AS last FROM grafana.usage_day) d,
    generate_series(date_trunc('month', d.first), date_trunc('month', d.last), interval '1 month') m ORDER BY m DESC;

-- region_opened --
-- Warnings of the region that were opened or raised: marks on its time series.
SELECT v.at AS time, a.name || '：' || v.text AS text, v.level || ',' || v.event || ',' || a.code AS tags
FROM grafana.alert_event v JOIN grafana.alert a ON a.id = v.alert_id
WHERE $__timeFilter(v.at) AND v.event IN ('opened', 'raised')
    AND (a.region = '' OR a.region IN (SELECT grafana.inside(${region:sqlstring})))
ORDER BY array_position(ARRAY['red', 'orange', 'yellow', 'blue'], v.level), v.at DESC LIMIT 200;

-- region_resolved --
-- Warnings of the region that were resolved or lowered.
SELECT v.at AS time, a.name || '：' || v.text AS text, v.level || ',' || v.event || ',' || a.code AS tags
FROM grafana.alert_event v JOIN grafana.alert a ON a.id = v.alert_id
WHERE $__timeFilter(v.at) AND v.event IN ('resolved', 'lowered')
    AND (a.region = '' OR a.region IN (SELECT grafana.inside(${region:sqlstring})))
ORDER BY array_position(ARRAY['red', 'orange', 'yellow', 'blue'], v.level), v.at DESC LIMIT 200;

-- enterprise_opened --
-- Warnings of the enterprise that were opened or raised.
SELECT v.at AS time, v.text AS text, v.level || ',' || v.event || ',' || a.rule AS tags
FROM grafana.alert a JOIN grafana.alert_event v ON v.alert_id = a.id
WHERE $__timeFilter(v.at) AND v.event IN ('opened', 'raised') AND a.scope = 'enterprise' AND a.code = ${enterprise:sqlstring}
ORDER BY v.at DESC LIMIT 500;

-- enterprise_resolved --
-- Warnings of the enterprise that were resolved or lowered.
SELECT v.at AS time, v.text AS text, v.level || ',' || v.event || ',' || a.rule AS tags
FROM grafana.alert a JOIN grafana.alert_event v ON v.alert_id = a.id
WHERE $__timeFilter(v.at) AND v.event IN ('resolved', 'lowered') AND a.scope = 'enterprise' AND a.code = ${enterprise:sqlstring}
ORDER BY v.at DESC LIMIT 500;

-- region_total --
-- The sum of key units in the month and in its year so far; how many of them there are, have figures, and have figures
-- that are only "at least". It is not the region's own total.
WITH unit AS (
    SELECT id FROM grafana.enterprise
    WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed'),
used AS (
    SELECT u.enterprise_id, sum(t.tce) AS tce_year, sum(t.tce) FILTER (WHERE t.now) AS tce, sum(u.tco2) FILTER (WHERE t.now) AS tco2,
        sum(u.amount) FILTER (WHERE t.now AND u.carrier = 'electricity') AS kwh, bool_or(u.at_least) FILTER (WHERE t.now) AS at_least
    FROM grafana.usage_month u JOIN unit ON unit.id = u.enterprise_id
    CROSS JOIN LATERAL (SELECT u.month = to_date(${month:sqlstring}, 'YYYY-MM') AS now,
        CASE ${basis:sqlstring} WHEN 'equal_value' THEN u.tce_equal_value ELSE u.tce_equivalent END AS tce) t
    WHERE NOT u.is_medium AND u.month <= to_date(${month:sqlstring}, 'YYYY-MM')
        AND u.month >= date_trunc('year', to_date(${month:sqlstring}, 'YYYY-MM'))::date GROUP BY u.enterprise_id)
SELECT sum(tce) AS tce, sum(tce_year) AS tce_year, sum(tco2) AS tco2, sum(kwh) AS kwh, (SELECT count(*) FROM unit) AS units,
    count(tce) AS reporting, count(*) FILTER (WHERE at_least) AS at_least_units
FROM used;

-- region_days --
-- tce of key units by day and kind of carrier, at most the last 31 days of the range: what is longer is told by months. Days
-- are added up by carrier first, of which there are few.
WITH unit AS (
    SELECT id FROM grafana.enterprise
    WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed'),
used AS (
    SELECT u.day, u.carrier,
        sum(CASE ${basis:sqlstring} WHEN 'equal_value' THEN u.tce_equal_value ELSE u.tce_equivalent END) AS tce
    FROM grafana.usage_day u JOIN unit ON unit.id = u.enterprise_id
    WHERE u.day >= (greatest($__timeFrom()::timestamptz, $__timeTo()::timestamptz - interval '31 days')
            AT TIME ZONE ${zone:sqlstring})::date
        AND u.day <= ($__timeTo()::timestamptz AT TIME ZONE ${zone:sqlstring})::date GROUP BY u.day, u.carrier)
SELECT u.day::timestamp AT TIME ZONE ${zone:sqlstring} AS time,
    sum(u.tce) FILTER (WHERE c.category IN ('coal', 'coke')) AS coal, sum(u.tce) FILTER (WHERE c.category = 'oil') AS oil,
    sum(u.tce) FILTER (WHERE c.category = 'gas') AS gas, sum(u.tce) FILTER (WHERE c.category = 'power') AS power,
    sum(u.tce) FILTER (WHERE c.category = 'heat') AS heat,
    sum(u.tce) FILTER (WHERE c.category NOT IN ('coal', 'coke', 'oil', 'gas', 'power', 'heat')) AS other
FROM used u JOIN grafana.carrier c ON c.code = u.carrier WHERE NOT c.is_medium GROUP BY u.day ORDER BY u.day;

-- region_years --
-- tce of key units by month: the chosen month's year beside the year before.
WITH year AS (SELECT date_trunc('year', to_date(${month:sqlstring}, 'YYYY-MM')) AS first),
unit AS (
    SELECT id FROM grafana.enterprise
    WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed'),
used AS (
    SELECT u.month, sum(CASE ${basis:sqlstring} WHEN 'equal_value' THEN u.tce_equal_value ELSE u.tce_equivalent END) AS tce
    FROM grafana.usage_month u JOIN unit ON unit.id = u.enterprise_id
    WHERE NOT u.is_medium AND u.month >= (date_trunc('year', to_date(${month:sqlstring}, 'YYYY-MM')) - interval '1 year')::date
        AND u.month < (date_trunc('year', to_date(${month:sqlstring}, 'YYYY-MM')) + interval '1 year')::date GROUP BY u.month)
SELECT to_char(m, 'MM') AS month, b.tce AS year_before, n.tce AS this_year
FROM year, generate_series(year.first, year.first + interval '11 months', interval '1 month') m
LEFT JOIN used n ON n.month = m::date LEFT JOIN used b ON b.month = (m - interval '1 year')::date ORDER BY m;

-- region_parts --
-- The regions directly below, and what lies in the region itself: units, tce, change on the month before and on the same
-- month of the year before, open warnings. A change is told only of months that are over and whole.
WITH RECURSIVE area AS (
    SELECT code, code AS part FROM grafana.region WHERE parent = ${region:sqlstring}
    UNION ALL SELECT r.code, a.part FROM grafana.region r JOIN area a ON r.parent = a.code),
unit AS (
    SELECT e.id, e.code, coalesce(a.part, e.region) AS part FROM grafana.enterprise e LEFT JOIN area a ON a.code = e.region
    WHERE (a.code IS NOT NULL OR e.region = ${region:sqlstring}) AND e.status <> 'closed'),
each AS (
    SELECT unit.part, u.month, bool_or(u.at_least) AS at_least, bool_or(u.at_least OR u.begins)
            OR max(u.days) < extract(day FROM u.month + interval '1 month' - interval '1 day')
            OR u.month + interval '1 month' > now() AT TIME ZONE ${zone:sqlstring} AS part_only,
        sum(CASE ${basis:sqlstring} WHEN 'equal_value' THEN u.tce_equal_value ELSE u.tce_equivalent END) AS tce
    FROM grafana.usage_month u JOIN unit ON unit.id = u.enterprise_id
    WHERE NOT u.is_medium AND u.month IN (to_date(${month:sqlstring}, 'YYYY-MM'),
        (to_date(${month:sqlstring}, 'YYYY-MM') - interval '1 month')::date,
        (to_date(${month:sqlstring}, 'YYYY-MM') - interval '1 year')::date)
    GROUP BY unit.id, unit.part, u.month),
used AS (
    SELECT part, month, bool_or(at_least) AS at_least, bool_or(part_only) AS part_only, sum(tce) AS tce FROM each GROUP BY part, month),
warned AS (
    SELECT unit.part, count(*) AS alerts FROM grafana.alert a JOIN unit ON a.scope = 'enterprise' AND a.code = unit.code
    WHERE a.state <> 'resolved' GROUP BY unit.part)
SELECT r.name, r.code, count(*) AS units, max(n.tce) AS tce, bool_or(n.at_least) AS at_least,
    max(n.tce / nullif(b.tce, 0) - 1) AS on_month, max(n.tce / nullif(y.tce, 0) - 1) AS on_year, coalesce(max(w.alerts), 0) AS alerts
FROM unit JOIN grafana.region r ON r.code = unit.part
LEFT JOIN used n ON n.part = unit.part AND n.month = to_date(${month:sqlstring}, 'YYYY-MM')
LEFT JOIN used b ON b.part = unit.part AND b.month = (n.month - interval '1 month')::date AND NOT n.part_only AND NOT b.part_only
LEFT JOIN used y ON y.part = unit.part AND y.month = (n.month - interval '1 year')::date AND NOT n.part_only AND NOT y.part_only
LEFT JOIN warned w ON w.part = unit.part
GROUP BY r.code, r.name ORDER BY tce DESC NULLS LAST, r.code;

-- region_units --
-- Key units by their tce of the month, the largest first; those without figures last. A change is told only of months that
-- are over and whole.
WITH unit AS (
    SELECT id, code, name, region_name, industry_name FROM grafana.enterprise
    WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed'),
used AS (
    SELECT u.enterprise_id, u.month, bool_or(u.at_least) AS at_least, sum(u.tco2) AS tco2, bool_or(u.at_least OR u.begins)
            OR max(u.days) < extract(day FROM u.month + interval '1 month' - interval '1 day')
            OR u.month + interval '1 month' > now() AT TIME ZONE ${zone:sqlstring} AS part_only,
        sum(CASE ${basis:sqlstring} WHEN 'equal_value' THEN u.tce_equal_value ELSE u.tce_equivalent END) AS tce
    FROM grafana.usage_month u JOIN unit ON unit.id = u.enterprise_id
    WHERE NOT u.is_medium AND u.month IN (to_date(${month:sqlstring}, 'YYYY-MM'),
        (to_date(${month:sqlstring}, 'YYYY-MM') - interval '1 month')::date,
        (to_date(${month:sqlstring}, 'YYYY-MM') - interval '1 year')::date)
    GROUP BY u.enterprise_id, u.month),
warned AS (
    SELECT a.code, (array_agg(a.level ORDER BY array_position(ARRAY['red', 'orange', 'yellow', 'blue'], a.level)))[1] AS level
    FROM grafana.alert a WHERE a.state <> 'resolved' AND a.scope = 'enterprise' GROUP BY a.code)
SELECT unit.name, unit.code, unit.region_name AS region, unit.industry_name AS industry, n.tce,
    n.tce / nullif(sum(n.tce) OVER (), 0) AS share, n.tco2, coalesce(n.at_least, true) AS at_least,
    n.tce / nullif(b.tce, 0) - 1 AS on_month, n.tce / nullif(y.tce, 0) - 1 AS on_year, w.level
FROM unit LEFT JOIN used n ON n.enterprise_id = unit.id AND n.month = to_date(${month:sqlstring}, 'YYYY-MM')
LEFT JOIN used b ON b.enterprise_id = unit.id AND b.month = (n.month - interval '1 month')::date AND NOT n.part_only AND NOT b.part_only
LEFT JOIN used y ON y.enterprise_id = unit.id AND y.month = (n.month - interval '1 year')::date AND NOT n.part_only AND NOT y.part_only
LEFT JOIN warned w ON w.code = unit.code
ORDER BY n.tce DESC NULLS LAST, unit.code LIMIT 200;

-- region_quotas --
-- Quotas of the month's year with how much of each is used, beside the path to date and the forecast; the fullest first.
SELECT u.name, u.code, u.metric, u.basis, u.period, u.observed AS used, u."limit", u.unit, u.observed / nullif(u."limit", 0) AS share,
    p.observed / nullif(p."limit", 0) AS of_path, f.observed / nullif(f."limit", 0) AS forecast, u.state
FROM grafana.finding u
LEFT JOIN grafana.finding p ON p.rule = 'quota_path' AND (p.scope, p.code, p.subject, p.period) = (u.scope, u.code, u.subject, u.period)
LEFT JOIN grafana.finding f ON f.rule = 'quota_forecast' AND (f.scope, f.code, f.subject, f.period) = (u.scope, u.code, u.subject, u.period)
WHERE u.rule = 'quota_used' AND u.scope = 'enterprise' AND starts_with(u.period, left(${month:sqlstring}, 4))
    AND u.region IN (SELECT grafana.inside(${region:sqlstring}))
ORDER BY share DESC NULLS LAST, u.code, u.subject LIMIT 50;

-- open_levels --
-- Warnings of the region that are not resolved, by level.
SELECT count(*) FILTER (WHERE level = 'red') AS red, count(*) FILTER (WHERE level = 'orange') AS orange,
    count(*) FILTER (WHERE level = 'yellow') AS yellow, count(*) FILTER (WHERE level = 'blue') AS blue
FROM grafana.alert
WHERE state <> 'resolved' AND (region = '' OR region IN (SELECT grafana.inside(${region:sqlstring})));

-- enterprise_total --
-- The enterprise in the month and in its year so far: energy, CO2, electricity, maximum demand, completeness of readings.
WITH unit AS (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring}),
span AS (
    SELECT to_date(${month:sqlstring}, 'YYYY-MM') AS month,
        extract(epoch FROM to_date(${month:sqlstring}, 'YYYY-MM')::timestamp AT TIME ZONE ${zone:sqlstring})::float8 AS since,
        extract(epoch FROM least(now(), (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month')
            AT TIME ZONE ${zone:sqlstring}))::float8 AS until),
used AS (
    SELECT u.*, u.month = span.month AS now,
        CASE ${basis:sqlstring} WHEN 'equal_value' THEN u.tce_equal_value ELSE u.tce_equivalent END AS tce
    FROM grafana.usage_month u, span
    WHERE u.enterprise_id = (SELECT id FROM unit) AND NOT u.is_medium AND u.month <= span.month
        AND u.month >= date_trunc('year', span.month)::date),
due AS (
    SELECT sum(greatest(0, floor(least(k.until, span.until) / k.interval_s) - ceil(greatest(k.first, span.since) / k.interval_s))) AS readings
    FROM grafana.counting_meter k, span WHERE k.enterprise_id = (SELECT id FROM unit))
SELECT sum(tce) FILTER (WHERE now) AS tce, sum(tce) AS tce_year, sum(tce_assessed) AS tce_assessed_year,
    sum(tco2) FILTER (WHERE now) AS tco2, sum(amount) FILTER (WHERE now AND carrier = 'electricity') AS kwh,
    max(peak_kw) FILTER (WHERE now AND carrier = 'electricity') AS peak_kw,
    least(1, sum(received) FILTER (WHERE now) / nullif((SELECT readings FROM due), 0)) AS completeness
FROM used;

-- enterprise_days --
-- tce of the enterprise by day and carrier over the whole range.
SELECT u.day::timestamp AT TIME ZONE ${zone:sqlstring} AS time,
    CASE ${language:sqlstring} WHEN 'en' THEN c.name_en ELSE c.name_zh END AS metric,
    CASE ${basis:sqlstring} WHEN 'equal_value' THEN u.tce_equal_value ELSE u.tce_equivalent END AS tce
FROM grafana.usage_day u JOIN grafana.carrier c ON c.code = u.carrier
WHERE u.enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring}) AND NOT u.is_medium
    AND u.day >= ($__timeFrom()::timestamptz AT TIME ZONE ${zone:sqlstring})::date
    AND u.day <= ($__timeTo()::timestamptz AT TIME ZONE ${zone:sqlstring})::date
ORDER BY 1, 2;

-- enterprise_power --
-- Mean electric power by quarter hours; of a range longer than 31 days the highest quarter of each day.
WITH hour AS (
    SELECT hour, q1, q2, q3, q4 FROM grafana.usage_hour
    WHERE enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring}) AND carrier = 'electricity'
        AND $__timeFilter(hour))
SELECT hour + q.place * interval '15 minutes' AS time, q.kw
FROM hour CROSS JOIN LATERAL (VALUES (0, q1), (1, q2), (2, q3), (3, q4)) q(place, kw)
WHERE $__timeTo()::timestamptz - $__timeFrom()::timestamptz <= interval '31 days'
UNION ALL
SELECT date_trunc('day', hour, ${zone:sqlstring}), max(greatest(q1, q2, q3, q4)) FROM hour
WHERE $__timeTo()::timestamptz - $__timeFrom()::timestamptz > interval '31 days' GROUP BY 1
ORDER BY 1;

-- enterprise_years --
-- tce of the enterprise by month: the chosen month's year beside the year before.
WITH year AS (SELECT date_trunc('year', to_date(${month:sqlstring}, 'YYYY-MM')) AS first),
used AS (
    SELECT u.month, sum(CASE ${basis:sqlstring} WHEN 'equal_value' THEN u.tce_equal_value ELSE u.tce_equivalent END) AS tce
    FROM grafana.usage_month u
    WHERE u.enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring}) AND NOT u.is_medium
        AND u.month >= (date_trunc('year', to_date(${month:sqlstring}, 'YYYY-MM')) - interval '1 year')::date
        AND u.month < (date_trunc('year', to_date(${month:sqlstring}, 'YYYY-MM')) + interval '1 year')::date GROUP BY u.month)
SELECT to_char(m, 'MM') AS month, b.tce AS year_before, n.tce AS this_year
FROM year, generate_series(year.first, year.first + interval '11 months', interval '1 month') m
LEFT JOIN used n ON n.month = m::date LEFT JOIN used b ON b.month = (m - interval '1 year')::date ORDER BY m;

-- enterprise_carriers --
-- What the enterprise used in the month, by carrier, in the carrier's own unit and in tce on both bases.
SELECT CASE ${language:sqlstring} WHEN 'en' THEN c.name_en ELSE c.name_zh END AS carrier, u.amount, u.low, u.high, u.unit,
    u.tce_equivalent, u.tce_equal_value, u.tco2, u.estimated / nullif(abs(u.amount), 0) AS estimated_share, u.at_least,
    (SELECT string_agg(f.value, '、' ORDER BY f.key::int) FROM jsonb_each_text(${flags:sqlstring}::jsonb) f
        WHERE u.flags & f.key::int <> 0) AS flags
FROM grafana.usage_month u JOIN grafana.carrier c ON c.code = u.carrier
WHERE u.enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring})
    AND u.month = to_date(${month:sqlstring}, 'YYYY-MM') ORDER BY u.tce_equivalent DESC NULLS LAST, u.carrier;

-- enterprise_quotas --
-- The quotas of the enterprise in the month's year: how much is used, beside the path to date and the forecast.
SELECT u.metric, u.basis, u.period, u.observed AS used, u."limit", u.unit, u.observed / nullif(u."limit", 0) AS share,
    p.observed / nullif(p."limit", 0) AS of_path, f.observed / nullif(f."limit", 0) AS forecast, u.state, u.document
FROM grafana.finding u
LEFT JOIN grafana.finding p ON p.rule = 'quota_path' AND (p.scope, p.code, p.subject, p.period) = (u.scope, u.code, u.subject, u.period)
LEFT JOIN grafana.finding f ON f.rule = 'quota_forecast' AND (f.scope, f.code, f.subject, f.period) = (u.scope, u.code, u.subject, u.period)
WHERE u.rule = 'quota_used' AND u.scope = 'enterprise' AND u.code = ${enterprise:sqlstring}
    AND starts_with(u.period, left(${month:sqlstring}, 4)) ORDER BY u.period, u.subject;

-- enterprise_findings --
-- What every other rule says of the enterprise, warnings first and "cannot be judged" included.
SELECT coalesce(${rules:sqlstring}::jsonb ->> f.rule, f.rule) AS rule, f.subject_name AS subject, f.period, f.state, f.level,
    f.observed, f."limit", f.unit, f.reason, f.document
FROM grafana.finding f
WHERE f.scope = 'enterprise' AND f.code = ${enterprise:sqlstring}
    AND f.rule NOT IN ('quota_used', 'quota_path', 'quota_forecast')
ORDER BY array_position(ARRAY['warning', 'cannot_judge', 'ok'], f.state), f.rule, f.subject, f.period DESC LIMIT 100;

-- enterprise_alerts --
-- Warnings of the enterprise: those that stand, then those that ended in the range.
SELECT a.level, coalesce(${rules:sqlstring}::jsonb ->> a.rule, a.rule) AS rule, a.period, a.message, a.state, a.opened, a.resolved
FROM grafana.alert a
WHERE a.scope = 'enterprise' AND a.code = ${enterprise:sqlstring} AND (a.state <> 'resolved' OR $__timeFilter(a.resolved))
ORDER BY a.state = 'resolved', array_position(ARRAY['red', 'orange', 'yellow', 'blue'], a.level), a.opened DESC LIMIT 100;

-- enterprise_meters --
-- The meters of the enterprise: when each spoke last, and until when it is calibrated.
SELECT m.code, m.name, CASE ${language:sqlstring} WHEN 'en' THEN c.name_en ELSE c.name_zh END AS carrier, m.level AS meter_level,
    m.interval_minutes, m.last_time, m.calibrated_until
FROM grafana.meter m JOIN grafana.carrier c ON c.code = m.carrier
WHERE m.enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring})
    AND (m.valid_to IS NULL OR m.valid_to > now()) ORDER BY m.level, m.carrier, m.code;

-- centre_total --
-- The data centre in the month: all energy, that of IT equipment, and their ratio over the hours in which every meter of
-- both is known. At most this month's hours, meter by meter: no other month's partition is opened.
WITH span AS (
    SELECT to_date(${month:sqlstring}, 'YYYY-MM')::timestamp AT TIME ZONE ${zone:sqlstring} AS since,
        least(now(), (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month') AT TIME ZONE ${zone:sqlstring}) AS until),
part AS (
    SELECT id, is_it, dc_sign FROM grafana.meter
    WHERE enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring})
        AND carrier = 'electricity' AND (is_it OR dc_sign IS NOT NULL)),
hour AS (
    SELECT c.hour AS h, sum(part.dc_sign * c.amount) AS total, sum(c.amount) FILTER (WHERE part.is_it) AS it,
        count(c.amount) = (SELECT count(*) FROM part) AS known
    FROM grafana.consumption c JOIN part ON part.id = c.meter_id
    WHERE c.hour >= (SELECT since FROM span) AND c.hour < (SELECT until FROM span)
        AND c.hour = ANY(ARRAY(SELECT generate_series(since, until - interval '1 hour', interval '1 hour') FROM span))
        AND c.meter_id = ANY(ARRAY(SELECT id FROM part)) GROUP BY c.hour)
SELECT sum(total) AS total_kwh, sum(it) AS it_kwh,
    sum(total) FILTER (WHERE known) / nullif(sum(it) FILTER (WHERE known), 0) AS pue,
    count(*) FILTER (WHERE known) / nullif((SELECT extract(epoch FROM until - since) / 3600 FROM span), 0) AS known_share
FROM hour;

-- centre_days --
-- PUE of the data centre by day over the hours in which every meter is known, at most the last 31 days of the range.
WITH span AS (
    SELECT date_trunc('day', greatest($__timeFrom()::timestamptz, $__timeTo()::timestamptz - interval '31 days'),
        ${zone:sqlstring}) AS since, least($__timeTo()::timestamptz, now()) AS until),
part AS (
    SELECT id, is_it, dc_sign FROM grafana.meter
    WHERE enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring})
        AND carrier = 'electricity' AND (is_it OR dc_sign IS NOT NULL)),
hour AS (
    SELECT c.hour AS h, sum(part.dc_sign * c.amount) AS total, sum(c.amount) FILTER (WHERE part.is_it) AS it
    FROM grafana.consumption c JOIN part ON part.id = c.meter_id
    WHERE c.hour >= (SELECT since FROM span) AND c.hour <= (SELECT until FROM span)
        AND c.hour = ANY(ARRAY(SELECT generate_series(since, until, interval '1 hour') FROM span))
        AND c.meter_id = ANY(ARRAY(SELECT id FROM part))
    GROUP BY c.hour HAVING count(c.amount) = (SELECT count(*) FROM part))
SELECT date_trunc('day', h, ${zone:sqlstring}) AS time, sum(total) / nullif(sum(it), 0) AS pue FROM hour GROUP BY 1 ORDER BY 1;

-- centre_hours --
-- Mean power of the data centre and of its IT equipment by hours, at most the last 31 days of the range. An hour in which a
-- meter is unknown is left out. The hours are named one by one, so that the index on (hour, meter) finds each at once.
WITH span AS (
    SELECT date_trunc('hour', greatest($__timeFrom()::timestamptz, $__timeTo()::timestamptz - interval '31 days')) AS since,
        least($__timeTo()::timestamptz, now()) AS until),
part AS (
    SELECT id, is_it, dc_sign FROM grafana.meter
    WHERE enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring})
        AND carrier = 'electricity' AND (is_it OR dc_sign IS NOT NULL))
SELECT c.hour AS time, sum(part.dc_sign * c.amount) AS total_kw, sum(c.amount) FILTER (WHERE part.is_it) AS it_kw
FROM grafana.consumption c JOIN part ON part.id = c.meter_id
WHERE c.hour >= (SELECT since FROM span) AND c.hour <= (SELECT until FROM span)
    AND c.hour = ANY(ARRAY(SELECT generate_series(since, until, interval '1 hour') FROM span))
    AND c.meter_id = ANY(ARRAY(SELECT id FROM part))
GROUP BY c.hour HAVING count(c.amount) = (SELECT count(*) FROM part) ORDER BY c.hour;

-- centre_meters --
-- The meters that PUE is made of.
SELECT m.code, m.name, m.role, m.it_point, m.interval_minutes, m.last_time, m.calibrated_until FROM grafana.meter m
WHERE m.enterprise_id = (SELECT id FROM grafana.enterprise WHERE code = ${enterprise:sqlstring})
    AND m.carrier = 'electricity' AND (m.is_it OR m.dc_sign IS NOT NULL) ORDER BY m.is_it, m.code;

-- centre_ranking --
-- Data centres of the region by their PUE of twelve months, as judged; one that cannot be judged says why.
SELECT e.name, e.code, f.observed AS pue, f."limit", f.grade, f.it_point, f.months::int AS months, coalesce(f.state, 'cannot_judge') AS state,
    f.reason
FROM grafana.enterprise e LEFT JOIN grafana.finding f ON f.rule = 'pue' AND f.scope = 'enterprise' AND f.code = e.code
WHERE e.region IN (SELECT grafana.inside(${region:sqlstring})) AND e.status <> 'closed' AND (e.kind = 'data_centre' OR e.has_it)
ORDER BY f.observed DESC NULLS LAST, e.code, f.period DESC LIMIT 100;

-- warning_days --
-- How many warnings of the region were opened on each day of the range, by level.
SELECT date_trunc('day', opened, ${zone:sqlstring}) AS time,
    count(*) FILTER (WHERE level = 'red') AS red, count(*) FILTER (WHERE level = 'orange') AS orange,
    count(*) FILTER (WHERE level = 'yellow') AS yellow, count(*) FILTER (WHERE level = 'blue') AS blue
FROM grafana.alert
WHERE $__timeFilter(opened) AND (region = '' OR region IN (SELECT grafana.inside(${region:sqlstring})))
GROUP BY 1 ORDER BY 1;

-- warning_rules --
-- Warnings of the region that are not resolved, by rule.
SELECT coalesce(${rules:sqlstring}::jsonb ->> rule, rule) AS rule, count(*) AS alerts FROM grafana.alert
WHERE state <> 'resolved' AND (region = '' OR region IN (SELECT grafana.inside(${region:sqlstring})))
GROUP BY 1 ORDER BY 2 DESC, 1;

-- warning_list --
-- Warnings of the region that are not resolved, the worst and newest first.
SELECT a.level, a.name, a.code, coalesce(${rules:sqlstring}::jsonb ->> a.rule, a.rule) AS rule, a.period, a.message, a.certainty,
    a.state, a.opened
FROM grafana.alert a
WHERE a.state <> 'resolved' AND a.level IN (${level:sqlstring})
    AND (a.region = '' OR a.region IN (SELECT grafana.inside(${region:sqlstring})))
ORDER BY array_position(ARRAY['red', 'orange', 'yellow', 'blue'], a.level), a.opened DESC, a.id DESC LIMIT 300;

-- warning_events --
-- What happened to warnings of the region in the range, the newest first.
SELECT v.at, v.event, v.level, a.name, a.code, coalesce(${rules:sqlstring}::jsonb ->> a.rule, a.rule) AS rule, v.text AS message
FROM grafana.alert_event v JOIN grafana.alert a ON a.id = v.alert_id
WHERE $__timeFilter(v.at) AND v.level IN (${level:sqlstring})
    AND (a.region = '' OR a.region IN (SELECT grafana.inside(${region:sqlstring})))
ORDER BY v.at DESC, v.id DESC LIMIT 200;

-- warning_unjudged --
-- What cannot be judged in the region, by rule: never the same as "in order".
SELECT coalesce(${rules:sqlstring}::jsonb ->> rule, rule) AS rule, count(*) AS findings, count(DISTINCT code) AS units,
    min(reason) AS reason
FROM grafana.finding
WHERE state = 'cannot_judge' AND region IN (SELECT grafana.inside(${region:sqlstring})) GROUP BY 1 ORDER BY 2 DESC, 1;

-- quality_total --
-- How far the region's data of the month can be relied on: readings received of those expected, units without figures or with
-- figures that are "at least", meters silent for more than eight of their intervals, gateways offline, readings rejected.
WITH span AS (
    SELECT to_date(${month:sqlstring}, 'YYYY-MM') AS month,
        extract(epoch FROM to_date(${month:sqlstring}, 'YYYY-MM')::timestamp AT TIME ZONE ${zone:sqlstring})::float8 AS since,
        extract(epoch FROM least(now(), (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month')
            AT TIME ZONE ${zone:sqlstring}))::float8 AS until),
unit AS (
    SELECT id, code FROM grafana.enterprise
    WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed'),
used AS (
    SELECT sum(received) AS received, count(*) AS units, count(*) FILTER (WHERE at_least) AS at_least FROM (
        SELECT sum(u.received) AS received, bool_or(u.at_least) AS at_least
        FROM grafana.usage_month u JOIN unit ON unit.id = u.enterprise_id
        WHERE u.month = to_date(${month:sqlstring}, 'YYYY-MM') AND NOT u.is_medium GROUP BY u.enterprise_id) each),
due AS (
    SELECT sum(greatest(0, floor(least(k.until, span.until) / k.interval_s) - ceil(greatest(k.first, span.since) / k.interval_s))) AS readings
    FROM grafana.counting_meter k JOIN unit ON unit.id = k.enterprise_id, span)
SELECT least(1, used.received / nullif(due.readings, 0)) AS completeness, (SELECT count(*) FROM unit) - used.units AS no_figures,
    used.at_least AS at_least_units,
    (SELECT count(*) FROM grafana.meter m JOIN unit ON unit.id = m.enterprise_id
        WHERE m.kind <> 'virtual' AND (m.valid_to IS NULL OR m.valid_to > now())
            AND (m.last_time IS NULL OR m.last_time < now() - 8 * m.interval_minutes * interval '1 minute')) AS silent,
    (SELECT count(*) FROM grafana.gateway g JOIN unit ON unit.id = g.enterprise_id WHERE g.state = 'offline') AS offline,
    (SELECT coalesce(sum(r.count), 0)::bigint FROM grafana.rejected_count r JOIN unit ON unit.code = r.enterprise
        WHERE r.day >= span.month AND r.day < (span.month + interval '1 month')::date) AS rejected
FROM used, due, span;

-- quality_days --
-- Readings received of those expected, in the region by day, at most the last 31 days of the range; today up to now.
WITH day AS (
    SELECT d::date AS day, extract(epoch FROM d AT TIME ZONE ${zone:sqlstring})::float8 AS since,
        extract(epoch FROM least(now(), (d + interval '1 day') AT TIME ZONE ${zone:sqlstring}))::float8 AS until
    FROM generate_series(date_trunc('day', greatest($__timeFrom()::timestamptz, $__timeTo()::timestamptz - interval '31 days')
            AT TIME ZONE ${zone:sqlstring}),
        least($__timeTo()::timestamptz, now()) AT TIME ZONE ${zone:sqlstring}, interval '1 day') d),
unit AS (
    SELECT id FROM grafana.enterprise
    WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed'),
alike AS (
    SELECT k.interval_s, k.first, k.until, count(*) AS meters FROM grafana.counting_meter k JOIN unit ON unit.id = k.enterprise_id
    GROUP BY k.interval_s, k.first, k.until),
due AS (
    SELECT day.day, sum(meters * greatest(0, floor(least(alike.until, day.until) / interval_s)
        - ceil(greatest(alike.first, day.since) / interval_s))) AS readings
    FROM day CROSS JOIN alike GROUP BY day.day),
used AS (
    SELECT u.day, u.carrier, sum(u.received) AS received FROM grafana.usage_day u JOIN unit ON unit.id = u.enterprise_id
    WHERE u.day >= (greatest($__timeFrom()::timestamptz, $__timeTo()::timestamptz - interval '31 days')
            AT TIME ZONE ${zone:sqlstring})::date
        AND u.day <= ($__timeTo()::timestamptz AT TIME ZONE ${zone:sqlstring})::date GROUP BY u.day, u.carrier),
heard AS (
    SELECT used.day, sum(used.received) AS received FROM used JOIN grafana.carrier c ON c.code = used.carrier
    WHERE NOT c.is_medium GROUP BY used.day)
SELECT due.day::timestamp AT TIME ZONE ${zone:sqlstring} AS time,
    least(1, coalesce(heard.received, 0) / nullif(due.readings, 0)) AS completeness
FROM due LEFT JOIN heard ON heard.day = due.day ORDER BY due.day;

-- quality_units --
-- Key units by the completeness of the month, the worst first, with the share of their tce that stands by estimate and what
-- the flags say.
WITH span AS (
    SELECT to_date(${month:sqlstring}, 'YYYY-MM') AS month,
        extract(epoch FROM to_date(${month:sqlstring}, 'YYYY-MM')::timestamp AT TIME ZONE ${zone:sqlstring})::float8 AS since,
        extract(epoch FROM least(now(), (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month')
            AT TIME ZONE ${zone:sqlstring}))::float8 AS until),
unit AS (
    SELECT id, code, name, region_name FROM grafana.enterprise
    WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed'),
used AS (
    SELECT u.enterprise_id, sum(u.received) AS received, bit_or(u.flags) AS flags, bool_or(u.at_least) AS at_least,
        sum(u.tce_equivalent * least(1, u.estimated / nullif(u.amount, 0))) / nullif(sum(u.tce_equivalent), 0) AS estimated
    FROM grafana.usage_month u JOIN unit ON unit.id = u.enterprise_id
    WHERE u.month = to_date(${month:sqlstring}, 'YYYY-MM') AND NOT u.is_medium GROUP BY u.enterprise_id),
due AS (
    SELECT k.enterprise_id, count(*) AS meters,
        sum(greatest(0, floor(least(k.until, span.until) / k.interval_s) - ceil(greatest(k.first, span.since) / k.interval_s))) AS readings
    FROM grafana.counting_meter k JOIN unit ON unit.id = k.enterprise_id, span GROUP BY k.enterprise_id),
worst AS (
    SELECT unit.name, unit.code, unit.region_name AS region, coalesce(due.meters, 0) AS meters, due.readings AS expected,
        coalesce(used.received, 0) AS received, least(1, coalesce(used.received, 0) / nullif(due.readings, 0)) AS completeness,
        used.estimated AS estimated_share, coalesce(used.at_least, true) AS at_least, coalesce(used.flags, 0) AS bits
    FROM unit LEFT JOIN used ON used.enterprise_id = unit.id LEFT JOIN due ON due.enterprise_id = unit.id
    ORDER BY completeness NULLS FIRST, unit.code LIMIT 200)
SELECT name, code, region, meters, expected, received, completeness, estimated_share, at_least,
    (SELECT string_agg(f.value, '、' ORDER BY f.key::int) FROM jsonb_each_text(${flags:sqlstring}::jsonb) f
        WHERE bits & f.key::int <> 0) AS flags
FROM worst ORDER BY completeness NULLS FIRST, code;

-- quality_scores --
-- Scores of the month from 0 to 100 with the six parts they are made of, the lowest first.
SELECT e.name, e.code, q.score, q.completeness, q.accuracy, q.timeliness, q.verifiability, q.validity, q.conformity,
    q.valid_transmission, q.warnings, q.duties, q.computed
FROM grafana.quality_month q JOIN grafana.enterprise e ON e.id = q.enterprise_id
WHERE q.month = to_date(${month:sqlstring}, 'YYYY-MM') AND e.region IN (SELECT grafana.inside(${region:sqlstring}))
    AND e.status <> 'closed' ORDER BY q.score NULLS FIRST, e.code LIMIT 200;

-- quality_flags --
-- In how many key units each quality flag stands on a figure of the month.
WITH unit AS (
    SELECT id FROM grafana.enterprise
    WHERE region IN (SELECT grafana.inside(${region:sqlstring})) AND status <> 'closed'),
used AS (
    SELECT u.enterprise_id, bit_or(u.flags) AS flags FROM grafana.usage_month u JOIN unit ON unit.id = u.enterprise_id
    WHERE u.month = to_date(${month:sqlstring}, 'YYYY-MM') GROUP BY u.enterprise_id)
SELECT f.value AS flag, count(*) AS units FROM used JOIN jsonb_each_text(${flags:sqlstring}::jsonb) f ON used.flags & f.key::int <> 0
GROUP BY f.key, f.value ORDER BY units DESC, f.key::int;

-- quality_silent --
-- Meters that have been silent for more than eight of their intervals or have never spoken, the longest silence first.
SELECT e.name, e.code, m.code AS meter, m.name AS meter_name, m.last_time,
    extract(epoch FROM now() - m.last_time)::float8 AS silent_s
FROM grafana.meter m JOIN grafana.enterprise e ON e.id = m.enterprise_id
WHERE e.region IN (SELECT grafana.inside(${region:sqlstring})) AND e.status <> 'closed' AND (m.valid_to IS NULL OR m.valid_to > now())
    AND m.kind <> 'virtual' AND (m.last_time IS NULL OR m.last_time < now() - 8 * m.interval_minutes * interval '1 minute')
ORDER BY m.last_time NULLS FIRST, e.code, m.code LIMIT 200;

-- quality_calibration --
-- Meters of the region whose calibration has ended or ends within sixty days, the earliest first.
SELECT e.name, e.code, m.code AS meter, m.name AS meter_name, m.calibrated_until
FROM grafana.meter m JOIN grafana.enterprise e ON e.id = m.enterprise_id
WHERE e.region IN (SELECT grafana.inside(${region:sqlstring})) AND e.status <> 'closed' AND (m.valid_to IS NULL OR m.valid_to > now())
    AND m.calibrated_until < current_date + 60
ORDER BY m.calibrated_until, e.code, m.code LIMIT 200;

-- quality_rejected --
-- Readings and messages that were rejected in the month, by enterprise and reason.
SELECT e.name, e.code, r.reason, sum(r.count)::bigint AS rejected
FROM grafana.rejected_count r JOIN grafana.enterprise e ON e.code = r.enterprise
WHERE e.region IN (SELECT grafana.inside(${region:sqlstring})) AND r.day >= to_date(${month:sqlstring}, 'YYYY-MM')
    AND r.day < (to_date(${month:sqlstring}, 'YYYY-MM') + interval '1 month')::date
GROUP BY e.name, e.code, r.reason ORDER BY rejected DESC, e.code, r.reason LIMIT 200;

-- quality_rejected_days --
-- How many were rejected on each day of the range, by reason.
SELECT r.day::timestamp AT TIME ZONE ${zone:sqlstring} AS time, r.reason AS metric, sum(r.count)::bigint AS rejected
FROM grafana.rejected_count r JOIN grafana.enterprise e ON e.code = r.enterprise
WHERE e.region IN (SELECT grafana.inside(${region:sqlstring}))
    AND r.day >= ($__timeFrom()::timestamptz AT TIME ZONE ${zone:sqlstring})::date
    AND r.day <= ($__timeTo()::timestamptz AT TIME ZONE ${zone:sqlstring})::date
GROUP BY 1, 2 ORDER BY 1, 2;

-- quality_gateways --
-- What the gateways of the region last said about themselves, those offline first.
SELECT e.name, e.code, g.code AS gateway, g.state, g.since FROM grafana.gateway g JOIN grafana.enterprise e ON e.id = g.enterprise_id
WHERE e.region IN (SELECT grafana.inside(${region:sqlstring})) AND e.status <> 'closed'
ORDER BY g.state <> 'offline', g.since, e.code, g.code LIMIT 200;
