-- create_owner --
-- The role that owns our database: no superuser, so that what works here works on an operator's server too.
CREATE ROLE enermon LOGIN CREATEDB CREATEROLE PASSWORD %(password)s IN ROLE pg_monitor, pg_checkpoint;

-- create_database --
-- Where everything is kept.
CREATE DATABASE enermon OWNER enermon;

-- has_database --
-- Whether a first start got that far before it was cut short.
SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'enermon');

-- has_owner --
-- The same for the role.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'enermon');
