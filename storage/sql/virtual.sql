-- register --
-- Give virtual meters, by enterprise and code, their rows among the meters, or bring those up to date. level 2: a blank
-- in_total does not count, for what a formula names has been counted already. Readings never come, so scale is not used.
INSERT INTO meter (enterprise_id, code, name, carrier, kind, unit, label, level, in_total, role, scale)
SELECT v.enterprise_id, v.code, v.name, v.carrier, 'virtual', v.unit, 'start', 2, v.in_total, v.role, 1
FROM virtual_meter v JOIN unnest(%(enterprises)s::int[], %(codes)s::text[]) AS given (enterprise_id, code) USING (enterprise_id, code)
ORDER BY v.enterprise_id, v.code
ON CONFLICT (enterprise_id, code) DO UPDATE SET name = EXCLUDED.name, carrier = EXCLUDED.carrier, unit = EXCLUDED.unit,
    in_total = EXCLUDED.in_total, role = EXCLUDED.role
WHERE meter.kind = 'virtual';

-- renew --
-- They have their meters; what their formulas name must be read again.
UPDATE virtual_meter v SET meter_id = m.id, named = ''
FROM unnest(%(enterprises)s::int[], %(codes)s::text[]) AS given (enterprise_id, code)
JOIN meter m ON m.enterprise_id = given.enterprise_id AND m.code = given.code AND m.kind = 'virtual'
WHERE v.enterprise_id = given.enterprise_id AND v.code = given.code;

-- keep_read --
-- What was read in formulas.
UPDATE virtual_meter v SET named = given.named, falls = given.falls
FROM unnest(%(meters)s::int[], %(named)s::text[], %(falls)s::bool[]) AS given (meter_id, named, falls)
WHERE v.meter_id = given.meter_id AND (v.named, v.falls) IS DISTINCT FROM (given.named, given.falls);

-- formulas --
-- The virtual meters of some enterprises, or of all.
SELECT v.enterprise_id, v.code, v.meter_id, v.formula, v.named, v.unit, v.carrier, c.unit, v.in_total
FROM virtual_meter v JOIN carrier c ON c.code = v.carrier
WHERE v.meter_id IS NOT NULL AND (%(enterprises)s::int[] IS NULL OR v.enterprise_id = ANY(%(enterprises)s::int[]))
ORDER BY v.enterprise_id, v.code;

-- around --
-- Every meter of the enterprises that have virtual ones, with what a formula must know of those it names.
SELECT m.enterprise_id, m.code, m.id, m.carrier, m.interval_minutes, m.valid_from, m.valid_to, m.kind = 'virtual',
    m.direction = 'net'
FROM meter m WHERE m.enterprise_id IN (SELECT enterprise_id FROM virtual_meter)
    AND (%(enterprises)s::int[] IS NULL OR m.enterprise_id = ANY(%(enterprises)s::int[]));

-- codes --
-- Every meter code of these enterprises.
SELECT e.code, m.code FROM enterprise e JOIN meter m ON m.enterprise_id = e.id WHERE e.code = ANY(%(codes)s::text[]);

-- written --
-- The formulas of these enterprises.
SELECT e.code, v.code, v.formula FROM enterprise e JOIN virtual_meter v ON v.enterprise_id = e.id
WHERE e.code = ANY(%(codes)s::text[]) ORDER BY 1, 2;

-- spans --
-- From when to when figures of these meters may lie there: what they told of, and what was computed.
SELECT s.meter_id, s.first_time - make_interval(mins => m.interval_minutes), s.last_time
FROM meter_span s JOIN meter m ON m.id = s.meter_id WHERE s.meter_id = ANY(%(meters)s::int[]);

-- keep_spans --
-- A virtual meter begins with the first of the meters behind it, by its validity or its first reading, and ends with the
-- last. last_time may be behind by an hour, like any meter's.
INSERT INTO meter_span AS known (meter_id, first_time, last_time)
SELECT p.virtual_id, min(coalesce(m.valid_from, s.first_time - CASE WHEN m.kind <> 'register' AND m.label = 'end'
    THEN make_interval(mins => m.interval_minutes) ELSE interval '0' END)), max(s.last_time)
FROM unnest(%(virtuals)s::int[], %(meters)s::int[]) AS p (virtual_id, meter_id)
JOIN meter m ON m.id = p.meter_id JOIN meter_span s ON s.meter_id = p.meter_id
GROUP BY p.virtual_id ORDER BY p.virtual_id
ON CONFLICT (meter_id) DO UPDATE SET first_time = EXCLUDED.first_time, last_time = EXCLUDED.last_time
WHERE known.first_time <> EXCLUDED.first_time OR known.last_time NOT BETWEEN EXCLUDED.last_time - interval '1 hour' AND EXCLUDED.last_time;

-- wanted --
-- Hours of meters that formulas ask for.
CREATE TEMP TABLE IF NOT EXISTS wanted_hour (place int, meter_id int, hour timestamptz) ON COMMIT DELETE ROWS;

-- empty_wanted --
TRUNCATE wanted_hour;

-- copy_wanted --
COPY wanted_hour (place, meter_id, hour) FROM STDIN (FORMAT binary);

-- hours --
-- Their consumption as far as there is any, as arrays; place says whose. OFFSET 0: one look-up a row, whatever the
-- planner believes of a table that is new.
SELECT array_agg(w.place), array_agg(c.until), array_agg(coalesce(c.amount, 'NaN')), array_agg(coalesce(c.low, 'NaN')),
    array_agg(coalesce(c.high, 'NaN')), array_agg(coalesce(c.estimated, 0)), array_agg(coalesce(c.q1, 'NaN')),
    array_agg(coalesce(c.q2, 'NaN')), array_agg(coalesce(c.q3, 'NaN')), array_agg(coalesce(c.q4, 'NaN')), array_agg(c.flags),
    array_agg(c.covered_s::int), array_agg(c.received::int), array_agg(c.bounded::int)
FROM wanted_hour w
CROSS JOIN LATERAL (SELECT * FROM consumption WHERE hour = w.hour AND meter_id = w.meter_id OFFSET 0) c;

