-- set_state --
-- since moves only when the state does: a retained message is delivered again at every connection.
INSERT INTO gateway AS known (enterprise_id, code, state, since) VALUES (%(enterprise)s, %(code)s, %(state)s, %(since)s)
ON CONFLICT (enterprise_id, code) DO UPDATE SET state = EXCLUDED.state, since = EXCLUDED.since
WHERE known.state <> EXCLUDED.state;

-- forget --
-- The retained message was cleared: the gateway is gone for good.
DELETE FROM gateway WHERE enterprise_id = %(enterprise)s AND code = %(code)s;
