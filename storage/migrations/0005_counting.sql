-- Which meters count into their enterprise's figures and how, derived from the registry at one of its versions.
CREATE TABLE counting_meter (
    meter_id int PRIMARY KEY, enterprise_id int NOT NULL, carrier text NOT NULL,
    bought smallint NOT NULL, renewable smallint NOT NULL, exported smallint NOT NULL, feedstock smallint NOT NULL,
    sign smallint NOT NULL,           -- what the meter's amount is multiplied with in the carrier's amount
    kw_of_unit float8,                -- kW for one carrier unit per hour; NULL: no demand is formed from this meter
    coarse boolean NOT NULL);         -- its interval is longer than 15 minutes, so its peak is "at least"
CREATE INDEX counting_meter_enterprise ON counting_meter (enterprise_id, carrier);

CREATE TABLE counting_version (sole boolean PRIMARY KEY DEFAULT true CHECK (sole), version bigint NOT NULL DEFAULT -1);
INSERT INTO counting_version DEFAULT VALUES;
