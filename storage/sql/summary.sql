-- readings --
-- How many values lie in storage, further ones for the same meter and time included.
SELECT (SELECT count(*) FROM reading) + (SELECT count(*) FROM rival_reading);

-- rejected --
-- How many readings and messages were refused, by reason.
SELECT reason, sum(count)::bigint FROM rejected_count GROUP BY reason ORDER BY reason;

-- alerts --
-- How many alerts stand open, by level.
SELECT level, count(*) FROM alert WHERE state <> 'resolved' GROUP BY level;

-- records --
-- What people have told beside readings and does stand now, by kind.
SELECT 'returned values', count(*) FROM manual_return WHERE quantity IS NOT NULL
UNION ALL SELECT 'meter events', count(*) FROM meter_event
UNION ALL SELECT 'virtual meters', count(*) FROM virtual_meter
UNION ALL SELECT 'corrections approved', count(*) FROM correction WHERE approved_at IS NOT NULL AND withdrawn_at IS NULL
UNION ALL SELECT 'corrections pending', count(*) FROM correction WHERE approved_at IS NULL AND withdrawn_at IS NULL
UNION ALL SELECT 'estimates', count(*) FROM estimate WHERE withdrawn_at IS NULL;
