-- last_period --
-- The latest month planned so far: from it on, months that were missed are made up.
SELECT max(period) AS period FROM report_run WHERE report = %(report)s;

-- plan --
-- One run for each enterprise with meters and each region with such enterprises below it. A run that nobody has begun
-- follows its due time when the working-day calendar changes; nothing else about a planned run ever changes here.
WITH RECURSIVE watched AS (
    SELECT e.code, e.region FROM enterprise e
    WHERE e.status <> 'closed' AND EXISTS (SELECT FROM meter m WHERE m.enterprise_id = e.id)
), upward AS (
    SELECT code, parent FROM region WHERE code IN (SELECT region FROM watched)
    UNION SELECT r.code, r.parent FROM region r JOIN upward u ON r.code = u.parent
)
INSERT INTO report_run AS old (report, scope, code, period, due)
SELECT %(report)s, 'region', code, %(period)s, %(due)s::timestamptz FROM upward
UNION ALL SELECT %(report)s, 'enterprise', code, %(period)s, %(due)s FROM watched
ORDER BY 2, 3
ON CONFLICT (report, scope, code, period) DO UPDATE SET due = EXCLUDED.due
WHERE old.state = 'due' AND old.tries = 0 AND old.due <> EXCLUDED.due;

-- claim --
-- Become the one who does the run that is due longest: not begun, failed and due again, or lost by whoever claimed it.
-- A claim counts as lost after half an hour, longer with each try, so that a run that kills its worker does so rarely.
UPDATE report_run SET state = 'running', tries = tries + 1, claimed = %(now)s, error = NULL,
    late = late OR %(now)s > due + %(grace)s,
    retry = %(now)s + least(interval '6 hours', interval '30 minutes' * 2 ^ least(tries, 10))
WHERE id = (
    SELECT id FROM report_run
    WHERE report = %(report)s AND state <> 'done' AND due <= %(now)s AND (retry IS NULL OR retry <= %(now)s)
    ORDER BY due, scope DESC, code LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, scope, code, period, due, tries, late, claimed;

-- finish --
-- Only the present claim may finish its run.
UPDATE report_run SET state = 'done', finished = %(now)s, files = %(files)s, retry = NULL
WHERE id = %(id)s AND state = 'running' AND claimed = %(claimed)s;

-- fail --
-- To be tried again later; only the present claim may say so.
UPDATE report_run SET state = 'failed', error = %(error)s, retry = %(retry)s
WHERE id = %(id)s AND state = 'running' AND claimed = %(claimed)s;

-- record --
-- A report written by hand, under a name of its own: it neither replaces nor prevents the scheduled one.
INSERT INTO report_run AS old (report, scope, code, period, due, state, tries, claimed, finished, files)
VALUES (%(report)s, %(scope)s, %(code)s, %(period)s, %(now)s, 'done', 1, %(now)s, %(now)s, %(files)s)
ON CONFLICT (report, scope, code, period) DO UPDATE
SET tries = old.tries + 1, claimed = EXCLUDED.claimed, finished = EXCLUDED.finished, files = EXCLUDED.files;

-- exceptions --
-- What the deployment has said about single days of the working-day calendar.
SELECT date, kind FROM holiday WHERE date >= %(since)s AND date < %(until)s;
