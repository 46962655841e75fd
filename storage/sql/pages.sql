-- snapshot --
-- One page is one moment: all its figures come from the same snapshot, and nothing can be written by mistake.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- freshness --
-- How new the figures are: the newest reading of all, and whether readings wait to be worked into them.
SELECT (SELECT max(last_time) FROM meter_span) AS newest_reading, EXISTS (SELECT FROM stale_span) AS waiting;

-- common_region --
-- The smallest region that has every enterprise inside: the province, where nobody asked for another one.
WITH RECURSIVE seat AS (SELECT region, count(*) AS units FROM enterprise GROUP BY region),
above AS (
    SELECT region AS code, units, 0 AS height FROM seat
    UNION ALL SELECT r.parent, a.units, a.height + 1 FROM above a JOIN region r ON r.code = a.code WHERE r.parent IS NOT NULL)
SELECT code FROM above GROUP BY code HAVING sum(units) = (SELECT sum(units) FROM seat) ORDER BY max(height) LIMIT 1;

-- lineage --
-- A region and all above it, the topmost first.
WITH RECURSIVE above AS (
    SELECT code, name, parent, 0 AS height FROM region WHERE code = %(region)s
    UNION ALL SELECT r.code, r.name, r.parent, a.height + 1 FROM above a JOIN region r ON r.code = a.parent)
SELECT code, name FROM above ORDER BY height DESC;

-- regions --
-- Regions that have enterprises, their own or in regions below: what a filter can usefully offer.
WITH RECURSIVE above AS (
    SELECT DISTINCT region AS code FROM enterprise
    UNION SELECT r.parent FROM above a JOIN region r ON r.code = a.code WHERE r.parent IS NOT NULL)
SELECT code, name FROM above JOIN region USING (code) ORDER BY code;

-- industries --
-- Industries that some enterprise has.
SELECT code, name FROM industry WHERE code IN (SELECT industry FROM enterprise) ORDER BY code;

-- units --
-- Every enterprise inside a region (NULL: all) with its place among the region's parts, how many meters it has, how
-- many of them have been silent for more than so many of their intervals, the slowest interval, and when one spoke last.
-- part: the child region it lies in, or the region itself.
WITH RECURSIVE area AS (
    SELECT code, code AS part FROM region WHERE parent IS NOT DISTINCT FROM %(region)s::text
    UNION ALL SELECT r.code, a.part FROM region r JOIN area a ON r.parent = a.code),
place AS (SELECT code, part FROM area UNION ALL SELECT code, code FROM region WHERE code = %(region)s),
spoken AS (
    SELECT m.enterprise_id, count(*) AS meters, max(m.interval_minutes) AS interval_minutes, max(s.last_time) AS last_time,
        count(*) FILTER (WHERE s.last_time IS NULL
            OR s.last_time < %(now)s - %(intervals)s * m.interval_minutes * interval '1 minute') AS silent_meters
    FROM meter m LEFT JOIN meter_span s ON s.meter_id = m.id
    WHERE m.kind <> 'virtual' AND (m.valid_to IS NULL OR m.valid_to > %(now)s) GROUP BY m.enterprise_id)
SELECT e.id, e.code, e.name, e.region, r.name AS region_name, p.part, pr.name AS part_name, e.industry,
    i.name AS industry_name, e.kind, e.status, e.key_class, coalesce(s.meters, 0) AS meters,
    coalesce(s.silent_meters, 0) AS silent_meters, coalesce(s.interval_minutes, 0) AS interval_minutes, s.last_time
FROM enterprise e JOIN place p ON p.code = e.region JOIN region r ON r.code = e.region JOIN region pr ON pr.code = p.part
LEFT JOIN industry i ON i.code = e.industry LEFT JOIN spoken s ON s.enterprise_id = e.id
ORDER BY e.code;

-- used --
-- What each enterprise used in the months [since, until) and in the last of them, `month`, in both bases. Media (water,
-- compressed air) are no part of the statistical total. A figure is NULL where nothing is known, at_least where a part is not.
WITH counted AS (
    SELECT u.*, u.tce_equivalent IS NULL OR u.tce_equivalent_high IS NULL
        OR u.tce_equivalent_high > u.tce_equivalent_low AS is_open
    FROM usage_month u JOIN carrier c ON c.code = u.carrier
    WHERE u.month >= %(since)s AND u.month < %(until)s AND NOT c.is_medium)
