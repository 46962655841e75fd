-- mark --
-- Leave word of what must be recomputed.
COPY stale_span (shard, enterprise_id, meters, since, until, why) FROM STDIN (FORMAT binary);

-- shards --
-- Which shards have anything to recompute.
SELECT DISTINCT shard FROM stale_span ORDER BY shard;

-- workers --
-- How many workers are connected to this database, and whether this session is one that was counted.
SELECT count(*), coalesce(bool_or(l.pid = pg_backend_pid()), false) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = %(lock)s AND l.mode = 'ShareLock' AND l.granted;

-- be_counted --
-- Be one of them as long as this session lives, whatever becomes of its transactions.
SELECT pg_advisory_lock_shared(%(lock)s, 0);

-- own_shards --
-- Become the only one recomputing these shards until commit; those taken by others are left to them.
SELECT shard FROM unnest(%(shards)s::int[]) AS shard WHERE pg_try_advisory_xact_lock(%(lock)s, shard);

-- await_shards --
-- Have each of these shards once, in their order, whoever has it now.
SELECT pg_advisory_xact_lock(%(lock)s, shard) FROM (SELECT unnest(%(shards)s::int[]) AS shard ORDER BY 1) s;

-- take --
-- What must be recomputed for shards we own. Marks added meanwhile wait for the next round.
DELETE FROM stale_span WHERE shard = ANY(%(shards)s)
RETURNING enterprise_id, meters, since, until, why;

-- announce --
-- Be seen by `is_settled` until commit.
SELECT pg_advisory_xact_lock_shared(%(lock)s, 0);

-- is_settled --
-- Whether nothing has been added for a moment and nobody is storing much, or something has waited long enough all the same.
SELECT min(added) < now() - %(patience)s OR max(added) < now() - %(quiet)s AND NOT EXISTS (
    SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = %(lock)s)
FROM stale_span;

-- waiting --
-- How much is waiting to be recomputed, and since when the oldest mark speaks.
SELECT count(*) AS spans, min(since) AS oldest FROM stale_span;
