-- Estimates, points that are refused, and what imports have changed of a meter.

-- What the platform has estimated of time for which nothing is known (EC-22). Counts only where nothing else says anything, until
-- it is withdrawn. Slots of step_s seconds from `begins` on, as far as they lie in [since, until): the middle, the least and the
-- most of the reference days, in the meter's own counting (kWh for kW), before its multiplier.
CREATE TABLE estimate (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter_id int NOT NULL REFERENCES meter, since timestamptz NOT NULL, until timestamptz NOT NULL,
    begins timestamptz NOT NULL, step_s int NOT NULL,
    amounts float8[] NOT NULL, lows float8[] NOT NULL, highs float8[] NOT NULL,
    method text NOT NULL, reference_days date[] NOT NULL, written timestamptz NOT NULL, author text NOT NULL,
    withdrawn_at timestamptz, withdrawn_by text, CHECK (since < until));
CREATE INDEX estimate_standing ON estimate (until) WHERE withdrawn_at IS NULL;

-- Local days on which a point that is declared cumulative sent something else (EC-10): its amounts are unknown there. Follows from
-- the readings, can be thrown away and found again. why: daily_totals, amounts.
CREATE TABLE unbound_day (
    meter_id int NOT NULL, since timestamptz NOT NULL, until timestamptz NOT NULL, why text NOT NULL,
    fallen int NOT NULL, steps int NOT NULL, PRIMARY KEY (meter_id, since));

-- What imports have changed of a meter that figures rest on (EC-8): the past was computed again with it. before, after: what the
-- columns held.
CREATE TABLE registry_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(), actor text NOT NULL DEFAULT coalesce(current_setting('enermon.actor', true), ''),
    meter_id int NOT NULL REFERENCES meter, before jsonb NOT NULL, after jsonb NOT NULL);
CREATE INDEX registry_change_meter ON registry_change (meter_id, at);
