-- version --
-- Moves with every import that changes the registry.
SELECT version FROM registry_version;

-- enterprises --
-- One row an enterprise, its meters side by side: a million rows a meter would not fit a collector's memory. rules: only
-- meters that have a zone of their own or a validity.
SELECT e.id, e.code, array_agg(m.code ORDER BY m.id) FILTER (WHERE m.id IS NOT NULL),
       array_agg(m.id ORDER BY m.id) FILTER (WHERE m.id IS NOT NULL),
       jsonb_agg(jsonb_build_array(m.id, m.kind, m.label, m.zone, m.valid_from, m.valid_to))
           FILTER (WHERE m.zone IS NOT NULL OR m.valid_from IS NOT NULL OR m.valid_to IS NOT NULL)
FROM enterprise e LEFT JOIN meter m ON m.enterprise_id = e.id AND m.kind <> 'virtual' GROUP BY e.id ORDER BY e.id;

-- meters --
-- What a file loader asks of one enterprise: the units its columns become.
SELECT m.code, m.kind, m.unit, m.carrier, c.unit, m.density_kg_per_l
FROM meter m JOIN enterprise e ON e.id = m.enterprise_id JOIN carrier c ON c.code = m.carrier
WHERE e.code = %(enterprise)s AND m.kind <> 'virtual' ORDER BY m.code;
