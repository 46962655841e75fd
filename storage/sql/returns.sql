-- act_for --
-- Who writes returns, until the transaction ends.
SELECT set_config('enermon.actor', %(actor)s, true);

-- remember --
-- Keep what has just been returned beside all that was returned before.
INSERT INTO return_history (enterprise_id, carrier, period, item, quantity, unit, lhv_kj_per_unit, document)
SELECT r.enterprise_id, r.carrier, r.period, r.item, r.quantity, r.unit, r.lhv_kj_per_unit, r.document
FROM unnest(%(enterprises)s::int[], %(carriers)s::text[], %(periods)s::text[], %(items)s::text[])
    AS said (enterprise_id, carrier, period, item) JOIN manual_return r USING (enterprise_id, carrier, period, item);

-- mark --
-- Usage is stale over the months that these returns touch, and nothing that meters measured.
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT DISTINCT r.enterprise_id %% 256, r.enterprise_id, '{}'::int[], date_trunc('month', r.since::timestamp) AT TIME ZONE %(zone)s,
    (date_trunc('month', (r.until - 1)::timestamp) + interval '1 month') AT TIME ZONE %(zone)s - interval '1 microsecond', 'return'
FROM unnest(%(enterprises)s::int[], %(carriers)s::text[], %(periods)s::text[], %(items)s::text[])
    AS said (enterprise_id, carrier, period, item) JOIN manual_return r USING (enterprise_id, carrier, period, item);

-- mark_factors --
-- Usage by returns of everyone whom a factor may concern, on the days for which it holds, is stale.
WITH RECURSIVE changed AS (
    SELECT row_number() OVER () AS n, carrier, scope, region, since, coalesce(until, 'infinity') AS until
    FROM unnest(%(carriers)s::text[], %(scopes)s::text[], %(regions)s::text[], %(since)s::date[], %(until)s::date[])
        AS given (carrier, scope, region, since, until)
), below AS (
    SELECT n, region AS code FROM changed WHERE region <> ''
    UNION SELECT below.n, region.code FROM below JOIN region ON region.parent = below.code
)
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT e.id %% 256, e.id, '{}'::int[], greatest(min(u.since), c.since)::timestamp AT TIME ZONE %(zone)s,
    least(max(u.until), c.until)::timestamp AT TIME ZONE %(zone)s - interval '1 microsecond', 'factor'
FROM changed c
JOIN returned_use u ON u.carrier = c.carrier AND u.since < c.until AND u.until > c.since
JOIN enterprise e ON e.id = u.enterprise_id
WHERE CASE
    WHEN c.scope <> '' THEN e.code = c.scope
    WHEN c.region <> '' THEN (c.n, e.region) IN (SELECT n, code FROM below)
    ELSE true END
GROUP BY e.id, c.n, c.since, c.until;

-- mark_enterprises --
-- All usage that returns of these enterprises make is stale.
INSERT INTO stale_span (shard, enterprise_id, meters, since, until, why)
SELECT e.id %% 256, e.id, '{}'::int[], min(u.since)::timestamp AT TIME ZONE %(zone)s,
    max(u.until)::timestamp AT TIME ZONE %(zone)s - interval '1 microsecond', 'factor'
FROM enterprise e JOIN returned_use u ON u.enterprise_id = e.id WHERE e.code = ANY(%(codes)s) GROUP BY e.id;

-- concerned --
-- Items of the returns that share a day with a changed span (`direct`), and of those that share a day with one of them.
WITH changed AS (
    SELECT * FROM unnest(%(enterprises)s::int[], %(since)s::date[], %(until)s::date[]) AS c (enterprise_id, since, until)
), hit AS (
    SELECT DISTINCT r.enterprise_id, r.carrier, r.period, r.since, r.until FROM changed c
    JOIN manual_return r ON r.enterprise_id = c.enterprise_id AND r.since < c.until AND r.until > c.since
)
SELECT r.enterprise_id, r.carrier, r.period, r.item, r.quantity, r.unit, bool_or(h.period = r.period) AS direct
FROM hit h JOIN manual_return r
    ON r.enterprise_id = h.enterprise_id AND r.carrier = h.carrier AND r.since < h.until AND r.until > h.since
GROUP BY r.enterprise_id, r.carrier, r.period, r.item ORDER BY r.enterprise_id, r.carrier, r.since, r.until, r.item;

-- fresh --
-- What returns come to now.
CREATE TEMP TABLE IF NOT EXISTS fresh_use (
    enterprise_id int, carrier text, month date, since date, until date, period text, made_by text, bought float8,
    exported float8, feedstock float8, flags int) ON COMMIT DELETE ROWS;

