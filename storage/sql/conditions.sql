-- meters --
-- What the meters of an enterprise state, or leave open, of the condition in which they measure. Virtual ones measure nothing.
SELECT m.code, m.carrier, c.unit, m.per_via, m.gas_condition, c.category, m.direction
FROM meter m JOIN enterprise e ON e.id = m.enterprise_id JOIN carrier c ON c.code = m.carrier
WHERE e.code = %(enterprise)s AND m.kind <> 'virtual' ORDER BY m.code;

-- returned --
-- Carriers of which an enterprise returns quantities.
SELECT DISTINCT r.carrier FROM manual_return r JOIN enterprise e ON e.id = r.enterprise_id
WHERE e.code = %(enterprise)s ORDER BY r.carrier;
