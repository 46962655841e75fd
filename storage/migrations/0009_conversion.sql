-- What turns amounts into energy: states of gas and steam at the meter, measured heating values, emission per energy.

-- Gas at operating condition by its absolute pressure and temperature; steam metered by mass by its state and condensate.
-- direction: one_way, or net where the point may return energy (EC-49).
-- via_unit, per_via: what is metered is first converted to via_unit (NULL: the carrier's own unit), of which one is per_via
-- of the carrier's own units; NULL: cannot be known. Both set at import, like scale, which includes per_via where it is known.
ALTER TABLE meter
    ADD COLUMN gas_pressure_kpa numeric, ADD COLUMN gas_temperature_c numeric,
    ADD COLUMN steam_pressure_mpa numeric, ADD COLUMN steam_temperature_c numeric, ADD COLUMN steam_dryness_pct numeric,
    ADD COLUMN steam_enthalpy_kj_per_kg numeric, ADD COLUMN condensate_return_pct numeric,
    ADD COLUMN condensate_temperature_c numeric, ADD COLUMN condensate_enthalpy_kj_per_kg numeric,
    ADD COLUMN direction text NOT NULL DEFAULT 'one_way' CHECK (direction IN ('one_way', 'net')),
    ADD COLUMN via_unit text, ADD COLUMN per_via float8 DEFAULT 1;

-- Meters of gas that were imported before conditions were converted: 0 °C becomes 20 °C, operating becomes unknown.
UPDATE meter m SET scale = m.scale * 293.15 / 273.15, max_rate = m.max_rate * 293.15 / 273.15, per_via = 293.15 / 273.15
FROM carrier c WHERE c.code = m.carrier AND c.unit = 'm3' AND m.gas_condition = 'std_0c';
UPDATE meter m SET per_via = NULL
FROM carrier c WHERE c.code = m.carrier AND c.unit = 'm3' AND m.gas_condition = 'operating';
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT m.enterprise_id % 256, m.enterprise_id, array_agg(m.id ORDER BY m.id), min(s.first_time), max(s.last_time), 'registry'
FROM meter m JOIN carrier c ON c.code = m.carrier JOIN meter_span s ON s.meter_id = m.id
WHERE c.unit = 'm3'
GROUP BY m.enterprise_id;
UPDATE registry_version SET version = version + 1;

-- kgco2_per_mj: emission for the energy that a measured heating value gives. gas_condition: of the m3 that a factor is for;
-- NULL is the platform's own, 20 °C and 101.325 kPa. derived: made from monthly returns and parameters, never imported.
ALTER TABLE factor
    ADD COLUMN kgco2_per_mj numeric,
    ADD COLUMN gas_condition text CHECK (gas_condition IN ('std_0c', 'std_20c')),
    ADD COLUMN derived boolean NOT NULL DEFAULT false;
ALTER TABLE factor DROP CONSTRAINT factor_carrier_scope_region_source_valid_from_shipped_key;
ALTER TABLE factor ADD CONSTRAINT factor_key UNIQUE (carrier, scope, region, source, valid_from, shipped, derived);
