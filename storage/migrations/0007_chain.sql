-- The hash chain over committed batches. What is hashed, and in which order, stands in energy/chain.py.

-- A further value is a row of its own, one told again with a larger seq too: a stored row never changes, for its hash stands.
ALTER TABLE rival_reading DROP CONSTRAINT rival_reading_pkey;
ALTER TABLE rival_reading ADD CONSTRAINT rival_reading_key UNIQUE NULLS NOT DISTINCT (meter_id, time, value, source, seq);

-- What one committed batch left of one enterprise and one UTC day of times, in `reading` and `rival_reading`. Insert-only.
-- number: counts the links of an enterprise from 1. receipt_day: UTC. reading_day: UTC day of the readings' times, so that a
-- link lies in one partition of `reading`. The key grows with time: links of thousands of enterprises are appended, not scattered.
CREATE TABLE chain_link (
    received timestamptz NOT NULL, number bigint NOT NULL, enterprise_id int NOT NULL,
    receipt_day date NOT NULL, reading_day date NOT NULL, readings int NOT NULL, rows_hash bytea NOT NULL, head bytea NOT NULL,
    PRIMARY KEY (received, enterprise_id, reading_day));
CREATE INDEX chain_link_receipt_day ON chain_link (receipt_day);
CREATE INDEX chain_link_reading_day ON chain_link (reading_day);

-- Where each chain stands; locked by whoever adds a link, until commit. number 0: no link yet.
-- Room beside each row, so that moving the head on touches no index.
CREATE TABLE chain_head (
    enterprise_id int PRIMARY KEY REFERENCES enterprise, number bigint NOT NULL DEFAULT 0, receipt_day date,
    received timestamptz, head bytea NOT NULL DEFAULT '') WITH (fillfactor = 50);

-- Where it stood at the end of each day of receipt; written when the next one begins.
CREATE TABLE chain_seal (
    receipt_day date NOT NULL, enterprise_id int NOT NULL, number bigint NOT NULL, head bytea NOT NULL,
    PRIMARY KEY (receipt_day, enterprise_id));

-- Days whose readings were dropped on purpose. links, readings: how many; head: one digest over the heads of the links.
CREATE TABLE chain_dropped (
    reading_day date PRIMARY KEY, dropped timestamptz NOT NULL, links bigint NOT NULL, readings bigint NOT NULL,
    head bytea NOT NULL);

-- Readings received before this instant have no links: they were stored before there was a chain. Mostly there is no such row.
CREATE TABLE chain_start (sole boolean PRIMARY KEY DEFAULT true CHECK (sole), since timestamptz NOT NULL);
INSERT INTO chain_start (since) SELECT now() WHERE EXISTS (SELECT FROM reading);
