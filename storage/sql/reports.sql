-- subjects --
-- Everything that gets a monthly report: enterprises in operation or suspended that have meters or returns, and their regions.
WITH RECURSIVE watched AS (
    SELECT e.code, e.region FROM enterprise e
    WHERE e.status <> 'closed' AND (EXISTS (SELECT FROM meter m WHERE m.enterprise_id = e.id)
        OR EXISTS (SELECT FROM manual_return r WHERE r.enterprise_id = e.id))
), upward AS (
    SELECT code, parent FROM region WHERE code IN (SELECT region FROM watched)
    UNION SELECT r.code, r.parent FROM region r JOIN upward u ON r.code = u.parent
)
SELECT 'region' AS scope, code FROM upward UNION ALL SELECT 'enterprise', code FROM watched ORDER BY scope DESC, code;

-- region --
-- A region by its code.
SELECT code, name FROM region WHERE code = %(region)s;

-- carriers --
-- What carriers are called, and which of them are media that enter no total.
SELECT code, name_zh, name_en, is_medium FROM carrier ORDER BY category, code;

-- meters --
-- What each meter of an enterprise sent in [since, until), beside what it should have sent by its approved interval
-- while it was valid, with the flags of its hours and the end of its calibration.
SELECT m.code, m.name, c.name_zh AS carrier_zh, c.name_en AS carrier_en, m.interval_minutes, m.level, m.in_total,
    m.calibrated_until, m.accuracy_class,
    extract(epoch FROM greatest(interval '0', least(coalesce(m.valid_to, 'infinity'), %(until)s)
        - greatest(coalesce(m.valid_from, s.first_time, '-infinity'), %(since)s)))::float8 / (60 * m.interval_minutes) AS expected,
    coalesce(sum(u.received), 0)::bigint AS received, coalesce(bit_or(u.flags), 0) AS flags, max(s.last_time) AS last_time
FROM meter m JOIN carrier c ON c.code = m.carrier
LEFT JOIN meter_span s ON s.meter_id = m.id
LEFT JOIN consumption u ON u.meter_id = m.id AND u.hour >= %(since)s AND u.hour < %(until)s
WHERE m.enterprise_id = %(enterprise)s AND m.kind <> 'virtual'
    AND coalesce(m.valid_from, '-infinity') < %(until)s AND coalesce(m.valid_to, 'infinity') > %(since)s
GROUP BY m.id, c.code, s.first_time ORDER BY m.carrier, m.level, m.code;

-- products --
-- The product lines of an enterprise with the qualified output of a month; NULL where nothing was returned.
SELECT p.product, p.name, p.unit, p.process, p.line, p.energy_rule, o.quantity::float8, o.unit AS quantity_unit, o.source
FROM product p LEFT JOIN output o ON o.enterprise_id = p.enterprise_id AND o.product = p.product
    AND o.period = %(month)s AND o.kind = 'qualified'
WHERE p.enterprise_id = %(enterprise)s ORDER BY p.product;

-- rejected --
-- Messages and readings that were refused in [since, until), by reason.
SELECT reason, sum(count)::bigint AS count FROM rejected_count
WHERE enterprise = %(code)s AND day >= %(since)s AND day < %(until)s GROUP BY reason ORDER BY reason;

-- factors --
-- The factors that made a figure, with their source and validity.
SELECT f.id, f.carrier, c.name_zh AS carrier_zh, c.name_en AS carrier_en,
    CASE WHEN f.kgco2_per_mj IS NOT NULL AND f.kgce_per_unit IS NULL AND f.kgco2_per_unit IS NULL THEN 'MJ' ELSE f.unit END AS unit,
    coalesce(f.kgce_per_unit, round(f.lhv_kj_per_unit / 29307.6, 6))::float8 AS kgce_per_unit,
    f.kgce_equal_per_unit::float8, coalesce(f.kgco2_per_unit, f.kgco2_per_mj)::float8 AS kgco2_per_unit, f.method, f.confidence, f.valid_from, f.valid_to, f.source
FROM factor f JOIN carrier c ON c.code = f.carrier WHERE f.id = ANY(%(ids)s) ORDER BY f.carrier, f.valid_from, f.id;

