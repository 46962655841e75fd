-- Plain PostgreSQL: what TimescaleDB would do with hypertables is done with ordinary partitions.
-- Re-run at every migrate. timescale.sql offers the same procedures with the same signatures.

CREATE OR REPLACE FUNCTION engine_name() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'postgres' $$;

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

-- Whether readings of that day (UTC) have a partition already.
CREATE OR REPLACE FUNCTION has_reading_day(day date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT to_regclass('reading_' || to_char(day, 'YYYYMMDD')) IS NOT NULL
$$;
