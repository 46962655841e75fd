-- Plain PostgreSQL: what TimescaleDB does with chunks is done with ordinary partitions, and nothing is compressed.
-- Run at every migrate, before everything else. timescale.sql offers the same procedures with the same signatures.

CREATE OR REPLACE FUNCTION engine_name() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'postgres' $$;

-- What keeps this server from being used, as the server says it; NULL if nothing does.
CREATE OR REPLACE FUNCTION engine_fault() RETURNS text LANGUAGE sql STABLE AS $$ SELECT NULL::text $$;

-- Make a series of an empty table with a primary key: cut by a column of times into parts of a `span` ('day' or 'month', UTC).
CREATE OR REPLACE PROCEDURE make_series(series text, by text, span text) LANGUAGE plpgsql AS $$
DECLARE
    columns text := series || '_columns';
    keys text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = series::regclass AND contype = 'p');
BEGIN
    EXECUTE format('ALTER TABLE %I RENAME TO %I', series, columns);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY RANGE (%I)', series, columns, by);
    EXECUTE format('DROP TABLE %I', columns);
    EXECUTE format('ALTER TABLE %I ADD %s', series, keys);
END $$;

-- Attach rather than CREATE ... PARTITION OF: the latter takes an exclusive lock and would stop everyone who writes.
CREATE OR REPLACE PROCEDURE add_partition(
    parent text, since timestamptz, until timestamptz, fillfactor int DEFAULT 100) LANGUAGE plpgsql AS $$
DECLARE
    part text := parent || to_char(since AT TIME ZONE 'UTC', '"_"YYYYMMDD');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtext(part));
    -- Asked of the table itself: the cache behind to_regclass has not heard of what was made while we waited.
    IF EXISTS (SELECT FROM pg_class WHERE relname = part AND relnamespace = current_schema()::regnamespace) THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE) WITH (fillfactor = %s)',
        part, parent, fillfactor);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, since, until);
END $$;

-- Days (UTC) for which readings are about to be written.
CREATE OR REPLACE PROCEDURE ensure_reading_days(days date[]) LANGUAGE plpgsql AS $$
DECLARE d date;
BEGIN
    FOREACH d IN ARRAY days LOOP
        CALL add_partition('reading', d::timestamp AT TIME ZONE 'UTC', (d + 1)::timestamp AT TIME ZONE 'UTC');
    END LOOP;
END $$;

-- Months (UTC, given by their first day) for which consumption is about to be written.
CREATE OR REPLACE PROCEDURE ensure_consumption_months(months date[]) LANGUAGE plpgsql AS $$
DECLARE m date;
BEGIN
    FOREACH m IN ARRAY months LOOP
        -- An hour is written four times. With room on the page the later three stay there and leave the index alone: half the
        -- time, and 164 instead of 225 bytes a row once they are done (a million meters, PostgreSQL 18).
        CALL add_partition('consumption', m::timestamp AT TIME ZONE 'UTC', (m + interval '1 month') AT TIME ZONE 'UTC', 45);
    END LOOP;
END $$;

-- Whether readings of that day (UTC) can be written without making room first.
CREATE OR REPLACE FUNCTION has_reading_day(day date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT to_regclass('reading_' || to_char(day, 'YYYYMMDD')) IS NOT NULL
$$;

-- All readings of a day (UTC) at once; `storage.chain.drop_day` records what they were.
CREATE OR REPLACE PROCEDURE drop_reading_day(day date) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', 'reading_' || to_char(day, 'YYYYMMDD'));
END $$;

-- The parts of consumption that end before an instant; since when all of it is still there.
CREATE OR REPLACE FUNCTION drop_consumption(before timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    kept timestamptz := date_trunc('month', before, 'UTC');
    part regclass;
BEGIN
    FOR part IN
        SELECT relid FROM pg_partition_tree('consumption')
        WHERE isleaf AND relid::text < 'consumption_' || to_char(kept AT TIME ZONE 'UTC', 'YYYYMMDD') LOOP
        EXECUTE format('DROP TABLE %s', part);
    END LOOP;
    RETURN kept;
END $$;

-- The parts of a series that end before an instant and lie there uncompressed, in whole or in part.
CREATE OR REPLACE FUNCTION parts_to_compress(series text, before timestamptz) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT NULL::text WHERE false
$$;

-- Compress one of them.
CREATE OR REPLACE PROCEDURE compress_part(part text) LANGUAGE plpgsql AS $$ BEGIN END $$;
