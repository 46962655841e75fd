-- shards --
-- In which shards anything is to be judged: everything about one enterprise or region is in one.
SELECT DISTINCT hashtext(code) & 63 AS shard FROM stale_judgement ORDER BY shard;

-- own_shards --
-- Become the only one judging these shards until commit; those taken by others are left to them.
SELECT shard FROM unnest(%(shards)s::int[]) AS shard WHERE pg_try_advisory_xact_lock(%(lock)s, shard);

-- take --
-- What must be judged again of shards we own. Ask before reading anything: what is marked meanwhile waits.
DELETE FROM stale_judgement WHERE id IN (
    SELECT id FROM stale_judgement WHERE hashtext(code) & 63 = ANY(%(shards)s::int[]) ORDER BY id LIMIT %(most)s)
RETURNING scope, code, why;

-- mark_all --
-- Judge everything anew: a new day has begun, or the rules have changed. Each worker says so; what still waits waits once.
INSERT INTO stale_judgement (scope, code, why)
SELECT scope, code, %(why)s FROM (
    SELECT 'enterprise' AS scope, code FROM enterprise WHERE status <> 'closed'
    UNION ALL SELECT DISTINCT 'region', code FROM quota WHERE scope = 'region') every
EXCEPT SELECT scope, code, why FROM stale_judgement;

-- quotas --
-- Quotas of these enterprises or regions that hold by a day, with what a quota may be divided by.
SELECT q.scope, q.code, q.metric, q.product, q.period, q."limit"::float8 AS "limit", q.unit, q.basis, q.boundary, q.kind,
    q.direction, q.denominator, q.price_base, q.document, coalesce(e.id, 0) AS enterprise_id,
    coalesce(e.name, r.name, q.code) AS name, e.floor_area_m2::float8 AS floor_area_m2, e.energy_users::float8 AS energy_users
FROM quota q
LEFT JOIN enterprise e ON q.scope = 'enterprise' AND e.code = q.code
LEFT JOIN region r ON q.scope = 'region' AND r.code = q.code
WHERE q.scope = %(scope)s AND q.code = ANY(%(codes)s) AND (q.valid_from IS NULL OR q.valid_from <= %(day)s);

-- used_months --
-- One figure of many enterprises over whole months [since, until), and the part of it since `recent`. high NULL: no upper
-- bound is known. Media are in no figure. Figures without bounds of their own are bounded like the amount they come from.
SELECT u.enterprise_id, sum(f.value), sum(coalesce(f.low, f.value, 0)),
    CASE WHEN count(f.high) = count(*) THEN sum(f.high) END,
    coalesce(sum(f.value) FILTER (WHERE u.month >= %(recent)s), 0),
    sum(u.covered_s)::bigint
FROM usage_month u JOIN carrier c ON c.code = u.carrier
CROSS JOIN LATERAL (SELECT
    CASE %(figure)s WHEN 'tce_equivalent' THEN u.tce_equivalent WHEN 'tce_equal_value' THEN u.tce_equal_value
        WHEN 'tce_assessed' THEN u.tce_assessed WHEN 'tco2' THEN u.tco2 WHEN 'coal_tce' THEN u.tce_equivalent
        ELSE u.amount END AS value,
    CASE %(figure)s WHEN 'tce_equivalent' THEN u.tce_equivalent_low WHEN 'tce_equal_value' THEN u.tce_equal_value_low
        WHEN 'coal_tce' THEN u.tce_equivalent_low WHEN 'tce_assessed' THEN u.tce_assessed * u.low / nullif(u.amount, 0)
        WHEN 'tco2' THEN u.tco2 * u.low / nullif(u.amount, 0) ELSE u.low END AS low,
    CASE %(figure)s WHEN 'tce_equivalent' THEN u.tce_equivalent_high WHEN 'tce_equal_value' THEN u.tce_equal_value_high
        WHEN 'coal_tce' THEN u.tce_equivalent_high
        WHEN 'tce_assessed' THEN CASE WHEN u.amount = 0 AND u.high = 0 THEN 0 ELSE u.tce_assessed * u.high / nullif(u.amount, 0) END
        WHEN 'tco2' THEN CASE WHEN u.amount = 0 AND u.high = 0 THEN 0 ELSE u.tco2 * u.high / nullif(u.amount, 0) END
        ELSE u.high END AS high) f
