-- version --
-- Counts up with every change of the registry.
SELECT version FROM registry_version;

-- meters --
-- Everything the rollup must know of every meter.
SELECT m.id, m.enterprise_id, m.carrier, m.kind, m.scale, m.multiplier, m.register_max, m.max_rate, m.interval_minutes,
       m.label, m.level, m.in_total, m.role, p.level, p.in_total, p.role, c.unit, c.is_medium, m.valid_from, m.valid_to
FROM meter m
JOIN carrier c ON c.code = m.carrier
LEFT JOIN meter p ON p.enterprise_id = m.enterprise_id AND p.code = m.parent
ORDER BY m.id;

-- events --
-- Dated changes at metering points that bear on amounts.
SELECT meter_id, time, event, old_final, new_initial, value FROM meter_event
WHERE event IN ('exchange', 'reset', 'multiplier') ORDER BY meter_id, time;

-- enterprises --
-- Code and region of every enterprise.
SELECT id, code, region FROM enterprise;
