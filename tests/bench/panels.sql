-- The province of `panels.py`, written straight into the derived tables. One statement after another; all of it is invented.

INSERT INTO enterprise (code, name, region, industry, kind, key_class)
SELECT 'P' || lpad(i::text, 4, '0'), '虚构企业' || i, r.code, NULL, CASE WHEN i %% 100 = 0 THEN 'data_centre' ELSE 'industrial' END,
    'ten_thousand'
FROM generate_series(1, %(enterprises)s) i JOIN (
    SELECT code, row_number() OVER (ORDER BY code) - 1 AS place, count(*) OVER () AS places FROM region WHERE parent = '620000') r
    ON r.place = i %% r.places ORDER BY i;
INSERT INTO meter (enterprise_id, code, name, carrier, kind, unit, scale, level, interval_minutes, role, it_point, calibrated_until)
SELECT e.id, 'M' || lpad(j::text, 2, '0'), '计量点' || j, c.code, 'register', c.unit, 1, CASE WHEN j <= 6 THEN 1 ELSE 2 END, 15,
    CASE WHEN e.kind <> 'data_centre' OR c.code <> 'electricity' THEN 'consumption' WHEN j <= 2 THEN 'dc_total'
        WHEN j BETWEEN 7 AND 16 THEN 'it_load' ELSE 'consumption' END, 'ups_output', current_date + (e.id * 7 + j) %% 700
FROM enterprise e CROSS JOIN generate_series(1, %(meters)s) j
JOIN carrier c ON c.code = CASE WHEN j %% 6 = 5 THEN 'natural_gas' WHEN j %% 6 = 0 THEN 'raw_coal' ELSE 'electricity' END
ORDER BY e.id, j;
INSERT INTO counting_meter SELECT id, enterprise_id, carrier, 1, 0, 0, 0, 1, 1, false FROM meter WHERE level = 1;
INSERT INTO meter_span SELECT id, %(since)s, CASE WHEN id %% 50 = 7 THEN %(until)s - interval '3 days' ELSE %(until)s END FROM meter;
INSERT INTO gateway SELECT id, 'G1', CASE WHEN id %% 40 = 0 THEN 'offline' ELSE 'online' END, %(until)s FROM enterprise;
INSERT INTO usage_hour
SELECT e.id, c, h, a, a, a, a, 0, 0, 0, 0, a * 1.01, a * 0.99, a * 1.02, a * 0.98, false, 3600, 4, 0
FROM enterprise e CROSS JOIN generate_series(%(since)s, %(until)s, interval '1 hour') h
CROSS JOIN unnest(ARRAY['electricity', 'natural_gas', 'raw_coal']) c
CROSS JOIN LATERAL (SELECT 1000 + e.id + 100 * sin(extract(epoch FROM h) / 13000) AS a) v
WHERE e.id %% 10 = 0 ORDER BY e.id, h;
INSERT INTO usage
SELECT e.id, c.code, d::date, a, a, CASE WHEN (e.id + extract(day FROM d)::int) %% 97 = 0 THEN NULL ELSE a END, a, 0, 0, 0, t, t, t,
    t, t, t, t, t, NULL, a / 20, d, false, 0, 86400 * 2, 96 * 2, CASE WHEN e.id %% 9 = 0 THEN 160 ELSE 0 END, NULL, NULL, NULL, now()
FROM enterprise e CROSS JOIN generate_series(%(since)s::timestamptz::date, %(until)s::timestamptz::date, interval '1 day') d
JOIN carrier c ON c.code IN ('electricity', 'natural_gas', 'raw_coal')
CROSS JOIN LATERAL (SELECT 24 * (1000 + e.id) * (1 + 0.1 * sin(extract(epoch FROM d) / 700000)) AS a) v
CROSS JOIN LATERAL (SELECT a * 0.0001229 AS t) w ORDER BY 3, e.id;
INSERT INTO usage_month (enterprise_id, carrier, month, amount, low, high, bought, tce_equivalent, tce_equivalent_low,
    tce_equivalent_high, tce_equal_value, tce_assessed, tco2, peak_kw, estimated, covered_s, received, flags, days, computed)
SELECT enterprise_id, carrier, date_trunc('month', day)::date, sum(amount), sum(low),
    CASE WHEN count(high) = count(*) THEN sum(high) END, sum(bought), sum(tce_equivalent), sum(tce_equivalent), sum(tce_equivalent),
    sum(tce_equal_value), sum(tce_assessed), sum(tco2), max(peak_kw), 0, sum(covered_s), sum(received), bit_or(flags), count(*), now()
FROM usage GROUP BY 1, 2, 3 ORDER BY 3, 1;
INSERT INTO quality_month (enterprise_id, month, computed, score, known, completeness, validity, valid_transmission, warnings, duties, told)
SELECT e.id, m::date, now(), 100 - e.id %% 40, 0.8, 0.97, 0.99, 0.96, 1, 0, '{}'
FROM enterprise e, generate_series(date_trunc('month', %(since)s::timestamptz), %(until)s::timestamptz, interval '1 month') m;
INSERT INTO finding (rule, scope, code, subject, period, state, level, observed, "limit", unit, basis, reason, inputs, rule_version, judged)
SELECT r, 'enterprise', e.code, s, to_char(%(until)s::timestamptz, 'YYYY'),
    CASE (e.id + length(r)) %% 5 WHEN 0 THEN 'warning' WHEN 1 THEN 'cannot_judge' ELSE 'ok' END, NULL, 100 + e.id %% 40, 120, 'tce',
    'equivalent', '虚构的判定结果', '{"metric": "tce", "months": 12}', '1', now()
FROM enterprise e, unnest(ARRAY['quota_used', 'quota_path', 'quota_forecast', 'unit_energy_limit', 'unit_energy_baseline', 'pue',
    'silent_enterprise', 'silent_meters']) r, unnest(ARRAY['tce', 'kwh']) s;
INSERT INTO alert (rule, scope, code, subject, period, level, state, message, opened, changed, resolved)
SELECT 'quota_path', 'enterprise', e.code, n::text, '2026', (ARRAY['red', 'orange', 'yellow', 'blue'])[1 + (e.id + n) %% 4],
    CASE WHEN n < 9 THEN 'resolved' ELSE 'open' END, '虚构的预警', o, o, CASE WHEN n < 9 THEN o + interval '2 days' END
FROM enterprise e, generate_series(1, 10) n, LATERAL (SELECT %(since)s::timestamptz + n * interval '38 days' + e.id * interval '17 minutes') t(o);
INSERT INTO alert_event (alert_id, at, event, level, actor, text)
SELECT id, opened, 'opened', level, 'enermon', message FROM alert
UNION ALL SELECT id, resolved, 'resolved', level, 'enermon', message FROM alert WHERE resolved IS NOT NULL;
INSERT INTO rejected_count SELECT e.code, d::date, r, 3 FROM enterprise e,
    generate_series(%(since)s, %(until)s, interval '1 day') d, unnest(ARRAY['not_a_number', 'time_in_future']) r WHERE e.id %% 10 = 0;
INSERT INTO consumption (hour, until, amount, meter_id, flags, covered_s, received, bounded)
SELECT h, h + interval '1 hour', CASE m.role WHEN 'dc_total' THEN 650 ELSE 100 END, m.id, 0, 3600, 4, false
FROM meter m CROSS JOIN generate_series(%(since)s, %(until)s, interval '1 hour') h
WHERE m.role IN ('dc_total', 'it_load') ORDER BY h, m.id;
