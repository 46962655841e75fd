-- Since when everything of a class of data is still there; no row: it was always kept. What was made from what is gone stands as
-- it is: nothing is computed again over an earlier span (EC-66). what: reading, consumption, usage_hour.
CREATE TABLE kept_since (what text PRIMARY KEY, since timestamptz NOT NULL);
