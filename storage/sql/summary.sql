-- readings --
-- How many values lie in storage, further ones for the same meter and time included.
SELECT (SELECT count(*) FROM reading) + (SELECT count(*) FROM rival_reading);

-- rejected --
-- How many readings and messages were refused, by reason.
SELECT reason, sum(count)::bigint FROM rejected_count GROUP BY reason ORDER BY reason;

-- alerts --
-- How many alerts stand open, by level.
SELECT level, count(*) FROM alert WHERE state <> 'resolved' GROUP BY level;
