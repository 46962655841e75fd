-- Manual returns (直报) become usage where no meter tells, and nothing that was ever returned is lost.

-- First day and first day after, of a period by its name: what energy.periods.parse says, for joins over days.
CREATE FUNCTION period_first(name text) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN part ~ '^\d{4}$' THEN make_date(part::int, 1, 1)
        WHEN part ~ '^\d{4}-Q[1-4]$' THEN make_date(left(part, 4)::int, 3 * right(part, 1)::int - 2, 1)
        WHEN part ~ '^\d{4}-\d{2}$' THEN make_date(left(part, 4)::int, right(part, 2)::int, 1)
        ELSE make_date(left(part, 4)::int, substr(part, 6, 2)::int, right(part, 2)::int) END
    FROM (SELECT split_part(name, '/', 1) AS part) p $$;

CREATE FUNCTION period_until(name text) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT (period_first(part) + CASE WHEN part ~ '^\d{4}$' THEN interval '1 year'
        WHEN part ~ '^\d{4}-Q[1-4]$' THEN interval '3 months'
        WHEN part ~ '^\d{4}-\d{2}$' THEN interval '1 month'
        WHEN name ~ '^\d{4}-\d{2}-\d{2}/' THEN interval '0' ELSE interval '1 day' END)::date
    FROM (SELECT CASE WHEN name LIKE '%/%' THEN split_part(name, '/', 2) ELSE name END AS part) p $$;

-- quantity NULL: withdrawn, "not stated".
ALTER TABLE manual_return ALTER COLUMN quantity DROP NOT NULL;
ALTER TABLE manual_return ADD COLUMN since date GENERATED ALWAYS AS (period_first(period)) STORED;
ALTER TABLE manual_return ADD COLUMN until date GENERATED ALWAYS AS (period_until(period)) STORED;

-- Every value that was ever returned, in the order in which it was; never changed. author: who imported it.
CREATE TABLE return_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enterprise_id int NOT NULL REFERENCES enterprise, carrier text NOT NULL, period text NOT NULL, item text NOT NULL,
    quantity numeric, unit text NOT NULL, lhv_kj_per_unit numeric, document text,
    author text NOT NULL DEFAULT coalesce(current_setting('enermon.actor', true), ''),
    written timestamptz NOT NULL DEFAULT now());
CREATE INDEX return_history_item ON return_history (enterprise_id, carrier, period, item);
INSERT INTO return_history (enterprise_id, carrier, period, item, quantity, unit, lhv_kj_per_unit, document)
SELECT enterprise_id, carrier, period, item, quantity, unit, lhv_kj_per_unit, document FROM manual_return;

-- What returns come to, by calendar month: days [since, until) of `month` with their share of one return. Recomputable.
-- made_by: used, stocks or bill. stands: which parts of usage are taken from here, for no meter tells them: 'all', or some of
-- 'bought', 'exported', 'feedstock' beside what meters tell.
CREATE TABLE returned_use (
    enterprise_id int NOT NULL, carrier text NOT NULL, month date NOT NULL, since date NOT NULL, until date NOT NULL,
    period text NOT NULL, made_by text NOT NULL, bought float8 NOT NULL, exported float8 NOT NULL, feedstock float8 NOT NULL,
    flags int NOT NULL, stands text[] NOT NULL DEFAULT '{}', PRIMARY KEY (enterprise_id, month, carrier, since));
CREATE INDEX returned_use_month ON returned_use (month);
CREATE INDEX returned_use_period ON returned_use (enterprise_id, carrier, period);
