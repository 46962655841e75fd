-- parties --
-- The main meters of an enterprise with the meters below them that measure the same carrier, the main one of each first.
-- A meter is a main one where another one names it as its parent.
WITH main AS (
    SELECT DISTINCT p.id, p.code, p.carrier FROM meter m
    JOIN meter p ON p.enterprise_id = m.enterprise_id AND p.code = m.parent AND p.carrier = m.carrier
    WHERE m.enterprise_id = %(enterprise)s)
SELECT main.code AS main, c.code AS carrier, c.name_zh, c.name_en, c.is_medium, c.unit, c.category, m.id,
    m.code, m.name, m.role, m.accuracy_class, m.valid_from, m.valid_to, s.first_time
FROM main JOIN meter m ON m.enterprise_id = %(enterprise)s AND m.carrier = main.carrier AND (m.id = main.id OR m.parent = main.code)
JOIN carrier c ON c.code = m.carrier LEFT JOIN meter_span s ON s.meter_id = m.id
ORDER BY c.code, main.code, m.id <> main.id, m.code;

-- hours --
-- What was measured of these whole hours, as arrays: neither bounded nor placed by estimate, nor in part. Hours are named,
-- so that the planner can look each meter's up where very many meters have rows.
SELECT array_agg(meter_id), array_agg(hour), array_agg(amount) FROM consumption
WHERE hour = ANY(%(hours)s::timestamptz[]) AND meter_id = ANY(%(meters)s::int[]) AND amount IS NOT NULL AND NOT bounded
    AND coalesce(estimated, 0) = 0 AND covered_s >= 3600 - %(tolerance_s)s;
