-- A month's sum over the days before `until`, and a day's over its hours before `until`: kept so that a burst adds its own
-- day and hour to them rather than all days of the month and all hours of the day. Sums run one day, one hour after the
-- other, so that going on from here gives the bits that adding all of them would.
CREATE TABLE usage_month_before (LIKE usage_month, until date NOT NULL, PRIMARY KEY (enterprise_id, month, until, carrier));
ALTER TABLE usage_month_before DROP COLUMN computed;

CREATE TABLE usage_day_before (
    enterprise_id int NOT NULL, carrier text NOT NULL, day date NOT NULL, until timestamptz NOT NULL,
    amount float8, low float8, high float8, bought float8, renewable float8, exported float8, feedstock float8,
    peak float8[],                    -- kW and, negated, seconds since 1970
    peak_partial boolean NOT NULL, estimated float8 NOT NULL, covered_s bigint, received bigint, flags int NOT NULL,
    PRIMARY KEY (enterprise_id, day, until, carrier));
