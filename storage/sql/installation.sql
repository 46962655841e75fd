-- enterprise_codes --
-- Who has an account with the broker.
SELECT code FROM enterprise ORDER BY code;

-- waiting --
-- How many spans wait to be recomputed, and since when the one that waits longest does.
SELECT count(*), min(added) FROM stale_span;

-- has_reading_day --
-- Whether the place for readings of a day (UTC) is there.
SELECT has_reading_day(%(day)s);