SELECT enterprise_id, sum(tce_equivalent), sum(tce_equal_value), sum(tce_assessed), sum(tco2), bool_or(is_open),
    sum(received)::bigint, sum(covered_s)::bigint,
    sum(tce_equivalent) FILTER (WHERE month = %(month)s), sum(tce_equal_value) FILTER (WHERE month = %(month)s),
    sum(tce_assessed) FILTER (WHERE month = %(month)s), sum(tco2) FILTER (WHERE month = %(month)s),
    coalesce(bool_or(is_open) FILTER (WHERE month = %(month)s), true),
    coalesce(sum(received) FILTER (WHERE month = %(month)s), 0)::bigint,
    coalesce(sum(covered_s) FILTER (WHERE month = %(month)s), 0)::bigint
FROM counted GROUP BY enterprise_id;

-- open_alerts --
-- Alerts that are not resolved, counted by whose they are and by level.
SELECT scope, code, level, count(*) AS count FROM alert WHERE state <> 'resolved' GROUP BY scope, code, level;

-- alerts --
-- Alerts by level, state, whose they are, and enterprises inside a region; the worst and newest first. state 'open'
-- means not resolved, so that an acknowledged one is not overlooked.
WITH RECURSIVE area AS (
    SELECT code FROM region WHERE code = %(region)s
    UNION ALL SELECT r.code FROM region r JOIN area a ON r.parent = a.code)
SELECT a.id, a.rule, a.scope, a.code, coalesce(e.name, r.name, a.code) AS name, a.subject, a.period, a.level, a.state,
    a.certainty, a.observed, a."limit", a.unit, a.basis, a.message, a.opened, a.changed, a.resolved, a.acknowledged_by,
    count(*) OVER () AS found
FROM alert a LEFT JOIN enterprise e ON a.scope = 'enterprise' AND e.code = a.code
LEFT JOIN region r ON a.scope = 'region' AND r.code = a.code
WHERE (%(id)s::bigint IS NULL OR a.id = %(id)s) AND (%(level)s::text IS NULL OR a.level = %(level)s)
    AND (%(state)s::text IS NULL OR a.state = %(state)s OR (%(state)s = 'open' AND a.state <> 'resolved'))
    AND (%(scope)s::text IS NULL OR a.scope = %(scope)s) AND (%(code)s::text IS NULL OR a.code = %(code)s)
    AND (%(region)s::text IS NULL OR coalesce(e.region, r.code) IN (SELECT code FROM area))
ORDER BY CASE WHEN %(newest)s THEN 0 ELSE array_position(ARRAY['red', 'orange', 'yellow', 'blue'], a.level) END,
    a.opened DESC, a.id DESC
LIMIT %(limit)s OFFSET %(offset)s;

-- alert_history --
-- What happened to one alert, the oldest first.
SELECT id, at, event, level, actor, text FROM alert_event WHERE alert_id = %(alert)s ORDER BY at, id;

-- deliveries --
-- To whom the events of one alert were told, or why not yet.
SELECT d.event_id, d.channel, d.state, d.tries, d.due, d.sent, d.error
FROM delivery d JOIN alert_event v ON v.id = d.event_id WHERE v.alert_id = %(alert)s ORDER BY d.event_id, d.channel;

-- findings --
-- Present outcomes of the rules, by state, whose they are, region and a beginning of the rule's name; only those that
-- have a level if they are to be enforced.
WITH RECURSIVE area AS (
    SELECT code FROM region WHERE code = %(region)s
    UNION ALL SELECT r.code FROM region r JOIN area a ON r.parent = a.code)
SELECT f.id, f.rule, f.scope, f.code, coalesce(e.name, r.name, f.code) AS name, f.subject,
    coalesce(nullif(p.name, ''), f.subject) AS subject_name, f.period, f.state, f.level, f.certainty, f.observed,
    f.observed_low, f.observed_high, f."limit", f.unit, f.basis, f.document, f.reason, f.inputs, f.judged,
    count(*) OVER () AS found
