-- standing --
-- Corrections that count, of some meters or of all, each meter's in the order of approval, with what turns their amounts
-- into the carrier's own unit.
SELECT c.meter_id, c.since, c.until, c.amount, c.spread, m.kind, m.unit, m.density_kg_per_l, m.carrier, r.unit AS carrier_unit
FROM correction c
JOIN meter m ON m.id = c.meter_id
JOIN carrier r ON r.code = m.carrier
WHERE c.approved_at IS NOT NULL AND c.withdrawn_at IS NULL
    AND (%(meters)s::int[] IS NULL OR c.meter_id = ANY(%(meters)s::int[]))
ORDER BY c.meter_id, c.approved_at, c.id;

-- listed --
-- The chain: every correction ever written, of one enterprise or meter or of all, that touches [since, until) where that is given.
-- overruled_by: those approved later that stand over a part of it.
SELECT c.id, e.code AS enterprise, m.code AS meter, c.since, c.until, c.amount, m.unit, c.spread, c.reason, c.document,
    c.author, c.written, c.approver, c.approved_at, c.withdrawn_by, c.withdrawn_at,
    CASE WHEN c.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN c.approved_at IS NOT NULL THEN 'approved' ELSE 'pending' END AS state,
    ARRAY(SELECT o.id FROM correction o
        WHERE o.meter_id = c.meter_id AND o.since < c.until AND c.since < o.until AND o.withdrawn_at IS NULL
            AND (o.approved_at, o.id) > (c.approved_at, c.id) AND c.withdrawn_at IS NULL
        ORDER BY o.approved_at, o.id) AS overruled_by
FROM correction c
JOIN meter m ON m.id = c.meter_id
JOIN enterprise e ON e.id = m.enterprise_id
WHERE (%(enterprise)s::text IS NULL OR e.code = %(enterprise)s) AND (%(meter)s::text IS NULL OR m.code = %(meter)s)
    AND (%(since)s::timestamptz IS NULL OR c.until > %(since)s) AND (%(until)s::timestamptz IS NULL OR c.since < %(until)s)
ORDER BY e.code, m.code, c.since, c.id;

-- held --
-- One correction, which nobody else may approve or withdraw until commit.
SELECT meter_id, since, until, author, approver, withdrawn_by FROM correction WHERE id = %(id)s FOR UPDATE;

-- approve --
-- From now on it counts.
UPDATE correction SET approver = %(actor)s, approved_at = %(now)s WHERE id = %(id)s;

-- withdraw --
-- From now on it does not count; it stays in the chain.
UPDATE correction SET withdrawn_by = %(actor)s, withdrawn_at = %(now)s, retired = id WHERE id = %(id)s;

-- is_registered --
SELECT EXISTS (SELECT FROM enterprise WHERE code = %(enterprise)s);
