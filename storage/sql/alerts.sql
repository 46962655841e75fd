-- last_cases --
-- The latest case of everything that was ever warned of, for these enterprises or regions and rules.
SELECT DISTINCT ON (rule, code, subject, period) rule, code, subject, period, id, level, state, calmer_since,
    resolved_by IS NOT NULL
FROM alert WHERE scope = %(scope)s AND code = ANY(%(codes)s) AND rule = ANY(%(rules)s)
ORDER BY rule, code, subject, period, id DESC;

-- open --
-- New cases with their first event. Another worker may have opened the same one: then it is his.
WITH fresh AS (
    INSERT INTO alert (rule, scope, code, subject, period, level, state, certainty, observed, "limit", unit, basis, message,
        opened, changed)
    SELECT rule, scope, code, subject, period, level, 'open', certainty, observed, "limit", unit, basis, message, %(now)s, %(now)s
    FROM jsonb_to_recordset(%(rows)s) AS r (rule text, scope text, code text, subject text, period text, level text,
        certainty text, observed float8, "limit" float8, unit text, basis text, message text)
    ON CONFLICT DO NOTHING RETURNING id, level, message)
INSERT INTO alert_event (alert_id, at, event, level, actor, text)
SELECT id, %(now)s, 'opened', level, %(actor)s, message FROM fresh RETURNING id, alert_id, level;

-- move --
-- Cases that were raised, lowered or resolved, with the event that says so.
WITH told AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s) AS r (id bigint, event text, level text, certainty text, observed float8,
        "limit" float8, message text, calmer_since timestamptz)),
moved AS (
    UPDATE alert a SET level = CASE WHEN t.event = 'resolved' THEN a.level ELSE t.level END,
        state = CASE t.event WHEN 'resolved' THEN 'resolved' WHEN 'raised' THEN 'open' ELSE a.state END,
        acknowledged_by = CASE WHEN t.event = 'raised' THEN NULL ELSE a.acknowledged_by END,
        certainty = t.certainty, observed = t.observed, "limit" = t."limit",
        message = CASE WHEN t.event = 'resolved' THEN a.message ELSE t.message END,
        changed = %(now)s, calmer_since = t.calmer_since, resolved = CASE WHEN t.event = 'resolved' THEN %(now)s END
    FROM told t WHERE a.id = t.id AND a.state <> 'resolved' RETURNING a.id, t.event, a.level, t.message)
INSERT INTO alert_event (alert_id, at, event, level, actor, text)
SELECT id, %(now)s, event, level, %(actor)s, message FROM moved RETURNING id, alert_id, level;

-- keep --
-- What a case remembers between judgements without anything being said.
UPDATE alert a SET calmer_since = r.calmer_since FROM jsonb_to_recordset(%(rows)s) AS r (id bigint, calmer_since timestamptz)
WHERE a.id = r.id;

-- refresh --
-- The figures of open cases as they are now; what was said of them stays in their events (EC-62).
UPDATE alert a SET observed = r.observed, "limit" = r."limit", certainty = r.certainty, message = r.message
FROM jsonb_to_recordset(%(rows)s) AS r (id bigint, observed float8, "limit" float8, certainty text, message text)
WHERE a.id = r.id AND a.state <> 'resolved';

-- list --
-- The alert inbox: the newest first. A region includes the regions and enterprises inside it.
WITH RECURSIVE area AS (
    SELECT code FROM region WHERE code = %(region)s
    UNION SELECT r.code FROM region r JOIN area a ON r.parent = a.code)
SELECT a.id, a.rule, a.scope, a.code, a.subject, a.period, a.level, a.state, a.certainty, a.observed, a."limit", a.unit, a.basis,
    a.opened, a.changed, a.resolved, a.acknowledged_by, a.message
FROM alert a LEFT JOIN enterprise e ON a.scope = 'enterprise' AND e.code = a.code
WHERE (%(enterprise)s::text IS NULL OR a.scope = 'enterprise' AND a.code = %(enterprise)s)
    AND (%(region)s::text IS NULL OR e.region IN (SELECT code FROM area) OR a.scope = 'region' AND a.code IN (SELECT code FROM area))
    AND (%(level)s::text IS NULL OR a.level = %(level)s) AND (%(state)s::text IS NULL OR a.state = %(state)s)
ORDER BY a.opened DESC, a.id DESC;

-- one --
-- An alert by its number, locked for whoever is about to change it.
SELECT state, level, message FROM alert WHERE id = %(id)s FOR UPDATE;

-- acknowledge --
-- Somebody has seen it.
UPDATE alert SET state = 'acknowledged', acknowledged_by = %(actor)s, changed = %(at)s WHERE id = %(id)s;

-- resolve --
-- Somebody closes it, whatever the figures say; it opens again only when it has calmed in between or grows worse.
UPDATE alert SET state = 'resolved', resolved = %(at)s, resolved_by = %(actor)s, calmer_since = NULL, changed = %(at)s
WHERE id = %(id)s;

-- note --
-- What was said or done.
INSERT INTO alert_event (alert_id, at, event, level, actor, text)
VALUES (%(id)s, %(at)s, %(event)s, %(level)s, %(actor)s, %(text)s) RETURNING id;
