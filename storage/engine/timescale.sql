-- TimescaleDB: series are hypertables, and what is old lies in its columnstore. No policy of its own runs: the worker asks for
-- each step (`storage.retention`), so that what is kept, and why, stands in one place for both engines.
-- Run at every migrate, before everything else. postgres.sql offers the same procedures with the same signatures.

CREATE EXTENSION IF NOT EXISTS timescaledb;

CREATE OR REPLACE FUNCTION engine_name() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'timescale' $$;

-- What keeps this server from being used, as the server says it; NULL if nothing does. Found by trying: an Apache-only build has
-- the extension too.
CREATE OR REPLACE FUNCTION engine_fault() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    CREATE TABLE series_trial (
        time timestamptz NOT NULL, received timestamptz NOT NULL, meter_id int NOT NULL, PRIMARY KEY (time, meter_id));
    CALL make_series('series_trial', 'time', 'day');
    RAISE SQLSTATE 'EN000';
EXCEPTION
    WHEN SQLSTATE 'EN000' THEN RETURN NULL;
    WHEN OTHERS THEN RETURN SQLERRM;
END $$;

-- Make a series of an empty table with a primary key: cut by a column of times into parts of a `span` ('day' or 'month', UTC).
-- Readings are never rewritten, and come a slot at a time from all meters: in that order their times, batches and numbers cost
-- next to nothing (5 to 8 bytes a reading against 15 to 28 with a segment for each meter, measured). Consumption is computed
-- again meter by meter: a segment for each is all that is unpacked for it.
-- A sparse index of our choice keeps TimescaleDB from adding a bloom filter over the key, a whole byte a reading of no use; an
-- empty choice would too, and makes the server crash (timescale/timescaledb issue 10414).
CREATE OR REPLACE PROCEDURE make_series(series text, by text, span text) LANGUAGE plpgsql AS $$
DECLARE
    is_rewritten boolean := series = 'consumption';
BEGIN
    PERFORM create_hypertable(series::regclass, by_range(by::name, ('1 ' || span)::interval), create_default_indexes => false);
    IF is_rewritten THEN
        EXECUTE format('ALTER TABLE %I SET (timescaledb.enable_columnstore, timescaledb.segmentby = ''meter_id'','
            ' timescaledb.orderby = %L)', series, by);
        EXECUTE format('ALTER TABLE %I SET (fillfactor = 45)', series); -- why: see postgres.sql
    ELSE
        EXECUTE format('ALTER TABLE %I SET (timescaledb.enable_columnstore, timescaledb.segmentby = '''','
            ' timescaledb.orderby = %L, timescaledb.sparse_index = ''minmax(received)'')', series, by || ', meter_id');
    END IF;
END $$;

-- Nothing to do: TimescaleDB makes chunks when rows come.
CREATE OR REPLACE PROCEDURE add_partition(
    parent text, since timestamptz, until timestamptz, fillfactor int DEFAULT 100) LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE OR REPLACE PROCEDURE ensure_reading_days(days date[]) LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE OR REPLACE PROCEDURE ensure_consumption_months(months date[]) LANGUAGE plpgsql AS $$ BEGIN END $$;

-- Whether readings of that day (UTC) can be written without making room first.
CREATE OR REPLACE FUNCTION has_reading_day(day date) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT true $$;

-- All readings of a day (UTC) at once; `storage.chain.drop_day` records what they were. Where chunks are not days, row by row.
CREATE OR REPLACE PROCEDURE drop_reading_day(day date) LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz := day::timestamp AT TIME ZONE 'UTC';
    until timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    PERFORM drop_chunks('reading', newer_than => since, older_than => until);
    DELETE FROM reading WHERE time >= since AND time < until;
END $$;

-- The parts of consumption that end before an instant; since when all of it is still there.
CREATE OR REPLACE FUNCTION drop_consumption(before timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM drop_chunks('consumption', older_than => before);
    RETURN coalesce((
        SELECT min(range_start) FROM timescaledb_information.chunks
        WHERE hypertable_schema = current_schema() AND hypertable_name = 'consumption' AND range_start < before), before);
END $$;

-- The parts of a series that end before an instant and lie there uncompressed, in whole or in part. What comes late into a
-- compressed chunk lies beside it as rows, and ONLY sees those.
CREATE OR REPLACE FUNCTION parts_to_compress(series text, before timestamptz) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
    part text;
    is_done boolean;
BEGIN
    FOR part, is_done IN
        SELECT format('%I.%I', chunk_schema, chunk_name), is_compressed FROM timescaledb_information.chunks
        WHERE hypertable_schema = current_schema() AND hypertable_name = series AND range_end <= before ORDER BY range_start LOOP
        IF is_done THEN
            EXECUTE format('SELECT NOT EXISTS (SELECT FROM ONLY %s)', part) INTO is_done;
        END IF;
        IF NOT is_done THEN RETURN NEXT part; END IF;
    END LOOP;
END $$;

-- Compress one of them. Without statistics a planner takes it for so large that it reads all of it for a few hours.
CREATE OR REPLACE PROCEDURE compress_part(part text) LANGUAGE plpgsql AS $$
BEGIN
    CALL convert_to_columnstore(part::regclass);
    EXECUTE 'ANALYZE ' || part;
END $$;
