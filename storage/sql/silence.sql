-- enterprises --
-- Operating enterprises with the meters in use: how many have spoken, are silent, have never spoken, and which. A meter is
-- silent when its last reading is older than so many of its approved intervals, and what meter_span may lag behind.
SELECT e.code, e.name, count(*), count(s.meter_id), count(*) FILTER (WHERE t.silent), count(*) - count(s.meter_id),
    max(s.last_time), max(m.interval_minutes),
    (array_agg(m.code ORDER BY s.last_time, m.code) FILTER (WHERE t.silent))[1:5],
    (array_agg(m.code ORDER BY m.code) FILTER (WHERE s.meter_id IS NULL))[1:5],
    max(m.valid_from) FILTER (WHERE s.meter_id IS NULL)
FROM enterprise e JOIN meter m ON m.enterprise_id = e.id LEFT JOIN meter_span s ON s.meter_id = m.id
CROSS JOIN LATERAL (SELECT s.last_time < %(now)s - make_interval(mins => %(intervals)s * m.interval_minutes) - %(lag)s AS silent) t
WHERE e.status = 'operating' AND m.kind <> 'virtual' AND (m.valid_from IS NULL OR m.valid_from <= %(now)s) AND (m.valid_to IS NULL OR m.valid_to > %(now)s)
GROUP BY e.id ORDER BY e.code;

-- gateways --
-- Gateways of operating enterprises, and what they last said of themselves.
SELECT e.code, e.name, g.code, g.state, g.since FROM gateway g JOIN enterprise e ON e.id = g.enterprise_id
WHERE e.status = 'operating' ORDER BY e.code, g.code;

-- warned --
-- Of whom silence has been noticed before.
SELECT scope, rule, code, subject FROM finding WHERE rule = ANY(%(rules)s) AND (state <> 'ok' OR rule = 'never_reported');
