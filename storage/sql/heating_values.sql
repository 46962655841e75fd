-- tested --
-- Lines of monthly returns that state a heating value, of some enterprises or of all.
SELECT e.code, r.carrier, r.period, r.item, r.quantity, r.unit, r.lhv_kj_per_unit
FROM manual_return r JOIN enterprise e ON e.id = r.enterprise_id
WHERE r.lhv_kj_per_unit IS NOT NULL AND r.quantity IS NOT NULL AND r.item = ANY(%(items)s) AND (%(codes)s::text[] IS NULL OR e.code = ANY(%(codes)s));

-- parameters --
-- What some enterprises, or all, declare of their steam.
SELECT e.code, p.period, p.name, p.value
FROM parameter p JOIN enterprise e ON e.id = p.enterprise_id
WHERE p.product = '' AND p.name = ANY(%(names)s) AND (%(codes)s::text[] IS NULL OR e.code = ANY(%(codes)s));

-- derived --
-- The factors that stand for these enterprises because of returns and parameters, by key and contents.
SELECT carrier, scope, region, source, valid_from, unit, lhv_kj_per_unit, method, confidence, valid_to
FROM factor WHERE derived AND (%(codes)s::text[] IS NULL OR scope = ANY(%(codes)s));

-- forget --
-- Derived factors of which nothing is left that they followed from.
DELETE FROM factor f USING unnest(%(carriers)s::text[], %(scopes)s::text[], %(sources)s::text[], %(since)s::date[])
    AS gone (carrier, scope, source, since)
WHERE f.derived AND (f.carrier, f.scope, f.source, f.valid_from) = (gone.carrier, gone.scope, gone.source, gone.since);
