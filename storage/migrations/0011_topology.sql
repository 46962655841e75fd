-- Virtual meters are computed: each has a row among the meters, so that whatever serves a meter's figures serves its own.
ALTER TABLE meter DROP CONSTRAINT meter_kind_check;
ALTER TABLE meter ADD CONSTRAINT meter_kind_check CHECK (kind IN ('register', 'interval', 'power', 'virtual'));

ALTER TABLE virtual_meter
    ADD COLUMN meter_id int UNIQUE REFERENCES meter,      -- its row among the meters
    ADD COLUMN named text NOT NULL DEFAULT '',            -- codes the formula named when it was imported, '': read it again
    ADD COLUMN falls boolean NOT NULL DEFAULT true;       -- whether its amount may be below zero, so that nothing is "at least"

-- Those that were imported before. level 2: a blank in_total does not count.
INSERT INTO meter (enterprise_id, code, name, carrier, kind, unit, label, level, in_total, role, scale)
SELECT enterprise_id, code, name, carrier, 'virtual', unit, 'start', 2, in_total, role, 1 FROM virtual_meter
ORDER BY enterprise_id, code ON CONFLICT DO NOTHING;
UPDATE virtual_meter v SET meter_id = m.id FROM meter m
WHERE m.enterprise_id = v.enterprise_id AND m.code = v.code AND m.kind = 'virtual';
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT m.enterprise_id % 256, m.enterprise_id, ARRAY[v.meter_id], min(s.first_time), max(s.last_time), 'registry'
FROM virtual_meter v JOIN meter m ON m.enterprise_id = v.enterprise_id JOIN meter_span s ON s.meter_id = m.id
WHERE v.meter_id IS NOT NULL GROUP BY m.enterprise_id, v.meter_id;
UPDATE registry_version SET version = version + 1 WHERE EXISTS (SELECT FROM virtual_meter);