-- factors_used --
-- Which factors the days [since, until) of an enterprise were converted with.
SELECT DISTINCT factor FROM usage u, LATERAL (VALUES (u.factor_equivalent), (u.factor_equal_value), (u.factor_co2)) v(factor)
WHERE u.enterprise_id = %(enterprise)s AND u.day >= %(since)s AND u.day < %(until)s AND factor IS NOT NULL ORDER BY factor;

-- units --
-- Every enterprise of a region and what it used in one month, the month before and the same month a year before, in t.
-- Sums run in a fixed order. NULL: nothing is known. bounded: the figure is only a lower bound. expected and received:
-- readings of the meters that count into the total.
WITH RECURSIVE area AS (
    SELECT code FROM region WHERE code = %(region)s
    UNION ALL SELECT r.code FROM region r JOIN area a ON r.parent = a.code
), used AS (
    SELECT u.enterprise_id, u.month, sum(u.tce_equivalent ORDER BY u.carrier) AS tce_equivalent,
        sum(u.tce_equal_value ORDER BY u.carrier) AS tce_equal_value, sum(u.tco2 ORDER BY u.carrier) AS tco2,
        bool_or(u.amount IS NULL OR u.high IS NULL OR u.tce_equivalent IS NULL) AS bounded
    FROM usage_month u JOIN carrier c ON c.code = u.carrier
    WHERE NOT c.is_medium AND u.month IN (%(month)s, %(before)s, %(year_before)s)
    GROUP BY u.enterprise_id, u.month
), spoken AS (
    SELECT k.enterprise_id, count(*) AS meters,
        sum(extract(epoch FROM greatest(interval '0', least(coalesce(m.valid_to, 'infinity'), %(until)s)
            - greatest(coalesce(m.valid_from, s.first_time, '-infinity'), %(since)s))) / (60 * m.interval_minutes))::float8
            AS expected
    FROM counting_meter k JOIN meter m ON m.id = k.meter_id LEFT JOIN meter_span s ON s.meter_id = m.id
    WHERE k.sign <> 0 AND coalesce(m.valid_from, '-infinity') < %(until)s AND coalesce(m.valid_to, 'infinity') > %(since)s
    GROUP BY k.enterprise_id
), heard AS (
    SELECT enterprise_id, sum(received)::bigint AS received FROM usage_month WHERE month = %(month)s GROUP BY enterprise_id
)
SELECT e.code, e.name, r.name AS region_name, i.name AS industry_name, e.key_class, e.status,
    now_.tce_equivalent, now_.tce_equal_value, now_.tco2, coalesce(now_.bounded, true) AS bounded,
    before_.tce_equivalent AS tce_before, coalesce(before_.bounded, true) AS bounded_before,
    year_.tce_equivalent AS tce_year_before, coalesce(year_.bounded, true) AS bounded_year_before,
    coalesce(s.meters, 0) AS meters, coalesce(h.received, 0) AS received, coalesce(s.expected, 0) AS expected,
    encode(l.head, 'hex') AS chain
FROM enterprise e JOIN region r ON r.code = e.region LEFT JOIN industry i ON i.code = e.industry
LEFT JOIN chain_head l ON l.enterprise_id = e.id AND l.number > 0
LEFT JOIN used now_ ON now_.enterprise_id = e.id AND now_.month = %(month)s
LEFT JOIN used before_ ON before_.enterprise_id = e.id AND before_.month = %(before)s
LEFT JOIN used year_ ON year_.enterprise_id = e.id AND year_.month = %(year_before)s
LEFT JOIN spoken s ON s.enterprise_id = e.id LEFT JOIN heard h ON h.enterprise_id = e.id
WHERE e.region IN (SELECT code FROM area) AND (e.status <> 'closed' OR now_.enterprise_id IS NOT NULL)
ORDER BY now_.tce_equivalent DESC NULLS LAST, e.code;

-- statistical_total --
-- The region's own energy total as imported from the statistics, for any period that lies in the year.
SELECT period, value::float8, unit, source FROM activity
WHERE scope = 'region' AND code = %(region)s AND item = 'region_tce' AND period LIKE %(year)s || '%%' ORDER BY period DESC;
