-- What figures mean: findings, the alerts they open, what was said of them, and the reports.

-- The present outcome of one rule on one subject and period. state: ok, warning, cannot_judge.
CREATE TABLE finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL, scope text NOT NULL, code text NOT NULL, subject text NOT NULL DEFAULT '', period text NOT NULL,
    state text NOT NULL CHECK (state IN ('ok', 'warning', 'cannot_judge')),
    level text CHECK (level IN ('blue', 'yellow', 'orange', 'red')), certainty text NOT NULL DEFAULT 'certain',
    observed float8, observed_low float8, observed_high float8, "limit" float8, unit text NOT NULL DEFAULT '',
    basis text NOT NULL DEFAULT '', document text, reason text NOT NULL, inputs jsonb NOT NULL DEFAULT '{}',
    rule_version text NOT NULL, judged timestamptz NOT NULL, UNIQUE (rule, scope, code, subject, period));
CREATE INDEX finding_code ON finding (code, rule);

-- When the slow indicators (unit energy, PUE: twelve months of meters) of an enterprise were last computed.
CREATE TABLE judged (enterprise_id int PRIMARY KEY REFERENCES enterprise, at timestamptz NOT NULL);

-- One case from opening to resolution; never two open ones for the same thing.
CREATE TABLE alert (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL, scope text NOT NULL, code text NOT NULL, subject text NOT NULL DEFAULT '', period text NOT NULL,
    level text NOT NULL CHECK (level IN ('blue', 'yellow', 'orange', 'red')),
    state text NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved')), certainty text NOT NULL DEFAULT 'certain',
    observed float8, "limit" float8, unit text NOT NULL DEFAULT '', basis text NOT NULL DEFAULT '', message text NOT NULL,
    opened timestamptz NOT NULL, changed timestamptz NOT NULL, calmer_since timestamptz, resolved timestamptz,
    acknowledged_by text, resolved_by text);  -- resolved_by NULL: the platform, because it had calmed
CREATE INDEX alert_code ON alert (code, rule);
CREATE UNIQUE INDEX alert_one_open ON alert (rule, scope, code, subject, period) WHERE state <> 'resolved';

-- event: opened, raised, lowered, resolved, acknowledged, comment.
CREATE TABLE alert_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, alert_id bigint NOT NULL REFERENCES alert,
    at timestamptz NOT NULL, event text NOT NULL, level text, actor text NOT NULL, text text NOT NULL);
CREATE INDEX alert_event_alert ON alert_event (alert_id, at);

CREATE TABLE delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id bigint NOT NULL REFERENCES alert_event,
    channel text NOT NULL, state text NOT NULL CHECK (state IN ('due', 'sent', 'failed')), tries int NOT NULL DEFAULT 0,
    due timestamptz NOT NULL, sent timestamptz, error text, UNIQUE (event_id, channel));
CREATE INDEX delivery_due ON delivery (due) WHERE state = 'due';

-- One run of one report: claimed by UPDATE ... RETURNING, so that a month is written once whoever is awake.
CREATE TABLE report_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report text NOT NULL, scope text NOT NULL, code text NOT NULL, period text NOT NULL, due timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'running', 'done', 'failed')), tries int NOT NULL DEFAULT 0,
    retry timestamptz,                -- not before: after a failure, and when a claim counts as lost
    claimed timestamptz, finished timestamptz, late boolean NOT NULL DEFAULT false, files text[] NOT NULL DEFAULT '{}', error text,
    UNIQUE (report, scope, code, period));
