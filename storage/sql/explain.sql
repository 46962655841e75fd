-- enterprise --
SELECT id, code, name, region FROM enterprise WHERE code = %(enterprise)s;

-- meters --
-- The registered facts of an enterprise's meters that bear on figures, and when readings of each are expected from.
SELECT m.id, m.code, m.name, m.carrier, c.unit AS carrier_unit, m.kind, m.unit, m.multiplier, m.scale, m.register_max,
    m.interval_minutes, m.label, m.max_rate, m.role, m.level, m.in_total, m.parent, m.serial_no, m.accuracy_class,
    m.calibrated_until, m.valid_from, m.valid_to, p.level AS parent_level, p.in_total AS parent_in_total, p.role AS parent_role,
    coalesce(m.valid_from, s.first_time - CASE WHEN m.kind <> 'register' AND m.label = 'end'
        THEN make_interval(mins => m.interval_minutes) ELSE interval '0' END) AS begins
FROM meter m
JOIN enterprise e ON e.id = m.enterprise_id
JOIN carrier c ON c.code = m.carrier
LEFT JOIN meter p ON p.enterprise_id = m.enterprise_id AND p.code = m.parent
LEFT JOIN meter_span s ON s.meter_id = m.id
WHERE e.code = %(enterprise)s AND (%(meter)s::text IS NULL OR m.code = %(meter)s)
ORDER BY m.carrier, m.code;

-- days --
-- Usage by days in the columns that conversion gives them (storage.usage_rollup.converted).
SELECT enterprise_id, carrier, day, amount, low, high, bought, renewable, exported, feedstock,
    tce_equivalent, tce_equivalent_low, tce_equivalent_high, tce_equal_value, tce_equal_value_low, tce_equal_value_high,
    tce_assessed, tco2, tce_medium, peak_kw, peak_at, peak_partial, estimated, covered_s, received, flags,
    factor_equivalent, factor_equal_value, factor_co2
FROM usage
WHERE enterprise_id = %(enterprise_id)s AND day >= %(first)s AND day < %(last)s
ORDER BY carrier, day;

-- received --
-- Slots of the approved interval that were spoken for, by meter.
SELECT meter_id, sum(received)::bigint FROM consumption
WHERE meter_id = ANY(%(meters)s) AND hour >= %(since)s AND hour < %(until)s
GROUP BY meter_id;

-- stored --
-- How many readings lie there in [since, until], by meter and the way they came.
SELECT meter_id, source, count(*), min(received), max(received) FROM reading
WHERE meter_id = ANY(%(meters)s) AND time >= %(since)s AND time <= %(until)s
GROUP BY meter_id, source ORDER BY meter_id, source;

-- told --
-- Every value told for a time that was spoken for more than once.
WITH several AS (
    SELECT meter_id, time, value, source, seq, received FROM rival_reading
    WHERE meter_id = ANY(%(meters)s) AND time >= %(since)s AND time <= %(until)s)
SELECT meter_id, time, value, source, seq, received FROM several
UNION ALL
SELECT r.meter_id, r.time, r.value, r.source, r.seq, r.received
FROM (SELECT DISTINCT meter_id, time FROM several) s
CROSS JOIN LATERAL (SELECT * FROM reading WHERE time = s.time AND meter_id = s.meter_id OFFSET 0) r
ORDER BY meter_id, time;

-- readings --
-- The readings of one meter in [since, until] as they came; of times for which only an estimate came, that.
SELECT time, value, source, seq, received FROM reading
WHERE meter_id = %(meter)s AND time >= %(since)s AND time <= %(until)s
UNION ALL
SELECT * FROM (
    SELECT DISTINCT ON (v.time) v.time, v.value, v.source, v.seq, v.received FROM rival_reading v
    WHERE v.meter_id = %(meter)s AND v.time >= %(since)s AND v.time <= %(until)s AND v.source < 20 AND NOT EXISTS (
        SELECT FROM reading r WHERE r.time = v.time AND r.meter_id = v.meter_id)
    ORDER BY v.time, v.seq DESC NULLS LAST, v.value DESC) estimated
ORDER BY time;

-- events --
-- Dated changes at these metering points in [since, until).
SELECT meter_id, time, event, old_final, new_initial, new_serial, value, document FROM meter_event
WHERE meter_id = ANY(%(meters)s) AND time >= %(since)s AND time < %(until)s ORDER BY meter_id, time;

-- rejected --
-- What was received under these codes meanwhile and could not become a reading, and never did later.
SELECT meter, reason, count(*) FROM rejected_message
WHERE enterprise = %(enterprise)s AND meter = ANY(%(codes)s) AND received >= %(since)s AND received < %(until)s
    AND admitted IS NULL
GROUP BY meter, reason ORDER BY meter, reason;
