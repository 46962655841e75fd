-- version --
-- Counts up with every change of the registry.
SELECT version FROM registry_version;

-- meters --
-- Everything the rollup must know of every meter.
SELECT m.id, m.enterprise_id, m.carrier, m.kind, m.scale, m.multiplier, m.register_max, m.max_rate, m.interval_minutes,
       m.label, m.level, m.in_total, m.role, p.level, p.in_total, p.role, c.unit, c.is_medium, m.valid_from, m.valid_to,
       m.per_via, m.gas_condition, c.category, m.direction
FROM meter m
JOIN carrier c ON c.code = m.carrier
LEFT JOIN meter p ON p.enterprise_id = m.enterprise_id AND p.code = m.parent
ORDER BY m.id;

-- events --
-- Dated changes at metering points that bear on amounts; of one instant the register first, then what its steps are worth.
SELECT v.meter_id, v.time, v.event, v.old_final, v.new_initial, v.value, m.kind, m.carrier,
       coalesce(m.via_unit, c.unit), m.density_kg_per_l, m.per_via
FROM meter_event v JOIN meter m ON m.id = v.meter_id JOIN carrier c ON c.code = m.carrier
WHERE v.event IN ('exchange', 'reset', 'multiplier', 'unit')
ORDER BY v.meter_id, v.time, v.event IN ('multiplier', 'unit'), v.event;

-- enterprises --
-- Code and region of every enterprise.
SELECT id, code, region FROM enterprise;
