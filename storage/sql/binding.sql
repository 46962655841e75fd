-- near --
-- Which of these meters have refused days, or any that are named in `meters`, where NULL asks for all.
SELECT DISTINCT meter_id FROM unbound_day
WHERE until > %(since)s AND since < %(until)s AND (%(meters)s::int[] IS NULL OR meter_id = ANY(%(meters)s::int[]));

-- days --
-- The refused days of these meters that touch [since, until).
SELECT meter_id, since, until, why, fallen, steps FROM unbound_day
WHERE meter_id = ANY(%(meters)s::int[]) AND until > %(since)s AND since < %(until)s ORDER BY meter_id, since;

-- forget --
DELETE FROM unbound_day WHERE meter_id = %(meter)s AND since = ANY(%(days)s::timestamptz[]);

-- keep --
INSERT INTO unbound_day (meter_id, since, until, why, fallen, steps)
VALUES (%(meter)s, %(since)s, %(until)s, %(why)s, %(falls)s, %(steps)s)
ON CONFLICT (meter_id, since) DO UPDATE
SET until = EXCLUDED.until, why = EXCLUDED.why, fallen = EXCLUDED.fallen, steps = EXCLUDED.steps;

-- lately --
-- Meters that were refused since then, with the last such day, how many there were, and what the last one looked like.
SELECT DISTINCT ON (e.code, m.code) e.code, m.code, u.since, count(*) OVER (PARTITION BY u.meter_id), u.why
FROM unbound_day u JOIN meter m ON m.id = u.meter_id JOIN enterprise e ON e.id = m.enterprise_id
WHERE u.since >= %(since)s ORDER BY e.code, m.code, u.since DESC;
