-- The data quality of an enterprise's month as it was last told, so that lists need not look at every reading again. It can be
-- thrown away and told anew. Parts are shares from 0 to 1, NULL where nothing is known; score 0 to 100, known: the share of the
-- weights it rests on. warnings, duties: findings of that severity. told: all of it, as storage.data_quality has it.
CREATE TABLE quality_month (
    enterprise_id int NOT NULL REFERENCES enterprise, month date NOT NULL, computed timestamptz NOT NULL,
    score float8, known float8 NOT NULL, completeness float8, accuracy float8, timeliness float8, verifiability float8,
    validity float8, conformity float8, valid_transmission float8, warnings int NOT NULL, duties int NOT NULL,
    told jsonb NOT NULL, PRIMARY KEY (enterprise_id, month));
CREATE INDEX quality_month_score ON quality_month (month, score);

-- What lists of enterprises ask of every meter, without its rows, which are wide.
CREATE INDEX meter_life ON meter (id) INCLUDE (enterprise_id, interval_minutes, valid_to, kind);
