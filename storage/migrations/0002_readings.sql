-- What arrived. Nothing here is ever changed; a second value for the same meter and time lies beside the first.

-- source: tens digit is the precedence (3 approved manual, 2 automatic, 1 estimate), units digit the way it came:
-- 10 estimate, 20 MQTT, 21 file, 30 approved manual.
-- received: one instant per committed batch of one collector, so it also names the batch.
CREATE TABLE reading (
    time timestamptz NOT NULL, received timestamptz NOT NULL, value float8 NOT NULL, seq bigint,
    meter_id int NOT NULL, source smallint NOT NULL,
    PRIMARY KEY (time, meter_id));
CALL make_series('reading', 'time', 'day');

-- Every further value for a time that a meter has already spoken for.
CREATE TABLE rival_reading (
    meter_id int NOT NULL, time timestamptz NOT NULL, value float8 NOT NULL, source smallint NOT NULL, seq bigint,
    received timestamptz NOT NULL, PRIMARY KEY (meter_id, time, value, source));
CREATE INDEX rival_reading_time ON rival_reading (time);

-- A reading that register arithmetic has set aside (a dip, a spike). Rewritten whenever its surroundings are recomputed.
CREATE TABLE quarantined_reading (
    meter_id int NOT NULL, time timestamptz NOT NULL, flag int NOT NULL, PRIMARY KEY (meter_id, time));

-- Registers whose last readings wait for later ones to be understood.
CREATE TABLE undecided_meter (meter_id int PRIMARY KEY);

-- When a meter first and last spoke: what completeness counts from, and what a silent meter is known by.
-- Room beside each row, so that moving last_time on touches no index.
CREATE TABLE meter_span (
    meter_id int PRIMARY KEY, first_time timestamptz NOT NULL, last_time timestamptz NOT NULL) WITH (fillfactor = 50);

CREATE TABLE rejected_message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, received timestamptz NOT NULL, enterprise text NOT NULL,
    topic text NOT NULL DEFAULT '', gateway text, seq bigint, index int, meter text, reason text NOT NULL, message text NOT NULL,
    item jsonb,                       -- the one reading, {"meter", "time", "value"} as it was sent
    payload bytea,                    -- the whole message where no reading could be told apart
    admitted timestamptz);            -- when it became a reading after all, the meter having been registered
CREATE INDEX rejected_message_waiting ON rejected_message (enterprise, meter)
    WHERE admitted IS NULL AND reason IN ('unknown_meter', 'unknown_enterprise');
CREATE INDEX rejected_message_received ON rejected_message (enterprise, received);

-- Every rejection is counted here, those beyond the quota of kept ones too.
CREATE TABLE rejected_count (
    enterprise text NOT NULL, day date NOT NULL, reason text NOT NULL, count bigint NOT NULL, PRIMARY KEY (enterprise, day, reason));

CREATE TABLE gateway (
    enterprise_id int NOT NULL REFERENCES enterprise, code text NOT NULL, state text NOT NULL,
    since timestamptz NOT NULL, PRIMARY KEY (enterprise_id, code));

-- What must be recomputed: these meters of one enterprise within [since, until]. Insert-only: whoever adds never waits.
-- shard = enterprise_id % 256. why: reading, late, event, factor, quota, registry, correction.
CREATE TABLE stale_span (
    id bigint GENERATED ALWAYS AS IDENTITY, shard smallint NOT NULL, enterprise_id int NOT NULL, meters int[] NOT NULL,
    since timestamptz NOT NULL, until timestamptz NOT NULL, why text NOT NULL,
    added timestamptz NOT NULL DEFAULT clock_timestamp());  -- how long it waits; a large batch takes a while to be stored
CREATE INDEX stale_span_shard ON stale_span (shard);

-- The same for the station that judges: this enterprise's figures moved. '' in code never occurs; region by its code.
CREATE TABLE stale_judgement (
    id bigint GENERATED ALWAYS AS IDENTITY, scope text NOT NULL, code text NOT NULL, why text NOT NULL);
