-- try_alone --
-- Be the only one at something until commit.
SELECT pg_try_advisory_xact_lock(%(key)s, hashtext(%(what)s));

-- notice_soon --
-- Ask the other end of this connection every few seconds whether it is still there.
SELECT set_config('tcp_keepalives_idle', '20', false), set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '3', false);

-- try_name --
-- Be the only one of a name as long as this session lives.
SELECT pg_try_advisory_lock(%(key)s, hashtext(%(name)s));

-- named --
-- How many sessions of this database bear a name.
SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = %(key)s AND l.granted;
