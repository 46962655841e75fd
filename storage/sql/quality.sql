-- keep --
-- One enterprise's month in place of what was told before; what was told later stays.
INSERT INTO quality_month (enterprise_id, month, computed, score, known, completeness, accuracy, timeliness, verifiability,
    validity, conformity, valid_transmission, warnings, duties, told)
SELECT id, %(month)s, %(computed)s, %(score)s, %(known)s, %(completeness)s, %(accuracy)s, %(timeliness)s, %(verifiability)s,
    %(validity)s, %(conformity)s, %(valid_transmission)s, %(warnings)s, %(duties)s, %(told)s::jsonb
FROM enterprise WHERE code = %(enterprise)s
ON CONFLICT (enterprise_id, month) DO UPDATE SET computed = excluded.computed, score = excluded.score,
    known = excluded.known, completeness = excluded.completeness, accuracy = excluded.accuracy,
    timeliness = excluded.timeliness, verifiability = excluded.verifiability, validity = excluded.validity,
    conformity = excluded.conformity, valid_transmission = excluded.valid_transmission, warnings = excluded.warnings,
    duties = excluded.duties, told = excluded.told
WHERE quality_month.computed <= excluded.computed;

-- kept --
-- One enterprise's month as it was last told.
SELECT told::text FROM quality_month q JOIN enterprise e ON e.id = q.enterprise_id
WHERE e.code = %(enterprise)s AND q.month = %(month)s;

-- ranked --
-- Every enterprise inside a region (NULL: all) that has meters, the worst first: not yet told, without a score, by score.
WITH RECURSIVE area AS (
    SELECT code FROM region WHERE code = %(region)s OR (%(region)s::text IS NULL AND parent IS NULL)
    UNION ALL SELECT r.code FROM region r JOIN area a ON r.parent = a.code)
SELECT e.code, e.name, r.name AS region_name, e.status, q.computed, q.score, q.known, q.completeness, q.accuracy,
    q.timeliness, q.verifiability, q.validity, q.conformity, q.valid_transmission, q.warnings, q.duties
FROM enterprise e JOIN region r ON r.code = e.region
LEFT JOIN quality_month q ON q.enterprise_id = e.id AND q.month = %(month)s
WHERE e.region IN (SELECT code FROM area) AND EXISTS (SELECT FROM meter m WHERE m.enterprise_id = e.id)
ORDER BY q.score NULLS FIRST, q.computed NULLS LAST, e.code;

-- due --
-- Whose month is to be told next, while nothing waits to be worked in: never told, or before today; of a month that is over
-- only if its figures were computed since.
SELECT e.code FROM enterprise e LEFT JOIN quality_month q ON q.enterprise_id = e.id AND q.month = %(month)s
WHERE NOT EXISTS (SELECT FROM stale_span) AND EXISTS (SELECT FROM meter m WHERE m.enterprise_id = e.id)
    AND (q.computed IS NULL OR q.computed < %(today)s AND (%(is_open)s OR EXISTS (
        SELECT FROM usage_month u WHERE u.enterprise_id = e.id AND u.month = %(month)s AND u.computed > q.computed)))
ORDER BY q.computed NULLS FIRST, e.id LIMIT 1;
