-- enterprise_codes --
-- Who is registered.
SELECT code FROM enterprise ORDER BY code;

-- codes_with_account --
-- Who has an account with the broker: whoever has closed has none.
SELECT code FROM enterprise WHERE status <> 'closed' ORDER BY code;

-- waiting --
-- How many spans wait to be recomputed, and since when the one that waits longest does.
SELECT count(*), min(added) FROM stale_span;

-- has_reading_day --
-- Whether the place for readings of a day (UTC) is there.
SELECT has_reading_day(%(day)s);