WHERE u.enterprise_id = ANY(%(ids)s) AND u.month >= %(since)s AND u.month < %(until)s AND NOT c.is_medium
    AND CASE %(figure)s WHEN 'kwh' THEN u.carrier = 'electricity' WHEN 'coal_kg' THEN c.category = 'coal'
        WHEN 'coal_tce' THEN c.category = 'coal' ELSE true END
GROUP BY u.enterprise_id;

-- used_today --
-- The same figure of the running day, which the path to date does not know yet.
SELECT u.enterprise_id, sum(CASE %(figure)s WHEN 'tce_equivalent' THEN u.tce_equivalent
    WHEN 'tce_equal_value' THEN u.tce_equal_value WHEN 'tce_assessed' THEN u.tce_assessed WHEN 'tco2' THEN u.tco2
    WHEN 'coal_tce' THEN u.tce_equivalent ELSE u.amount END)
FROM usage u JOIN carrier c ON c.code = u.carrier
WHERE u.enterprise_id = ANY(%(ids)s) AND u.day = %(day)s AND NOT c.is_medium
    AND CASE %(figure)s WHEN 'kwh' THEN u.carrier = 'electricity' WHEN 'coal_kg' THEN c.category = 'coal'
        WHEN 'coal_tce' THEN c.category = 'coal' ELSE true END
GROUP BY u.enterprise_id;

-- peaks --
-- The highest quarter hour of electricity of many enterprises over whole months.
SELECT DISTINCT ON (enterprise_id) enterprise_id, peak_kw, peak_at, bool_or(peak_partial) OVER (PARTITION BY enterprise_id)
FROM usage_month
WHERE enterprise_id = ANY(%(ids)s) AND month >= %(since)s AND month < %(until)s AND carrier = 'electricity' AND peak_kw IS NOT NULL
ORDER BY enterprise_id, peak_kw DESC, peak_at;

-- counting_version --
-- For which version of the registry the table of counting meters stands.
SELECT version FROM counting_version;

-- counting_meters --
-- What completeness is measured by: meters whose amounts enter their enterprise's, those with a validity of their own
-- listed, the others counted.
SELECT m.enterprise_id, m.carrier, c.category, c.is_medium,
    count(*) FILTER (WHERE m.valid_from IS NULL AND m.valid_to IS NULL), sum(m.interval_minutes)::bigint * 60,
    array_agg(m.valid_from) FILTER (WHERE m.valid_from IS NOT NULL OR m.valid_to IS NOT NULL),
    array_agg(m.valid_to) FILTER (WHERE m.valid_from IS NOT NULL OR m.valid_to IS NOT NULL)
FROM counting_meter k JOIN meter m ON m.id = k.meter_id JOIN carrier c ON c.code = m.carrier
WHERE k.sign <> 0 GROUP BY m.enterprise_id, m.carrier, c.category, c.is_medium;

-- slow_due --
-- Which of these enterprises have products or a data centre and something moved in what their yearly indicators are made
-- of: usage of a month that is over, an output, or the month itself.
SELECT e.id, e.code, e.name, e.region, e.altitude_m::float8 AS altitude_m FROM enterprise e LEFT JOIN judged j ON j.enterprise_id = e.id
WHERE e.code = ANY(%(codes)s) AND (EXISTS (SELECT FROM product p WHERE p.enterprise_id = e.id)
        OR EXISTS (SELECT FROM meter m WHERE m.enterprise_id = e.id AND m.role = 'it_load'))
    AND (j.at IS NULL OR j.at < %(month_began)s OR e.code = ANY(%(changed)s)
        OR EXISTS (SELECT FROM usage_month u WHERE u.enterprise_id = e.id AND u.month < %(month)s AND u.month >= %(since)s AND u.computed > j.at)
        OR EXISTS (SELECT FROM output o WHERE o.enterprise_id = e.id AND o.received > j.at));

