-- be_quick --
-- Who watches is not to be waited for.
SELECT set_config('statement_timeout', '5s', true);

-- due --
-- What waits for the worker beside stale spans.
SELECT (SELECT count(*) FROM stale_judgement), d.count, d.oldest,
    (SELECT count(*) FROM report_run WHERE state <> 'done' AND due <= %(now)s)
FROM (SELECT count(*) AS count, min(due) AS oldest FROM delivery WHERE state = 'due' AND due <= %(now)s) d;

-- latest_reading --
-- The newest reading of some days, from the end of their indexes.
SELECT max(time) FROM reading WHERE time >= %(since)s AND time < %(until)s;

-- latest_span --
-- The same from what is known of every meter: slow with a million of them, and only asked when nothing comes in.
SELECT max(last_time) FROM meter_span;

-- gateways --
-- Gateways of operating enterprises by what they last said of themselves.
SELECT g.state, count(*) FROM gateway g JOIN enterprise e ON e.id = g.enterprise_id WHERE e.status = 'operating' GROUP BY g.state;

-- alerts_open --
-- Cases that are not resolved, by level.
SELECT level, count(*) FROM alert WHERE state <> 'resolved' GROUP BY level;
