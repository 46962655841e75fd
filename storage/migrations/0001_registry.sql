-- The registry: who measures what, and the facts of the field that figures are made with.
-- Columns carry the names of the contract's registry files, so that a file and its table read alike.
-- Text keys are '' rather than NULL where they belong to a unique key: "not stated" must still be one value.

CREATE TABLE registry_version (sole boolean PRIMARY KEY DEFAULT true CHECK (sole), version bigint NOT NULL DEFAULT 0);
INSERT INTO registry_version DEFAULT VALUES;

CREATE TABLE region (
    code text PRIMARY KEY, name text NOT NULL, parent text REFERENCES region, source text NOT NULL DEFAULT '',
    confidence text NOT NULL DEFAULT '');

CREATE TABLE industry (
    code text PRIMARY KEY, name text NOT NULL, source text NOT NULL DEFAULT '', confidence text NOT NULL DEFAULT '');

CREATE TABLE carrier (
    code text PRIMARY KEY, name_zh text NOT NULL, name_en text NOT NULL, category text NOT NULL,
    is_medium boolean NOT NULL, unit text NOT NULL, stat205_code text, stat205_unit text,
    source text NOT NULL, confidence text NOT NULL);

CREATE TABLE enterprise (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE, name text NOT NULL, region text NOT NULL REFERENCES region,
    industry text REFERENCES industry, kind text NOT NULL DEFAULT 'industrial', credit_code text, legal_entity text,
    supervised_by text REFERENCES region, status text NOT NULL DEFAULT 'operating', key_class text,
    floor_area_m2 numeric, energy_users numeric, altitude_m numeric, commissioned_on date, two_high boolean,
    contact_email text, contact_phone text);

CREATE TABLE meter (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enterprise_id int NOT NULL REFERENCES enterprise, code text NOT NULL, name text NOT NULL DEFAULT '',
    carrier text NOT NULL REFERENCES carrier, kind text NOT NULL CHECK (kind IN ('register', 'interval', 'power')),
    unit text NOT NULL, multiplier numeric NOT NULL DEFAULT 1, register_max numeric,
    interval_minutes int NOT NULL DEFAULT 15 CHECK (interval_minutes BETWEEN 1 AND 1440),
    label text NOT NULL DEFAULT 'end' CHECK (label IN ('end', 'start')), zone text,
    rated_power_kw numeric, max_rate_per_hour numeric, density_kg_per_l numeric,
    level int NOT NULL DEFAULT 1, in_total boolean, parent text,
    role text NOT NULL DEFAULT 'consumption', site text, process text, product text, it_point text, gas_condition text,
    accuracy_class text, serial_no text, model text, calibrated_on date, calibrated_until date, supply_account text,
    valid_from timestamptz, valid_to timestamptz,
    scale float8 NOT NULL,            -- carrier's own units for one register unit: multiplier x unit conversion, set at import
    max_rate float8,                  -- largest plausible rate in the carrier's own unit per hour, NULL = not stated
    UNIQUE (enterprise_id, code));

CREATE TABLE meter_event (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id int NOT NULL REFERENCES meter, time timestamptz NOT NULL,
    event text NOT NULL CHECK (event IN ('exchange', 'multiplier', 'unit', 'calibration', 'reset')),
    old_final float8, new_initial float8, new_serial text, value text, document text, UNIQUE (meter_id, time, event));

CREATE TABLE virtual_meter (
    enterprise_id int NOT NULL REFERENCES enterprise, code text NOT NULL, name text NOT NULL DEFAULT '',
    carrier text NOT NULL REFERENCES carrier, unit text NOT NULL, formula text NOT NULL, in_total boolean,
    role text NOT NULL DEFAULT 'consumption', PRIMARY KEY (enterprise_id, code));

CREATE TABLE product (
    enterprise_id int NOT NULL REFERENCES enterprise, product text NOT NULL, name text NOT NULL DEFAULT '', unit text NOT NULL,
    process text, line text NOT NULL DEFAULT '', levels text, capacity numeric, capacity_unit text,
    energy_rule text NOT NULL DEFAULT 'process_meters', share numeric, PRIMARY KEY (enterprise_id, product));

CREATE TABLE output (
    enterprise_id int NOT NULL REFERENCES enterprise, product text NOT NULL, period text NOT NULL, quantity numeric NOT NULL,
    unit text NOT NULL, kind text NOT NULL DEFAULT 'qualified', source text NOT NULL DEFAULT '',
    received timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (enterprise_id, product, period, kind));

