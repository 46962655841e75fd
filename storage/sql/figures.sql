-- counting --
-- The counting meters of an enterprise, or of all enterprises in some regions, with what completeness needs.
-- sign -1: what is missing of it may lower the sum, of a virtual meter too that may be below nought.
-- first_time: a register's first reading; of other kinds the beginning of the first interval that was told of.
SELECT k.enterprise_id, k.carrier, k.meter_id, m.interval_minutes, m.max_rate,
    coalesce(m.valid_from, s.first_time - CASE WHEN m.kind <> 'register' AND m.label = 'end'
        THEN make_interval(mins => m.interval_minutes) ELSE interval '0' END) AS since,
    m.valid_to AS until, CASE WHEN v.falls OR m.direction = 'net' THEN -1 ELSE k.sign END
FROM counting_meter k
JOIN meter m ON m.id = k.meter_id
LEFT JOIN virtual_meter v ON v.meter_id = k.meter_id
JOIN enterprise e ON e.id = k.enterprise_id
LEFT JOIN meter_span s ON s.meter_id = k.meter_id
WHERE k.sign <> 0 AND (%(enterprise)s::text IS NULL OR e.code = %(enterprise)s)
    AND (%(regions)s::text[] IS NULL OR e.region = ANY(%(regions)s::text[]))
ORDER BY k.carrier, k.meter_id;

-- meter --
-- One meter of an enterprise, NULL: all of them, in the same columns and its code, whether it counts or not.
SELECT m.enterprise_id, m.carrier, m.id, m.interval_minutes, m.max_rate,
    coalesce(m.valid_from, s.first_time - CASE WHEN m.kind <> 'register' AND m.label = 'end'
        THEN make_interval(mins => m.interval_minutes) ELSE interval '0' END) AS since,
    m.valid_to AS until, CASE WHEN v.falls OR m.direction = 'net' THEN -1 ELSE 1 END AS sign, m.code
FROM meter m JOIN enterprise e ON e.id = m.enterprise_id LEFT JOIN meter_span s ON s.meter_id = m.id
LEFT JOIN virtual_meter v ON v.meter_id = m.id
WHERE e.code = %(enterprise)s AND (%(meter)s::text IS NULL OR m.code = %(meter)s)
ORDER BY m.id;

-- by_days --
-- Usage of whole periods from days; sums run over enterprises and days in order. step: day or month.
SELECT u.carrier, date_trunc(%(step)s, u.day)::date AS period,
    CASE WHEN bool_or(u.amount IS NOT NULL) THEN sum(coalesce(u.amount, u.low) ORDER BY u.enterprise_id, u.day) END,
    sum(u.low ORDER BY u.enterprise_id, u.day),
    CASE WHEN bool_and(u.high IS NOT NULL OR u.low IS NULL) THEN sum(u.high ORDER BY u.enterprise_id, u.day) END,
    CASE WHEN bool_or(u.tce_equivalent IS NOT NULL)
        THEN sum(coalesce(u.tce_equivalent, u.tce_equivalent_low) ORDER BY u.enterprise_id, u.day) END,
    CASE WHEN bool_or(u.tce_equal_value IS NOT NULL)
        THEN sum(coalesce(u.tce_equal_value, u.tce_equal_value_low) ORDER BY u.enterprise_id, u.day) END,
    sum(u.tce_assessed ORDER BY u.enterprise_id, u.day), sum(u.tco2 ORDER BY u.enterprise_id, u.day),
    sum(u.tce_medium ORDER BY u.enterprise_id, u.day),
    max(ARRAY[u.peak_kw, -extract(epoch FROM u.peak_at)::float8]) FILTER (WHERE u.peak_kw IS NOT NULL),
    bool_or(u.peak_partial), sum(u.estimated ORDER BY u.enterprise_id, u.day), sum(u.covered_s)::bigint, sum(u.received)::bigint, bit_or(u.flags),
    array_agg(DISTINCT u.factor_equivalent) FILTER (WHERE u.factor_equivalent IS NOT NULL),
    array_agg(DISTINCT u.factor_equal_value) FILTER (WHERE u.factor_equal_value IS NOT NULL),
    array_agg(DISTINCT u.factor_co2) FILTER (WHERE u.factor_co2 IS NOT NULL)
FROM usage u JOIN enterprise e ON e.id = u.enterprise_id
WHERE u.day >= %(since)s AND u.day < %(until)s AND (%(enterprise)s::text IS NULL OR e.code = %(enterprise)s)
    AND (%(regions)s::text[] IS NULL OR e.region = ANY(%(regions)s::text[]))
GROUP BY 1, 2 ORDER BY 1, 2;

-- by_months --
-- The same from months, for ranges of whole months over many enterprises.
SELECT u.carrier, u.month AS period,
    CASE WHEN bool_or(u.amount IS NOT NULL) THEN sum(coalesce(u.amount, u.low) ORDER BY u.enterprise_id) END,
    sum(u.low ORDER BY u.enterprise_id),
    CASE WHEN bool_and(u.high IS NOT NULL OR u.low IS NULL) THEN sum(u.high ORDER BY u.enterprise_id) END,
    CASE WHEN bool_or(u.tce_equivalent IS NOT NULL)
        THEN sum(coalesce(u.tce_equivalent, u.tce_equivalent_low) ORDER BY u.enterprise_id) END,
    CASE WHEN bool_or(u.tce_equal_value IS NOT NULL)
        THEN sum(coalesce(u.tce_equal_value, u.tce_equal_value_low) ORDER BY u.enterprise_id) END,
    sum(u.tce_assessed ORDER BY u.enterprise_id), sum(u.tco2 ORDER BY u.enterprise_id), sum(u.tce_medium ORDER BY u.enterprise_id),
    NULL::float8[], bool_or(u.peak_partial), sum(u.estimated ORDER BY u.enterprise_id), sum(u.covered_s)::bigint, sum(u.received)::bigint,
    bit_or(u.flags), NULL::int[], NULL::int[], NULL::int[]
