-- floors --
-- Since when each class of data is all there, as far as any of it was dropped.
SELECT what, since FROM kept_since;

-- hold --
-- Nothing is dropped until commit.
SELECT pg_advisory_xact_lock_shared(%(lock)s, 0);

-- take --
-- Become the one who drops, when nobody computes. Whoever comes meanwhile waits behind us, so not for long; another time will do.
SELECT set_config('lock_timeout', %(patience)s, true), pg_advisory_xact_lock(%(lock)s, 0);

-- be_brief --
-- The same for one who only compresses.
SELECT set_config('lock_timeout', %(patience)s, true);

-- keep_since --
-- It never moves back.
INSERT INTO kept_since AS known (what, since) VALUES (%(what)s, %(since)s)
ON CONFLICT (what) DO UPDATE SET since = greatest(known.since, EXCLUDED.since);

-- oldest_reading --
SELECT least((SELECT min(time) FROM reading), (SELECT min(time) FROM rival_reading));

-- oldest_consumption --
SELECT min(hour) FROM consumption;

-- oldest_usage_hour --
-- By enterprise, as the key is.
SELECT min(first) FROM enterprise e CROSS JOIN LATERAL (SELECT min(hour) AS first FROM usage_hour WHERE enterprise_id = e.id) o;

-- oldest_rejected --
SELECT received FROM rejected_message ORDER BY id LIMIT 1;

-- drop_consumption --
SELECT drop_consumption(%(before)s);

-- drop_usage_hours --
DELETE FROM usage_hour u USING enterprise e WHERE u.enterprise_id = e.id AND u.hour < %(before)s;

-- drop_rejected --
-- Some of them: they lie in the order in which they came. How many there were is kept in rejected_count.
DELETE FROM rejected_message WHERE id = ANY(ARRAY(
    SELECT id FROM (SELECT id, received FROM rejected_message ORDER BY id LIMIT %(limit)s) o WHERE received < %(before)s));

-- to_compress --
-- Parts of a series that should be compressed and are not, the oldest first.
SELECT part FROM parts_to_compress(%(series)s, %(before)s) AS part;

-- compress --
CALL compress_part(%(part)s);
