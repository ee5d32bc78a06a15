-- One saga in 500 has left a dead letter; of ten letters nine are handled.
INSERT INTO amends.dead_letters
    (id, received_at, saga_id, queue, reason, fingerprint, properties, body,
     handled_at, handled_how, handled_by, handled_reason)
SELECT gen_random_uuid(), n.at, n.id, 'growth.dead', 'given up after 20 deliveries',
       'charge/order/1.0.0/cause-' || n.i % 40, json_build_object('message_id', n.id || '/2'), 'body',
       CASE WHEN n.i % 5000 > 0 THEN n.at END,
       CASE WHEN n.i % 5000 > 0 THEN 'dropped' END,
       CASE WHEN n.i % 5000 > 0 THEN 'growth' END,
       CASE WHEN n.i % 5000 > 0 THEN 'a test' END
FROM (SELECT c.*, row_number() OVER (ORDER BY c.id) AS i FROM growth.chosen c) n
WHERE n.i % 500 = 0