-- empty_fresh --
TRUNCATE fresh_use;

-- copy_fresh --
COPY fresh_use (enterprise_id, carrier, month, since, until, period, made_by, bought, exported, feedstock, flags) FROM STDIN;

-- forget --
-- What these returns came to and come to no more.
DELETE FROM returned_use u
USING unnest(%(enterprises)s::int[], %(carriers)s::text[], %(periods)s::text[]) AS d (enterprise_id, carrier, period)
WHERE u.enterprise_id = d.enterprise_id AND u.carrier = d.carrier AND u.period = d.period AND NOT EXISTS (
    SELECT FROM fresh_use f
    WHERE (f.enterprise_id, f.month, f.carrier, f.since) = (u.enterprise_id, u.month, u.carrier, u.since));

-- keep --
-- What they come to now; which parts of it stand is judged apart.
INSERT INTO returned_use (enterprise_id, carrier, month, since, until, period, made_by, bought, exported, feedstock, flags)
SELECT * FROM fresh_use
ON CONFLICT (enterprise_id, month, carrier, since) DO UPDATE SET until = EXCLUDED.until, period = EXCLUDED.period,
    made_by = EXCLUDED.made_by, bought = EXCLUDED.bought, exported = EXCLUDED.exported, feedstock = EXCLUDED.feedstock,
    flags = EXCLUDED.flags;

-- are_near --
-- Whether returns speak of any month that is being computed.
SELECT EXISTS (SELECT FROM returned_use, (SELECT min(day) AS first, max(day) AS last FROM touched_day) t
    WHERE month BETWEEN date_trunc('month', t.first)::date AND t.last);

-- judge --
-- Which parts of returns stand now, for no meter tells them; where that changed, the whole month is to be computed.
-- Meters tell a month if they tell anything of its first day or of half its hours: then theirs is the figure.
WITH near AS (
    SELECT r.enterprise_id, r.month, r.carrier, r.since, r.made_by, r.exported, r.feedstock, r.stands,
        r.month::timestamp AT TIME ZONE %(zone)s AS begins, (r.month + interval '1 month') AT TIME ZONE %(zone)s AS ends
    FROM (SELECT DISTINCT enterprise_id, date_trunc('month', day)::date AS month FROM touched_day) t
    JOIN returned_use r USING (enterprise_id, month)
), metered AS (
    SELECT n.*, EXISTS (SELECT FROM usage_hour u WHERE u.enterprise_id = n.enterprise_id AND u.carrier = n.carrier
            AND u.hour >= n.begins AND u.hour < n.begins + interval '1 day' AND coalesce(u.amount, u.low) IS NOT NULL)
        OR (SELECT 7200 * count(*) >= extract(epoch FROM n.ends - n.begins) FROM usage_hour u
            WHERE u.enterprise_id = n.enterprise_id AND u.carrier = n.carrier
                AND u.hour >= n.begins AND u.hour < n.ends AND coalesce(u.amount, u.low) IS NOT NULL) AS is_metered
    FROM near n
), told AS (
    SELECT m.*, m.is_metered AND EXISTS (SELECT FROM usage_hour u WHERE u.enterprise_id = m.enterprise_id
            AND u.carrier = m.carrier AND u.hour >= m.begins AND u.hour < m.ends AND u.bought IS NOT NULL) AS bought_told,
        m.is_metered AND m.exported <> 0 AND NOT EXISTS (SELECT FROM usage_hour u WHERE u.enterprise_id = m.enterprise_id
            AND u.carrier = m.carrier AND u.hour >= m.begins AND u.hour < m.ends AND u.exported IS NOT NULL) AS sold_untold,
        m.is_metered AND m.feedstock <> 0 AND NOT EXISTS (SELECT FROM usage_hour u WHERE u.enterprise_id = m.enterprise_id
            AND u.carrier = m.carrier AND u.hour >= m.begins AND u.hour < m.ends AND u.feedstock IS NOT NULL) AS feedstock_untold
    FROM metered m
), judged AS (
    SELECT t.*, CASE WHEN NOT is_metered THEN '{all}'::text[] ELSE array_remove(ARRAY[
        CASE WHEN NOT bought_told AND made_by <> 'used' THEN 'bought' END,
        CASE WHEN sold_untold AND (bought_told OR made_by <> 'used') THEN 'exported' END,
        CASE WHEN feedstock_untold THEN 'feedstock' END], NULL) END AS now_stands
    FROM told t
), moved AS (
    UPDATE returned_use r SET stands = j.now_stands FROM judged j
    WHERE (r.enterprise_id, r.month, r.carrier, r.since) = (j.enterprise_id, j.month, j.carrier, j.since) AND r.stands <> j.now_stands
    RETURNING r.enterprise_id, r.month
)
INSERT INTO touched_day (enterprise_id, day, since, until)
SELECT enterprise_id, day, day::timestamp AT TIME ZONE %(zone)s, (day + 1)::timestamp AT TIME ZONE %(zone)s
FROM (SELECT DISTINCT m.enterprise_id, d::date AS day
    FROM moved m, generate_series(m.month, m.month + interval '1 month' - interval '1 day', interval '1 day') d) w;

