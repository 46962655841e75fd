-- What a dashboard may see: views of the registry and of the figures, in a schema of their own. No raw reading is among
-- them, nor a contact or who did what. A view runs with the rights of its owner, so that a role that may read
-- this schema needs no right on the tables behind it; and tables may change as long as these columns stay.

CREATE SCHEMA grafana;

CREATE VIEW grafana.region AS SELECT code, name, parent FROM region;

-- A region and those below it. One that does not exist has nothing inside.
CREATE FUNCTION grafana.inside(code text) RETURNS SETOF text LANGUAGE sql STABLE ROWS 100 AS $$
    WITH RECURSIVE area AS (
        SELECT r.code FROM grafana.region r WHERE r.code = inside.code
        UNION SELECT r.code FROM grafana.region r JOIN area a ON r.parent = a.code)
    SELECT code FROM area
$$;

CREATE VIEW grafana.enterprise AS
SELECT e.id, e.code, e.name, e.region, r.name AS region_name, i.name AS industry_name, e.kind, e.status, e.key_class,
    EXISTS (SELECT FROM meter m WHERE m.enterprise_id = e.id AND m.role = 'it_load') AS has_it
FROM enterprise e JOIN region r ON r.code = e.region LEFT JOIN industry i ON i.code = e.industry;

CREATE VIEW grafana.carrier AS SELECT code, name_zh, name_en, category, is_medium, unit FROM carrier;

-- first_time, last_time: when it spoke, never what it said. dc_sign: how it counts into the energy of a data centre (PUE).
CREATE VIEW grafana.meter AS
SELECT m.id, m.enterprise_id, m.code, m.name, m.carrier, m.kind, m.unit, m.interval_minutes, m.level, m.role, m.site,
    m.process, m.it_point, m.calibrated_until, m.valid_from, m.valid_to, s.first_time, s.last_time,
    m.role = 'it_load' AS is_it,
    CASE m.role WHEN 'dc_total' THEN 1 WHEN 'generation_renewable' THEN 1 WHEN 'generation_fuel' THEN 1 WHEN 'export' THEN -1
        END AS dc_sign
FROM meter m LEFT JOIN meter_span s ON s.meter_id = m.id;

-- The meters that count, with what completeness needs, in seconds since 1970: see pages.expected.
CREATE VIEW grafana.counting_meter AS
SELECT enterprise_id, carrier, interval_s, coalesce(first, min(first) OVER (PARTITION BY enterprise_id, carrier)) AS first, until
FROM (
    SELECT k.enterprise_id, k.carrier, m.interval_minutes * 60 AS interval_s,
        extract(epoch FROM coalesce(m.valid_from, s.first_time - CASE WHEN m.kind <> 'register' AND m.label = 'end'
            THEN make_interval(mins => m.interval_minutes) ELSE interval '0' END))::float8 AS first,
        extract(epoch FROM m.valid_to)::float8 AS until
    FROM counting_meter k JOIN meter m ON m.id = k.meter_id JOIN carrier c ON c.code = k.carrier
    LEFT JOIN meter_span s ON s.meter_id = k.meter_id WHERE k.sign <> 0 AND NOT c.is_medium) k;

-- at_least: a part of the figure is unknown or only bounded. begins: readings begin inside the month (flag BEGINS), so that
-- it cannot be compared with a whole one. Every carrier is there; LEFT, so that a panel that asks nothing
-- of it does not join it.
CREATE VIEW grafana.usage_month AS
SELECT u.enterprise_id, u.carrier, c.category, c.is_medium, u.month, u.amount, u.low, u.high, c.unit, u.tce_equivalent,
    u.tce_equal_value, u.tce_assessed, u.tco2, u.peak_kw, u.peak_at, u.peak_partial, u.estimated, u.covered_s, u.received,
    u.flags, u.days, u.amount IS NULL OR u.high IS NULL OR u.high > u.low OR u.tce_equivalent IS NULL AS at_least,
    u.flags & (1 << 15) <> 0 AS begins
FROM usage_month u LEFT JOIN carrier c ON c.code = u.carrier;

CREATE VIEW grafana.usage_day AS
SELECT u.enterprise_id, u.carrier, c.category, c.is_medium, u.day, u.amount, u.low, u.high, c.unit, u.tce_equivalent,
    u.tce_equal_value, u.tce_assessed, u.tco2, u.peak_kw, u.peak_at, u.peak_partial, u.estimated, u.covered_s, u.received,
    u.flags
FROM usage u LEFT JOIN carrier c ON c.code = u.carrier;

