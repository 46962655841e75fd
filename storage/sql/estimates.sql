-- reaching --
-- Meters with estimates that count and reach beyond an instant, and until when.
SELECT meter_id, max(until) FROM estimate WHERE withdrawn_at IS NULL AND until > %(since)s GROUP BY meter_id;

-- standing --
-- Estimates that count for these meters in [since, until), each meter's in the order in which they were made.
SELECT meter_id, since, until, begins, step_s, amounts, lows, highs FROM estimate
WHERE meter_id = ANY(%(meters)s::int[]) AND withdrawn_at IS NULL AND until > %(since)s AND since < %(until)s
ORDER BY meter_id, id;

-- keep --
INSERT INTO estimate (meter_id, since, until, begins, step_s, amounts, lows, highs, method, reference_days, written, author)
VALUES (%(meter)s, %(since)s, %(until)s, %(begins)s, %(step_s)s, %(amounts)s, %(lows)s, %(highs)s, %(method)s,
    %(reference_days)s, %(now)s, %(actor)s)
RETURNING id;

-- listed --
-- Every estimate ever made, of one enterprise or meter or of all, that touches [since, until) where that is given. amount, low,
-- high: in the meter's unit, its multiplier left out; those of a register are what its readings would have risen by.
SELECT n.id, e.code AS enterprise, m.code AS meter, n.since, n.until,
    (SELECT sum(a) FROM unnest(n.amounts) a) AS amount, (SELECT sum(a) FROM unnest(n.lows) a) AS low,
    (SELECT sum(a) FROM unnest(n.highs) a) AS high, m.unit, m.multiplier::float8 AS multiplier, n.method, n.reference_days,
    n.written, n.author, n.withdrawn_at, n.withdrawn_by
FROM estimate n JOIN meter m ON m.id = n.meter_id JOIN enterprise e ON e.id = m.enterprise_id
WHERE (%(enterprise)s::text IS NULL OR e.code = %(enterprise)s) AND (%(meter)s::text IS NULL OR m.code = %(meter)s)
    AND (%(since)s::timestamptz IS NULL OR n.until > %(since)s) AND (%(until)s::timestamptz IS NULL OR n.since < %(until)s)
ORDER BY e.code, m.code, n.since, n.id;

-- held --
-- One estimate, which nobody else may withdraw until commit.
SELECT meter_id, since, until, withdrawn_by FROM estimate WHERE id = %(id)s FOR UPDATE;

-- withdraw --
-- From now on it does not count; it stays on record.
UPDATE estimate SET withdrawn_at = %(now)s, withdrawn_by = %(actor)s WHERE id = %(id)s;

-- meters --
-- The meters of an enterprise whose gaps can be estimated, and when readings of each are expected from.
SELECT m.id, m.code, m.unit, m.interval_minutes, c.unit AS carrier_unit,
    coalesce(m.valid_from, s.first_time - CASE WHEN m.kind <> 'register' AND m.label = 'end'
        THEN make_interval(mins => m.interval_minutes) ELSE interval '0' END) AS begins, m.valid_to
FROM meter m
JOIN enterprise e ON e.id = m.enterprise_id
JOIN carrier c ON c.code = m.carrier
LEFT JOIN meter_span s ON s.meter_id = m.id
WHERE e.code = %(enterprise)s AND m.kind IN ('register', 'interval', 'power') AND (%(meter)s::text IS NULL OR m.code = %(meter)s)
ORDER BY m.code;

-- incomplete --
-- Enterprises with a counting meter of whose day [since, until) something is unknown though it has spoken before.
SELECT DISTINCT e.code FROM counting_meter k
JOIN enterprise e ON e.id = k.enterprise_id
JOIN meter m ON m.id = k.meter_id AND m.kind IN ('register', 'interval', 'power')
JOIN meter_span s ON s.meter_id = k.meter_id AND s.first_time < %(since)s
WHERE e.status = 'operating' AND (m.valid_to IS NULL OR m.valid_to >= %(until)s)
    AND (SELECT coalesce(sum(c.covered_s), 0) FROM consumption c
        WHERE c.meter_id = k.meter_id AND c.hour >= %(since)s AND c.hour < %(until)s)
        < extract(epoch FROM %(until)s::timestamptz - %(since)s::timestamptz) - 60
ORDER BY e.code;
