-- units --
-- The products of one enterprise and the units they are registered in.
SELECT product, unit FROM product WHERE enterprise_id = %(enterprise)s;

-- put --
-- A period sent again replaces its quantity. Nothing is returned if it is the same.
INSERT INTO output AS known (enterprise_id, product, period, quantity, unit, kind, source, received)
VALUES (%(enterprise)s, %(product)s, %(period)s, %(quantity)s, %(unit)s, %(kind)s, %(source)s, %(received)s)
ON CONFLICT (enterprise_id, product, period, kind) DO UPDATE
SET quantity = EXCLUDED.quantity, unit = EXCLUDED.unit, source = EXCLUDED.source, received = EXCLUDED.received
WHERE (known.quantity, known.unit) IS DISTINCT FROM (EXCLUDED.quantity, EXCLUDED.unit)
RETURNING product;

-- judge_again --
-- Unit energy of this enterprise has moved.
INSERT INTO stale_judgement (scope, code, why) VALUES ('enterprise', %(code)s, 'output');
