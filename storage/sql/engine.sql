-- unfit --
-- Whether this database has TimescaleDB in it and the server was started without: then a compressed hypertable gives only
-- those of its rows that are not compressed, and no error. The setting is the loader's own; nobody writes it into a file.
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AND current_setting('timescaledb.disable_load', true) IS NULL;

-- offers --
-- Whether TimescaleDB is there to be used, and whether the server was started with it.
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb'),
    current_setting('timescaledb.disable_load', true) IS NOT NULL;

-- fault --
-- What the engine complains of when it is tried.
SELECT engine_fault();

-- overlay --
-- The overlay that this database was made with.
SELECT name FROM migration WHERE name = ANY(%(names)s);
