-- existing --
-- Present outcomes of these enterprises or regions by rules of one station; the sentence only where it is the outcome.
SELECT rule, code, subject, period, state, level, certainty, observed, observed_low, observed_high, "limit", unit, basis,
    coalesce(document, ''), rule_version,
    CASE state WHEN 'cannot_judge' THEN reason ELSE '' END, judged
FROM finding WHERE scope = %(scope)s AND code = ANY(%(codes)s) AND rule = ANY(%(rules)s);

-- put --
-- Outcomes that are new or have changed, as JSON.
INSERT INTO finding (rule, scope, code, subject, period, state, level, certainty, observed, observed_low, observed_high,
    "limit", unit, basis, document, reason, inputs, rule_version, judged)
SELECT rule, scope, code, subject, period, state, level, certainty, observed, observed_low, observed_high, "limit", unit,
    basis, document, reason, inputs, rule_version, %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r (rule text, scope text, code text, subject text, period text, state text, level text,
    certainty text, observed float8, observed_low float8, observed_high float8, "limit" float8, unit text, basis text,
    document text, reason text, inputs jsonb, rule_version text)
ON CONFLICT (rule, scope, code, subject, period) DO UPDATE SET state = EXCLUDED.state, level = EXCLUDED.level,
    certainty = EXCLUDED.certainty, observed = EXCLUDED.observed, observed_low = EXCLUDED.observed_low,
    observed_high = EXCLUDED.observed_high, "limit" = EXCLUDED."limit", unit = EXCLUDED.unit, basis = EXCLUDED.basis,
    document = EXCLUDED.document, reason = EXCLUDED.reason, inputs = EXCLUDED.inputs, rule_version = EXCLUDED.rule_version,
    judged = EXCLUDED.judged;
