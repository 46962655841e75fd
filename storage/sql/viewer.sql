-- admit --
-- Make the role that may only look, or give it another password. It is told the verifier, never the password itself.
CALL grafana.admit(%(role)s, %(verifier)s, %(zone)s);

-- show --
-- Let it see the views, those that came with the last migration too.
CALL grafana.show_to(%(role)s);

-- regions --
-- Every region with how many enterprises lie in it that are not closed, and whether one of them is a data centre.
SELECT r.code, r.name, r.parent, count(e.id), coalesce(bool_or(e.kind = 'data_centre' OR e.has_it), false)
FROM grafana.region r LEFT JOIN grafana.enterprise e ON e.region = r.code AND e.status <> 'closed'
GROUP BY r.code, r.name, r.parent ORDER BY r.code;
