-- alone --
-- One import at a time, until commit; readers of the version do not wait.
SELECT version FROM registry_version FOR UPDATE;

-- bump --
-- Tell everyone who keeps a copy of the registry that it changed.
UPDATE registry_version SET version = version + 1;

-- enterprise_ids --
-- Ids by code.
SELECT code, id FROM enterprise;

-- region_parents --
-- Every region with the one above it.
SELECT code, parent FROM region;

-- carriers --
-- All carriers, as energy.carriers has them.
SELECT code, name_zh, name_en, category, is_medium, unit FROM carrier;

-- level_ids --
-- The record ids of the efficiency levels.
SELECT record_id FROM efficiency_level;

-- meter_facts --
-- What rows that name a meter are checked against, for the meters of some enterprises.
SELECT m.enterprise_id, m.code, m.id, m.carrier, m.kind, m.density_kg_per_l, coalesce(m.via_unit, c.unit)
FROM meter m JOIN carrier c ON c.code = m.carrier WHERE m.enterprise_id = ANY(%(enterprises)s);

-- add_industries --
-- Codes that are not among the shipped ones. GB/T 4754 is long, and its names do not matter for figures.
INSERT INTO industry (code, name, source)
SELECT code, '', 'enterprises' FROM unnest(%(codes)s::text[]) AS given (code) ON CONFLICT DO NOTHING;

-- meter_parents --
-- Meters that name another one as their parent, of some enterprises.
SELECT e.code AS enterprise, m.code, m.parent, p.code IS NOT NULL AS found
FROM meter m
JOIN enterprise e ON e.id = m.enterprise_id
LEFT JOIN meter p ON p.enterprise_id = m.enterprise_id AND p.code = m.parent AND p.kind <> 'virtual'
WHERE m.parent IS NOT NULL AND e.code = ANY(%(enterprises)s);

-- overlapping_factors --
-- Imported factors of one scope and source that hold on the same day.
SELECT b.carrier, b.scope, b.region, b.source, a.valid_from, a.valid_to, b.valid_from AS then_from, b.valid_to AS then_to
FROM factor a
JOIN factor b USING (carrier, scope, region, source)
WHERE NOT (a.shipped OR a.derived OR b.shipped OR b.derived) AND a.id <> b.id AND a.valid_from < b.valid_from
    AND (a.valid_to IS NULL OR a.valid_to > b.valid_from);

-- approved_corrections --
-- Corrections that stand in figures, by their key.
SELECT meter_id, since, until, author FROM correction
WHERE approved_at IS NOT NULL AND withdrawn_at IS NULL AND meter_id = ANY(%(meters)s);

-- mark_meters --
-- All that was computed for these meters is stale.
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT m.enterprise_id %% 256, m.enterprise_id, array_agg(m.id ORDER BY m.id), min(s.first_time), max(s.last_time), %(why)s
FROM unnest(%(enterprises)s::int[], %(codes)s::text[]) AS changed (enterprise_id, code)
JOIN meter m USING (enterprise_id, code)
JOIN meter_span s ON s.meter_id = m.id
GROUP BY m.enterprise_id;

-- keep_changes --
-- What an import has changed of these meters: columns and what they held, as objects.
INSERT INTO registry_change (meter_id, before, after)
SELECT m.id, c.before, c.after
FROM unnest(%(enterprises)s::int[], %(codes)s::text[], %(before)s::jsonb[], %(after)s::jsonb[])
    AS c (enterprise_id, code, before, after)
JOIN meter m USING (enterprise_id, code) ORDER BY m.id;

-- changes --
-- What imports have changed of these meters, ever.
SELECT meter_id, at, actor, before, after FROM registry_change WHERE meter_id = ANY(%(meters)s::int[]) ORDER BY meter_id, id;

-- mark_spans --
-- Exact spans of meters are stale; one without an end reaches to the meter's last reading.
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT m.enterprise_id %% 256, m.enterprise_id, ARRAY[m.id], c.since, coalesce(c.until, greatest(c.since, s.last_time)), %(why)s
FROM unnest(%(meters)s::int[], %(since)s::timestamptz[], %(until)s::timestamptz[]) AS c (meter_id, since, until)
JOIN meter m ON m.id = c.meter_id
LEFT JOIN meter_span s ON s.meter_id = m.id;