CREATE VIEW grafana.usage_hour AS
SELECT enterprise_id, carrier, hour, amount, low, high, estimated, q1, q2, q3, q4, peak_partial, covered_s, received, flags
FROM usage_hour;

CREATE VIEW grafana.consumption AS
SELECT hour, meter_id, amount, low, high, estimated, flags, covered_s, received, bounded FROM consumption;

CREATE VIEW grafana.finding AS
SELECT f.id, f.rule, f.scope, f.code, coalesce(e.name, r.name, f.code) AS name, coalesce(e.region, r.code) AS region, f.subject,
    coalesce(nullif(p.name, ''), f.subject) AS subject_name, f.period, f.state, f.level, f.certainty, f.observed,
    f.observed_low, f.observed_high, f."limit", f.unit, f.basis, f.document, f.reason, f.judged,
    coalesce(f.inputs ->> 'metric', '') AS metric, coalesce(f.inputs ->> 'boundary', '') AS boundary,
    coalesce(f.inputs ->> 'it_point', '') AS it_point, f.inputs ->> 'months' AS months, f.inputs ->> 'grade' AS grade
FROM finding f LEFT JOIN enterprise e ON f.scope = 'enterprise' AND e.code = f.code
LEFT JOIN region r ON f.scope = 'region' AND r.code = f.code
LEFT JOIN product p ON p.enterprise_id = e.id AND p.product = split_part(f.subject, ':', 1);

-- region: where the enterprise lies; '' where the platform itself is warned about, which concerns every region.
CREATE VIEW grafana.alert AS
SELECT a.id, a.rule, a.scope, a.code, coalesce(e.name, r.name, a.code) AS name, coalesce(e.region, r.code, '') AS region,
    a.subject, a.period, a.level, a.state, a.certainty, a.observed, a."limit", a.unit, a.basis, a.message, a.opened, a.changed,
    a.resolved
FROM alert a LEFT JOIN enterprise e ON a.scope = 'enterprise' AND e.code = a.code
LEFT JOIN region r ON a.scope = 'region' AND r.code = a.code;

-- What happened to a case by itself; remarks that people made stay inside.
CREATE VIEW grafana.alert_event AS
SELECT v.id, v.alert_id, v.at, v.event, v.level, v.text FROM alert_event v
WHERE v.event IN ('opened', 'raised', 'lowered', 'resolved', 'acknowledged');

-- Scores of enterprises and months as they were last told.
CREATE VIEW grafana.quality_month AS
SELECT enterprise_id, month, computed, score, known, completeness, accuracy, timeliness, verifiability, validity, conformity,
    valid_transmission, warnings, duties FROM quality_month;

CREATE VIEW grafana.rejected_count AS
SELECT c.enterprise, c.day, c.reason, c.count FROM rejected_count c;

CREATE VIEW grafana.gateway AS SELECT enterprise_id, code, state, since FROM gateway;

-- Events of a span of time are asked for on every dashboard; months and days of a whole province too, and those only in the
-- columns that its panels add up, so that the table itself need not be read.
CREATE INDEX alert_event_at ON alert_event (at);
CREATE INDEX usage_month_month ON usage_month (month, enterprise_id);
DROP INDEX usage_day;
CREATE INDEX usage_day ON usage (day, enterprise_id) INCLUDE (carrier, tce_equivalent, tce_equal_value, covered_s, received);

-- A role that may only look: made if it is missing, its password (or the verifier of one) set, bound to reading and to
-- days of our zone. Whoever calls needs CREATEROLE.
CREATE PROCEDURE grafana.admit(viewer text, password text, zone text) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = viewer) THEN
        EXECUTE format('CREATE ROLE %I LOGIN CONNECTION LIMIT 30', viewer);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', viewer, password);
    EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', viewer);
    EXECUTE format('ALTER ROLE %I SET statement_timeout = ''20s''', viewer);
    EXECUTE format('ALTER ROLE %I SET plan_cache_mode = force_custom_plan', viewer);
    EXECUTE format('ALTER ROLE %I SET TimeZone = %L', viewer, zone);
END $$;

-- What it may see; the owner of the views is enough. Temporary tables are writing too, and PUBLIC may make them unless told.
CREATE PROCEDURE grafana.show_to(viewer text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), viewer);
    EXECUTE format('GRANT USAGE ON SCHEMA grafana TO %I', viewer);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA grafana TO %I', viewer);
END $$;
REVOKE ALL ON PROCEDURE grafana.admit, grafana.show_to FROM PUBLIC;
