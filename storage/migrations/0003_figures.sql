-- What readings become. Every row here can be thrown away and computed again.

-- Consumption of one meter in one hour, in the carrier's own unit.
-- amount NULL: nothing is known. low/high NULL: equal to amount; high NULL with low set: no upper bound is known.
-- until: end of the last piece that counts here. q1 to q4: amounts of the four quarter hours, NaN where unknown, for kWh and MJ
-- meters that count into a total; NULL for all others.
CREATE TABLE consumption (
    hour timestamptz NOT NULL, until timestamptz NOT NULL, amount float8, low float8, high float8, estimated float8,
    peak_rate float8, peak_at timestamptz, q1 float8, q2 float8, q3 float8, q4 float8, meter_id int NOT NULL,
    flags int NOT NULL, covered_s smallint NOT NULL, received smallint NOT NULL, bounded boolean NOT NULL,
    PRIMARY KEY (hour, meter_id));
CALL make_series('consumption', 'hour', 'month');

-- Usage of one enterprise and carrier in one hour, from the meters that count into the total. Physical, no factor in it.
CREATE TABLE usage_hour (
    enterprise_id int NOT NULL, carrier text NOT NULL, hour timestamptz NOT NULL,
    amount float8, low float8, high float8, bought float8, renewable float8, exported float8, feedstock float8,
    estimated float8 NOT NULL, q1 float8, q2 float8, q3 float8, q4 float8, -- mean kW of the quarter hours, kWh and MJ carriers
    peak_partial boolean NOT NULL, -- a feeder is missing or coarser than 15 minutes: these are "at least"
    covered_s bigint NOT NULL, received bigint NOT NULL, flags int NOT NULL, PRIMARY KEY (enterprise_id, hour, carrier));

-- The same for one day of the deployment's zone, with tce and tCO2 and the factors that made them.
-- amount: what is known, NULL if nothing is; low: at least so much; high: at most, NULL where no upper bound is known.
-- (usage_hour alike.) tce_medium: tce of an energy medium, which enters only the GB/T 2589 total; NULL for other carriers.
-- covered_s: seconds for which the counting meters' amounts are known, added over meters; received: readings, likewise.
CREATE TABLE usage (
    enterprise_id int NOT NULL, carrier text NOT NULL, day date NOT NULL,
    amount float8, low float8, high float8, bought float8, renewable float8, exported float8, feedstock float8,
    tce_equivalent float8, tce_equivalent_low float8, tce_equivalent_high float8,
    tce_equal_value float8, tce_equal_value_low float8, tce_equal_value_high float8,
    tce_assessed float8, tco2 float8, tce_medium float8,
    peak_kw float8, peak_at timestamptz, peak_partial boolean NOT NULL DEFAULT false,
    estimated float8 NOT NULL, covered_s bigint NOT NULL, received bigint NOT NULL, flags int NOT NULL,
    factor_equivalent int, factor_equal_value int, factor_co2 int, computed timestamptz NOT NULL,
    PRIMARY KEY (enterprise_id, day, carrier));
CREATE INDEX usage_day ON usage (day, enterprise_id);

-- Months beside days keep annual quotas from reading the year. month is its first day.
CREATE TABLE usage_month (
    enterprise_id int NOT NULL, carrier text NOT NULL, month date NOT NULL,
    amount float8, low float8, high float8, bought float8, renewable float8, exported float8, feedstock float8,
    tce_equivalent float8, tce_equivalent_low float8, tce_equivalent_high float8,
    tce_equal_value float8, tce_equal_value_low float8, tce_equal_value_high float8,
    tce_assessed float8, tco2 float8, tce_medium float8,
    peak_kw float8, peak_at timestamptz, peak_partial boolean NOT NULL DEFAULT false,
    estimated float8 NOT NULL, covered_s bigint NOT NULL, received bigint NOT NULL, flags int NOT NULL, days int NOT NULL,
    computed timestamptz NOT NULL, PRIMARY KEY (enterprise_id, month, carrier));