-- mark_factors --
-- Usage of everyone whom a factor may concern, on the days for which it holds, is stale.
WITH RECURSIVE changed AS (
    SELECT row_number() OVER () AS n, carrier, scope, region, since::timestamp AT TIME ZONE %(zone)s AS since,
        coalesce(until::timestamp AT TIME ZONE %(zone)s, 'infinity') AS until
    FROM unnest(%(carriers)s::text[], %(scopes)s::text[], %(regions)s::text[], %(since)s::date[], %(until)s::date[])
        AS given (carrier, scope, region, since, until)
), below AS (
    SELECT n, region AS code FROM changed WHERE region <> ''
    UNION
    SELECT below.n, region.code FROM below JOIN region ON region.parent = below.code
)
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT e.id %% 256, e.id, array_agg(m.id ORDER BY m.id), greatest(min(s.first_time), c.since), least(max(s.last_time), c.until),
    'factor'
FROM changed c
JOIN meter m ON m.carrier = c.carrier
JOIN enterprise e ON e.id = m.enterprise_id
JOIN meter_span s ON s.meter_id = m.id AND s.first_time < c.until AND s.last_time >= c.since
WHERE CASE
    WHEN c.scope <> '' THEN e.code = c.scope
    WHEN c.region <> '' THEN (c.n, e.region) IN (SELECT n, code FROM below)
    ELSE true END
GROUP BY e.id, c.n, c.since, c.until;

-- mark_enterprises --
-- These enterprises may have other factors now: all their usage is stale.
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT e.id %% 256, e.id, array_agg(m.id ORDER BY m.id), min(s.first_time), max(s.last_time), 'factor'
FROM enterprise e
JOIN meter m ON m.enterprise_id = e.id
JOIN meter_span s ON s.meter_id = m.id
WHERE e.code = ANY(%(codes)s)
GROUP BY e.id;

-- mark_judgements --
-- Whoever judges must look at these again.
INSERT INTO stale_judgement (scope, code, why)
SELECT DISTINCT scope, code, %(why)s FROM unnest(%(scopes)s::text[], %(codes)s::text[]) AS given (scope, code);

-- enterprises_in --
-- Codes of the enterprises that lie in these regions.
SELECT code FROM enterprise WHERE region = ANY(%(regions)s) ORDER BY code;

-- regions_below --
-- The region and every region below it.
WITH RECURSIVE below AS (
    SELECT code FROM region WHERE code = %(code)s
    UNION
    SELECT region.code FROM below JOIN region ON region.parent = below.code
)
SELECT code FROM below ORDER BY code;

-- factors --
-- Every factor, imported and shipped.
SELECT id, carrier, scope, region, unit, kgce_per_unit, kgce_equal_per_unit, kgco2_per_unit, lhv_kj_per_unit, method,
    confidence, valid_from, valid_to, source, shipped, kgco2_per_mj, gas_condition, derived
FROM factor;

-- enterprises --
-- Every enterprise, in the order of its code.
SELECT * FROM enterprise ORDER BY code;

-- enterprise --
-- One enterprise by its code.
SELECT * FROM enterprise WHERE code = %(code)s;

-- meters_of --
-- The metered points of one enterprise, in the order of their codes; virtual meters are none.
SELECT * FROM meter WHERE enterprise_id = %(enterprise_id)s AND kind <> 'virtual' ORDER BY code;

-- shipped_hashes --
-- Which contents of the shipped files stand in their tables.
SELECT name, hash FROM shipped_file;

-- keep_shipped_hash --
-- These contents stand there now.
INSERT INTO shipped_file (name, hash) VALUES (%(name)s, %(hash)s) ON CONFLICT (name) DO UPDATE SET hash = EXCLUDED.hash;

-- shipped_factors --
-- What was shipped before, by key and contents.
SELECT carrier, scope, region, valid_from, source, unit, kgce_per_unit, kgce_equal_per_unit, kgco2_per_unit, lhv_kj_per_unit, method,
    confidence, valid_to, kgco2_per_mj, gas_condition
FROM factor WHERE shipped;

-- drop_shipped_factors --
-- Shipped factors that are shipped no more.
DELETE FROM factor WHERE shipped AND NOT EXISTS (
    SELECT FROM incoming i
    WHERE (i.carrier, i.scope, i.region, i.source, i.valid_from)
        = (factor.carrier, factor.scope, factor.region, factor.source, factor.valid_from));