-- slow_done --
-- Their yearly indicators are as of now.
INSERT INTO judged (enterprise_id, at) SELECT unnest(%(ids)s::int[]), %(now)s
ON CONFLICT (enterprise_id) DO UPDATE SET at = EXCLUDED.at;

-- products --
-- Product lines of these enterprises.
SELECT enterprise_id, product, name, unit, coalesce(process, '') AS process, coalesce(levels, '') AS levels, energy_rule,
    share::float8 AS share
FROM product WHERE enterprise_id = ANY(%(ids)s) ORDER BY enterprise_id, product;

-- outputs --
-- Their outputs. A product without any has no row.
SELECT enterprise_id, product, period, quantity::float8 AS quantity, unit, kind FROM output WHERE enterprise_id = ANY(%(ids)s);

-- parameters --
-- What corrections of the standards ask for; the period of a parameter is '' where it always holds.
SELECT enterprise_id, product, period, name, value::float8 FROM parameter WHERE enterprise_id = ANY(%(ids)s);

-- process_meters --
-- All meters of these enterprises, as far as product lines and data centres are told by them.
SELECT m.enterprise_id, m.id, m.code, m.role, coalesce(m.process, '') AS process, coalesce(m.product, '') AS product,
    coalesce(m.parent, '') AS parent, m.carrier, c.category, c.is_medium, coalesce(m.it_point, '') AS it_point,
    m.valid_from, m.valid_to
FROM meter m JOIN carrier c ON c.code = m.carrier WHERE m.enterprise_id = ANY(%(ids)s);

-- meter_months --
-- Consumption of these meters by local month, in the carrier's own unit; high NULL: no upper bound is known.
SELECT meter_id, date_trunc('month', hour AT TIME ZONE %(zone)s)::date, sum(amount), sum(coalesce(low, amount, 0)),
    CASE WHEN count(CASE WHEN low IS NULL THEN amount ELSE high END) = count(*)
        THEN sum(CASE WHEN low IS NULL THEN amount ELSE high END) END, sum(covered_s)::bigint
FROM consumption WHERE hour >= %(since)s AND hour < %(until)s AND meter_id = ANY(%(meters)s) GROUP BY 1, 2;

-- enterprise_months --
-- kgce and kWh of enterprises by month, for lines that are given a share of the whole.
SELECT u.enterprise_id, u.month, sum(u.tce_equivalent) * 1000, sum(u.amount) FILTER (WHERE u.carrier = 'electricity')
FROM usage_month u JOIN carrier c ON c.code = u.carrier
WHERE u.enterprise_id = ANY(%(ids)s) AND u.month >= %(since)s AND u.month < %(until)s AND NOT c.is_medium GROUP BY 1, 2;

-- levels --
-- All efficiency levels that name a value of a limit, access, advanced, benchmark or baseline line.
SELECT record_id, standard_no, effective_date, coalesce(replaces, ''), product, coalesce(process_or_condition, ''), indicator,
    coalesce(unit, ''), better, level1_advanced::float8, level2_access::float8, level3_limit::float8, benchmark::float8,
    baseline::float8, deadline, coalesce(correction_note, ''), confidence
FROM efficiency_level WHERE num_nonnulls(level1_advanced, level2_access, level3_limit, benchmark, baseline) > 0;

-- activity --
-- What is known of these enterprises or regions beside energy.
SELECT code, item, period, price_base, value::float8 FROM activity WHERE scope = %(scope)s AND code = ANY(%(codes)s);