-- days --
-- The part of each day in what stands by returns. covered_s: seconds for which meters were to tell it, for nothing is missing.
SELECT r.enterprise_id, r.carrier, t.day, r.bought / (r.until - r.since), r.exported / (r.until - r.since),
    r.feedstock / (r.until - r.since), r.flags, r.stands,
    (SELECT coalesce(sum(greatest(0, extract(epoch FROM least(t.until, m.valid_to) - greatest(t.since, m.valid_from, s.first_time))))
        FILTER (WHERE coalesce(m.valid_from, s.first_time) IS NOT NULL), 0)::bigint
        FROM counting_meter k JOIN meter m ON m.id = k.meter_id LEFT JOIN meter_span s ON s.meter_id = m.id
        WHERE k.enterprise_id = r.enterprise_id AND k.carrier = r.carrier AND k.sign <> 0) AS covered_s
FROM touched_day t JOIN returned_use r ON r.enterprise_id = t.enterprise_id AND r.month = date_trunc('month', t.day)::date
    AND t.day >= r.since AND t.day < r.until AND r.stands <> '{}'
ORDER BY r.enterprise_id, r.carrier, t.day;

-- standing --
-- Days that stand by returns alone.
SELECT u.carrier, u.since, u.until FROM returned_use u JOIN enterprise e ON e.id = u.enterprise_id
WHERE e.code = %(enterprise)s AND u.stands = '{all}' ORDER BY u.carrier, u.since;

-- items --
-- What was returned for periods that share a day with [since, until) or adjoin it.
SELECT r.carrier, r.period, r.item, r.quantity, r.unit, c.unit AS carrier_unit FROM manual_return r
JOIN carrier c ON c.code = r.carrier
WHERE r.enterprise_id = %(enterprise)s AND r.since <= %(until)s AND r.until >= %(since)s AND r.quantity IS NOT NULL
ORDER BY r.carrier, r.since, r.until, r.item;

-- items_of --
-- Everything that some enterprises returned, with the carrier's own unit.
SELECT e.code, r.carrier, r.period, r.item, r.quantity, r.unit, c.unit FROM manual_return r
JOIN enterprise e ON e.id = r.enterprise_id JOIN carrier c ON c.code = r.carrier
WHERE e.code = ANY(%(enterprises)s) AND r.quantity IS NOT NULL ORDER BY e.code, r.carrier, r.since, r.until, r.item;

-- uses --
-- What returns come to in a month, and what of it stands.
SELECT carrier, since, until, period, made_by, bought, exported, feedstock, stands FROM returned_use
WHERE enterprise_id = %(enterprise)s AND month = %(month)s ORDER BY carrier, since;

-- metered_days --
-- What counting meters say was bought, by carrier and day. Where meters name the supplier's account, theirs is what is billed.
WITH ours AS (
    SELECT k.meter_id, k.carrier, m.supply_account IS NOT NULL AS named,
        bool_or(m.supply_account IS NOT NULL) OVER (PARTITION BY k.carrier) AS any_named
    FROM counting_meter k JOIN meter m ON m.id = k.meter_id
    WHERE k.enterprise_id = %(enterprise)s AND k.bought = 1 AND k.carrier = ANY(%(carriers)s::text[])
)
SELECT o.carrier, (c.hour AT TIME ZONE %(zone)s)::date AS day, sum(coalesce(c.amount, c.low) ORDER BY c.hour, c.meter_id)
FROM ours o JOIN consumption c ON c.meter_id = o.meter_id
WHERE c.hour >= %(since)s AND c.hour < %(until)s AND (o.named OR NOT o.any_named) AND coalesce(c.amount, c.low) IS NOT NULL
GROUP BY 1, 2 ORDER BY 1, 2;

-- history --
-- All values that were ever returned for periods sharing a day with [since, until), in the order in which they were.
SELECT h.carrier, h.period, h.item, h.quantity, h.unit, h.document, h.author, h.written FROM return_history h
WHERE h.enterprise_id = %(enterprise)s AND period_first(h.period) < %(until)s AND period_until(h.period) > %(since)s
ORDER BY h.carrier, h.period, h.item, h.id;