FROM finding f LEFT JOIN enterprise e ON f.scope = 'enterprise' AND e.code = f.code
LEFT JOIN region r ON f.scope = 'region' AND r.code = f.code
LEFT JOIN product p ON p.enterprise_id = e.id AND p.product = split_part(f.subject, ':', 1)
WHERE (%(state)s::text IS NULL OR f.state = %(state)s) AND (%(scope)s::text IS NULL OR f.scope = %(scope)s)
    AND (%(code)s::text IS NULL OR f.code = %(code)s) AND (%(rule)s::text IS NULL OR starts_with(f.rule, %(rule)s))
    AND (f.level IS NOT NULL OR NOT %(enforced)s)
    AND (%(region)s::text IS NULL OR coalesce(e.region, r.code) IN (SELECT code FROM area))
ORDER BY f.code, f.rule, f.subject, f.period DESC
LIMIT %(limit)s OFFSET %(offset)s;

-- facts --
-- One enterprise as the registry knows it.
SELECT e.id, e.code, e.name, e.region, r.name AS region_name, e.industry, i.name AS industry_name, e.kind,
    e.credit_code, e.legal_entity, s.name AS supervised_by, e.status, e.key_class, e.floor_area_m2, e.energy_users,
    e.commissioned_on, e.two_high
FROM enterprise e JOIN region r ON r.code = e.region LEFT JOIN industry i ON i.code = e.industry
LEFT JOIN region s ON s.code = e.supervised_by WHERE e.code = %(code)s;

-- months --
-- Months for which an enterprise has any usage, the newest first.
SELECT DISTINCT month FROM usage_month WHERE enterprise_id = %(enterprise)s ORDER BY month DESC;

-- quarter_hours --
-- Mean power by quarter hours of an enterprise's electricity in [since, until), one row an hour.
SELECT hour, ARRAY[q1, q2, q3, q4] AS quarters, peak_partial AS partial FROM usage_hour
WHERE enterprise_id = %(enterprise)s AND carrier = 'electricity' AND hour >= %(since)s AND hour < %(until)s ORDER BY hour;

-- last_spoken --
-- Between which instants the last readings of an enterprise's meters lie: bounds that keep other days' partitions out.
SELECT min(s.last_time) AS first, max(s.last_time) + interval '1 hour' AS until
FROM meter m JOIN meter_span s ON s.meter_id = m.id WHERE m.enterprise_id = %(enterprise)s;

-- meters --
-- The meters of an enterprise with the effective last value of each: the same precedence as everywhere. meter_span may
-- lag behind by less than an hour, so the last reading is looked for in the hour that begins with it.
SELECT m.code, m.name, m.carrier, c.name_zh AS carrier_zh, c.name_en AS carrier_en, m.kind, m.unit, m.multiplier::float8,
    m.interval_minutes, m.level, m.in_total, m.parent, m.role, m.site, m.process, m.product, m.it_point,
    m.accuracy_class, m.serial_no, m.calibrated_until, m.valid_from, m.valid_to, s.first_time, l.time AS last_time, l.value
FROM meter m JOIN carrier c ON c.code = m.carrier LEFT JOIN meter_span s ON s.meter_id = m.id
LEFT JOIN LATERAL (
    SELECT time, value FROM (
        SELECT time, value, seq, source FROM reading
        WHERE meter_id = m.id AND time >= s.last_time AND time < s.last_time + interval '1 hour'
            AND time >= %(first)s AND time < %(until)s
        UNION ALL SELECT time, value, seq, source FROM rival_reading
        WHERE meter_id = m.id AND time >= s.last_time AND time < s.last_time + interval '1 hour') said
    ORDER BY time DESC, source / 10 DESC, seq DESC NULLS LAST, value DESC LIMIT 1) l ON true
WHERE m.enterprise_id = %(enterprise)s AND m.kind <> 'virtual' ORDER BY m.carrier, m.level, m.code;

-- virtual_meters --
-- Meters that are computed from others.
SELECT v.code, v.name, c.name_zh AS carrier_zh, c.name_en AS carrier_en, v.unit, v.formula, v.in_total, v.role
FROM virtual_meter v JOIN carrier c ON c.code = v.carrier WHERE v.enterprise_id = %(enterprise)s ORDER BY v.code;

