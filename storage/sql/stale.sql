-- mark --
-- Leave word of what must be recomputed.
COPY stale_span (shard, enterprise_id, meters, since, until, why) FROM STDIN (FORMAT binary);

-- shards --
-- Which shards have anything to recompute.
SELECT DISTINCT shard FROM stale_span ORDER BY shard;

-- own_shards --
-- Become the only one recomputing these shards until commit; those taken by others are left to them.
SELECT shard FROM unnest(%(shards)s::int[]) AS shard WHERE pg_try_advisory_xact_lock(%(lock)s, shard);

-- take --
-- What must be recomputed for shards we own. Marks added meanwhile wait for the next round.
DELETE FROM stale_span WHERE shard = ANY(%(shards)s)
RETURNING enterprise_id, meters, since, until, why;

-- is_settled --
-- Whether nothing has been added for a moment, or something has waited long enough all the same.
SELECT max(added) < now() - %(quiet)s OR min(added) < now() - %(patience)s FROM stale_span;

-- waiting --
-- How much is waiting to be recomputed, and since when the oldest mark speaks.
SELECT count(*) AS spans, min(since) AS oldest FROM stale_span;
