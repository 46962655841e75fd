-- received --
-- When the readings for times in (since, until] came and by which way, as arrays; times as microseconds of PostgreSQL.
SELECT array_agg(meter_id), array_agg(time), array_agg(received), array_agg(source::int)
FROM reading WHERE time > %(since)s AND time <= %(until)s AND meter_id = ANY(%(meters)s::int[]);

-- hours --
-- Hourly amounts of some meters over a long time, as arrays.
SELECT array_agg(meter_id), array_agg(hour), array_agg(amount)
FROM consumption WHERE hour >= %(since)s AND hour < %(until)s AND meter_id = ANY(%(meters)s::int[]) AND amount IS NOT NULL;

-- set_aside --
-- Readings that register arithmetic has set aside.
SELECT meter_id, time, flag FROM quarantined_reading
WHERE time > %(since)s AND time <= %(until)s AND meter_id = ANY(%(meters)s::int[]) ORDER BY meter_id, time;

-- flagged --
-- The hours of a month that carry any of some flags, as arrays.
SELECT array_agg(meter_id), array_agg(hour), array_agg(flags)
FROM consumption WHERE hour >= %(since)s AND hour < %(until)s AND meter_id = ANY(%(meters)s::int[])
    AND flags & %(flags)s <> 0;

-- certificates --
-- Calibrations on record: registered with the meter, or an event whose value is the last day of its validity.
SELECT id, NULL::timestamptz, calibrated_until::text FROM meter
WHERE id = ANY(%(meters)s::int[]) AND calibrated_until IS NOT NULL
UNION ALL SELECT meter_id, time, value FROM meter_event
WHERE meter_id = ANY(%(meters)s::int[]) AND event = 'calibration' AND value IS NOT NULL
ORDER BY 1, 3;

-- rivals --
-- Further values for times that had one, and when they came. An estimate that gave way to what was measured is none.
SELECT meter_id, time, received FROM rival_reading
WHERE time > %(since)s AND time <= %(until)s AND meter_id = ANY(%(meters)s::int[]) AND source >= 20 ORDER BY meter_id, time;

-- first_times --
SELECT meter_id, first_time FROM meter_span WHERE meter_id = ANY(%(meters)s::int[]);

-- rejected --
-- Rejections of the month's days by reason, those that were not kept too.
SELECT reason, sum(count)::bigint FROM rejected_count
WHERE enterprise = %(code)s AND day >= %(first)s AND day < %(last)s GROUP BY reason ORDER BY reason;

-- metered --
-- What the counting meters measured in the month, by carrier: used and bought, in the carrier's own unit. Sums in order.
SELECT k.carrier, sum(k.sign * c.amount ORDER BY c.hour, k.meter_id), sum(k.bought * c.amount ORDER BY c.hour, k.meter_id)
FROM counting_meter k JOIN consumption c ON c.meter_id = k.meter_id
WHERE k.enterprise_id = %(enterprise)s AND c.hour >= %(since)s AND c.hour < %(until)s GROUP BY k.carrier;

-- returns --
-- What the monthly return and the bill say, with the carrier's own unit.
SELECT r.carrier, r.item, r.quantity, r.unit, c.unit FROM manual_return r JOIN carrier c ON c.code = r.carrier
WHERE r.enterprise_id = %(enterprise)s AND r.period = %(period)s AND r.quantity IS NOT NULL ORDER BY r.carrier, r.item;

-- outputs --
-- Production by month, products that are returned by day added up.
SELECT product, left(period, 7), sum(quantity)::float8 FROM output
WHERE enterprise_id = %(enterprise)s AND kind = 'qualified' AND length(period) >= 7
    AND left(period, 7) BETWEEN %(first)s AND %(last)s GROUP BY 1, 2 ORDER BY 1, 2;

-- months --
-- The enterprise's equivalent tce by month.
SELECT to_char(month, 'YYYY-MM'), sum(tce_equivalent) FROM usage_month
WHERE enterprise_id = %(enterprise)s AND month >= %(since)s AND month <= %(until)s GROUP BY 1 ORDER BY 1;

-- enterprises --
-- The enterprises of some regions.
SELECT code FROM enterprise WHERE region = ANY(%(regions)s::text[]) ORDER BY code;