-- gateways --
-- What the gateways of an enterprise last said about themselves.
SELECT code, state, since FROM gateway WHERE enterprise_id = %(enterprise)s ORDER BY code;

-- reports --
-- Report runs, the newest period first; NULL asks for all.
SELECT w.id, w.report, w.scope, w.code, coalesce(e.name, r.name, w.code) AS name, w.period, w.due, w.state, w.finished,
    w.late, w.files, w.error, count(*) OVER () AS found
FROM report_run w LEFT JOIN enterprise e ON w.scope = 'enterprise' AND e.code = w.code
LEFT JOIN region r ON w.scope = 'region' AND r.code = w.code
WHERE (%(id)s::bigint IS NULL OR w.id = %(id)s) AND (%(scope)s::text IS NULL OR w.scope = %(scope)s)
    AND (%(code)s::text IS NULL OR w.code = %(code)s) AND (%(period)s::text IS NULL OR w.period = %(period)s)
ORDER BY w.period DESC, w.scope DESC, w.code, w.id LIMIT %(limit)s OFFSET %(offset)s;

-- progress --
-- How the rules see quotas that add up over days, one row a quota of this year: used, beside the path to date and the
-- forecast where those could be judged. NULL asks for all enterprises.
SELECT u.code, coalesce(e.name, u.code) AS name, u.subject, u.period, u.state, u.certainty, u.observed_low AS low,
    u.observed_high AS high, u."limit", u.unit, u.basis, u.document, u.reason, coalesce(u.inputs ->> 'metric', '') AS metric,
    coalesce(u.inputs ->> 'boundary', '') AS boundary, p."limit" AS path, p.state AS path_state, f.observed AS forecast,
    f.state AS forecast_state
FROM finding u LEFT JOIN enterprise e ON e.code = u.code
LEFT JOIN finding p ON p.rule = 'quota_path' AND (p.scope, p.code, p.subject, p.period) = (u.scope, u.code, u.subject, u.period)
LEFT JOIN finding f ON f.rule = 'quota_forecast' AND (f.scope, f.code, f.subject, f.period) = (u.scope, u.code, u.subject, u.period)
WHERE u.rule = 'quota_used' AND u.scope = 'enterprise' AND starts_with(u.period, %(year)s)
    AND (%(code)s::text IS NULL OR u.code = %(code)s)
ORDER BY u.code, u.period, u.subject;

-- expected --
-- What the counting meters of each enterprise should have sent in [since, until) and in [month, until): readings by the
-- approved interval, and the seconds they cover, while the meter was valid and, where that is not stated, since it first
-- spoke. patience_s: readings of the last three intervals may still be on their way.
WITH counting AS (
    SELECT k.enterprise_id, k.carrier, m.interval_minutes * 60 AS interval_s,
        date_part('epoch', coalesce(m.valid_from, s.first_time - CASE WHEN m.kind <> 'register' AND m.label = 'end'
            THEN make_interval(mins => m.interval_minutes) ELSE interval '0' END)) AS first,
        date_part('epoch', least(%(until)s, m.valid_to)) AS until
    FROM counting_meter k JOIN carrier c ON c.code = k.carrier
    CROSS JOIN LATERAL (SELECT * FROM meter WHERE id = k.meter_id OFFSET 0) m
    LEFT JOIN LATERAL (SELECT * FROM meter_span WHERE meter_id = k.meter_id OFFSET 0) s ON true
    WHERE k.sign <> 0 AND NOT c.is_medium),
begun AS (
    SELECT enterprise_id, interval_s, until, coalesce(first, min(first) OVER (PARTITION BY enterprise_id, carrier)) AS first
    FROM counting),
slot AS (
    SELECT enterprise_id, interval_s,
        greatest(0, floor(until / interval_s) - ceil(greatest(date_part('epoch', %(since)s::timestamptz), first) / interval_s)) AS year,
        greatest(0, floor(until / interval_s) - ceil(greatest(date_part('epoch', %(month)s::timestamptz), first) / interval_s)) AS month
    FROM begun)
SELECT enterprise_id, sum(year), sum(year * interval_s), sum(3 * interval_s)::float8,
    sum(month), sum(month * interval_s), sum(3 * interval_s)::float8
FROM slot GROUP BY enterprise_id;
