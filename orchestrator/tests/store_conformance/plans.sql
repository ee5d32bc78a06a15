-- 20,000 sagas over 20 days, 2 % of them open, and two events, a value and a letter here and there.
SELECT open_day(day::date)
FROM generate_series(now() - interval '21 days', now(), '1 day') AS day;

CREATE TEMPORARY TABLE made AS
SELECT i, at, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
               || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid AS id,
       CASE WHEN i % 50 = 0 THEN 'running' WHEN i % 40 = 0 THEN 'compensated'
            ELSE 'completed' END AS status
FROM (SELECT i, now() - interval '20 days' * (20001 - i) / 20000 AS at
      FROM generate_series(1, 20000) AS i) n;

INSERT INTO sagas
SELECT id, 2, status, 'order-' || i % 4, '1.0.0', 'key-' || i,
       json_build_object('tenant', 't' || i % 100)::jsonb, at,
       CASE WHEN status <> 'running' THEN at END, CASE WHEN status = 'running' THEN at END, '{}'
FROM made ORDER BY id;
INSERT INTO saga_keys SELECT 'order-' || i % 4, 'key-' || i, id, NULL FROM made;
INSERT INTO saga_events SELECT id, seq, 1, at, '{}' FROM made, generate_series(1, 2) AS seq;
INSERT INTO saga_values SELECT id, 'input', 0, '{}' FROM made;
INSERT INTO good_outputs SELECT 'a.b', sha256(i::text::bytea), at, id, 's', 0 FROM made;
INSERT INTO dead_letters
SELECT gen_random_uuid(), at, id, 'q', 'r', 'f-' || i % 200, '{}', '',
       at, 'dropped', 'ada', 'why'
FROM made WHERE i % 5 = 0;
INSERT INTO dead_letters
SELECT gen_random_uuid(), at, id, 'q', 'r', 'f-' || i % 20, '{}', '' FROM made WHERE i % 100 = 0;