FROM usage_month u JOIN enterprise e ON e.id = u.enterprise_id
WHERE u.month >= %(since)s AND u.month < %(until)s AND e.region = ANY(%(regions)s::text[])
GROUP BY 1, 2 ORDER BY 1, 2;

-- hours --
-- Usage of an enterprise by hours: what `usage.days` gives for days.
SELECT u.enterprise_id, u.carrier, (u.hour AT TIME ZONE %(zone)s)::date, u.amount, u.low, u.high, u.bought, u.renewable,
    u.exported, u.feedstock,
    CASE WHEN p.kw IS NOT NULL THEN ARRAY[p.kw, -extract(epoch FROM u.hour + p.quarter * interval '15 min')::float8] END,
    u.peak_partial, u.estimated, u.covered_s, u.received, u.flags, u.hour
FROM usage_hour u JOIN enterprise e ON e.id = u.enterprise_id
CROSS JOIN LATERAL (SELECT greatest(u.q1, u.q2, u.q3, u.q4)) g(kw)
CROSS JOIN LATERAL (SELECT g.kw, CASE g.kw WHEN u.q1 THEN 0 WHEN u.q2 THEN 1 WHEN u.q3 THEN 2 ELSE 3 END) p(kw, quarter)
WHERE e.code = %(enterprise)s AND u.hour >= %(since)s AND u.hour < %(until)s
ORDER BY u.carrier, u.hour;

-- meter_hours --
-- Consumption of one meter by hours, in the columns of `hours`. Its peak is the largest mean of one interval.
SELECT m.enterprise_id, m.carrier, (c.hour AT TIME ZONE %(zone)s)::date, c.amount, coalesce(c.low, c.amount),
    CASE WHEN c.bounded THEN c.high ELSE c.amount END,
    CASE WHEN m.role NOT IN ('generation_renewable') THEN coalesce(c.amount, c.low) END,
    CASE WHEN m.role = 'generation_renewable' THEN coalesce(c.amount, c.low) END,
    NULL::float8, CASE WHEN m.role = 'feedstock' THEN coalesce(c.amount, c.low) END,
    CASE WHEN c.peak_rate IS NOT NULL AND r.unit IN ('kWh', 'MJ') THEN
        ARRAY[c.peak_rate / CASE r.unit WHEN 'MJ' THEN 3.6 ELSE 1 END, -extract(epoch FROM c.peak_at)::float8] END,
    false, coalesce(c.estimated, 0), c.covered_s, c.received, c.flags, c.hour
FROM consumption c JOIN meter m ON m.id = c.meter_id JOIN carrier r ON r.code = m.carrier
WHERE c.meter_id = %(meter_id)s AND c.hour >= %(since)s AND c.hour < %(until)s
ORDER BY c.hour;

-- meter_days --
-- The same of some meters by days, added up in order of time: what is known of an hour, and else its lower bound.
SELECT m.enterprise_id, m.carrier, d.day,
    CASE WHEN bool_or(c.amount IS NOT NULL) THEN sum(h.least ORDER BY c.hour) END, sum(coalesce(c.low, c.amount) ORDER BY c.hour),
    CASE WHEN bool_and(h.most IS NOT NULL OR coalesce(c.low, c.amount) IS NULL) THEN sum(h.most ORDER BY c.hour) END,
    CASE WHEN m.role <> 'generation_renewable' THEN sum(h.least ORDER BY c.hour) END,
    CASE WHEN m.role = 'generation_renewable' THEN sum(h.least ORDER BY c.hour) END,
    NULL::float8, CASE WHEN m.role = 'feedstock' THEN sum(h.least ORDER BY c.hour) END,
    max(CASE WHEN c.peak_rate IS NOT NULL AND r.unit IN ('kWh', 'MJ') THEN
        ARRAY[c.peak_rate / CASE r.unit WHEN 'MJ' THEN 3.6 ELSE 1 END, -extract(epoch FROM c.peak_at)::float8] END),
    false, sum(coalesce(c.estimated, 0) ORDER BY c.hour), sum(c.covered_s)::bigint, sum(c.received)::bigint, bit_or(c.flags), m.id
FROM consumption c JOIN meter m ON m.id = c.meter_id JOIN carrier r ON r.code = m.carrier
CROSS JOIN LATERAL (SELECT (c.hour AT TIME ZONE %(zone)s)::date) d(day)
CROSS JOIN LATERAL (SELECT coalesce(c.amount, c.low), CASE WHEN c.bounded THEN c.high ELSE c.amount END) h(least, most)
WHERE c.meter_id = ANY(%(meters)s::int[]) AND c.hour >= %(since)s AND c.hour < %(until)s
GROUP BY m.id, r.code, d.day ORDER BY m.id, d.day;

-- factors --
-- What there is to know of some factors.
SELECT id, kgce_per_unit, kgce_equal_per_unit, kgco2_per_unit, unit, method, confidence, valid_from, source,
    lhv_kj_per_unit, kgco2_per_mj, gas_condition
FROM factor WHERE id = ANY(%(ids)s::int[]);

-- units --
SELECT code, unit FROM carrier;

-- exists --
-- Whether there is such an enterprise; or such a meter of it.
SELECT EXISTS (SELECT FROM enterprise e LEFT JOIN meter m ON m.enterprise_id = e.id
    WHERE e.code = %(enterprise)s AND (%(meter)s::text IS NULL OR m.code = %(meter)s));