CREATE TABLE manual_return (
    enterprise_id int NOT NULL REFERENCES enterprise, carrier text NOT NULL REFERENCES carrier, period text NOT NULL,
    item text NOT NULL, quantity numeric NOT NULL, unit text NOT NULL, lhv_kj_per_unit numeric, document text,
    PRIMARY KEY (enterprise_id, carrier, period, item));

-- What a meter used over [since, until) in the meter's unit, amount NULL: unknown. It counts from approved_at to withdrawn_at.
-- spread: how the amount is placed in its hours (energy.corrections.Spread). retired: 0, of a withdrawn one its id, so that
-- its author may write another one of the same span and the chain stays.
CREATE TABLE correction (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, meter_id int NOT NULL REFERENCES meter,
    since timestamptz NOT NULL, until timestamptz NOT NULL, amount float8,
    spread text NOT NULL DEFAULT 'time' CHECK (spread IN ('time', 'profile')), reason text NOT NULL, document text,
    author text NOT NULL, written timestamptz NOT NULL DEFAULT now(), approver text, approved_at timestamptz,
    withdrawn_by text, withdrawn_at timestamptz, retired int NOT NULL DEFAULT 0,
    UNIQUE (meter_id, since, until, author, retired), CHECK (since < until), CHECK (approver <> author));
CREATE INDEX correction_standing ON correction (meter_id) WHERE approved_at IS NOT NULL AND withdrawn_at IS NULL;

CREATE TABLE activity (
    scope text NOT NULL, code text NOT NULL, item text NOT NULL, period text NOT NULL, value numeric NOT NULL, unit text NOT NULL,
    price_base text NOT NULL DEFAULT '', source text, PRIMARY KEY (scope, code, item, period, price_base));

CREATE TABLE parameter (
    enterprise_id int NOT NULL REFERENCES enterprise, product text NOT NULL DEFAULT '', period text NOT NULL DEFAULT '',
    name text NOT NULL, value numeric NOT NULL, PRIMARY KEY (enterprise_id, product, period, name));

CREATE TABLE quota (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL CHECK (scope IN ('enterprise', 'region')), code text NOT NULL, metric text NOT NULL,
    product text NOT NULL DEFAULT '', period text NOT NULL, "limit" numeric NOT NULL, unit text NOT NULL,
    basis text NOT NULL DEFAULT '', boundary text NOT NULL DEFAULT '', kind text NOT NULL DEFAULT 'limit',
    direction text NOT NULL DEFAULT 'at_most', denominator text NOT NULL DEFAULT '', price_base text NOT NULL DEFAULT '',
    document text, valid_from date,
    UNIQUE (scope, code, metric, product, period, basis, boundary, kind));

CREATE TABLE factor (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    carrier text NOT NULL REFERENCES carrier, scope text NOT NULL DEFAULT '', region text NOT NULL DEFAULT '',
    unit text NOT NULL, kgce_per_unit numeric, kgce_equal_per_unit numeric, kgco2_per_unit numeric, lhv_kj_per_unit numeric,
    method text NOT NULL, confidence text NOT NULL, valid_from date NOT NULL, valid_to date, source text NOT NULL,
    shipped boolean NOT NULL DEFAULT false,
    UNIQUE (carrier, scope, region, source, valid_from, shipped), CHECK (valid_to IS NULL OR valid_from < valid_to));

CREATE TABLE efficiency_level (
    record_id text PRIMARY KEY, record_set text NOT NULL, standard_no text NOT NULL, publish_date date, effective_date date,
    replaces text, sector_code text, sector text, product text NOT NULL, process_or_condition text, indicator text NOT NULL,
    unit text, better text NOT NULL, level1_advanced numeric, level2_access numeric, level3_limit numeric, benchmark numeric,
    baseline numeric, policy_line numeric, policy_kind text, region_scope text, deadline date, correction_note text,
    confidence text NOT NULL, source text NOT NULL, notes text);

CREATE TABLE holiday (
    date date PRIMARY KEY, kind text NOT NULL CHECK (kind IN ('workday', 'holiday')), source text NOT NULL DEFAULT '',
    confidence text NOT NULL DEFAULT '');

-- Which shipped reference files (config/reference) stand in the tables above, by their hash.
CREATE TABLE shipped_file (name text PRIMARY KEY, hash text NOT NULL);
