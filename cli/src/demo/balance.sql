SELECT (SELECT coalesce(sum(CASE kind WHEN 'place' THEN 1 ELSE -1 END), 0)::bigint
        FROM demo_orders) AS orders,
       (SELECT coalesce(sum(CASE kind WHEN 'refund' THEN -1 ELSE 1 END), 0)::bigint
        FROM demo_charges) AS charges,
       (SELECT coalesce(sum(CASE kind WHEN 'refund' THEN -amount ELSE amount END), 0)::bigint
        FROM demo_charges) AS cents,
       (SELECT coalesce(sum(CASE kind WHEN 'take' THEN amount ELSE -amount END), 0)::bigint
        FROM demo_stock_movements) AS pieces,
       (SELECT coalesce(sum(CASE kind WHEN 'void' THEN 0 WHEN 'cancel' THEN -1 ELSE 1 END), 0)::bigint
        FROM demo_notifications) AS notifications,
       (SELECT coalesce(sum(CASE kind WHEN 'schedule' THEN 1 WHEN 'cancel' THEN -1 ELSE 0 END), 0)::bigint
        FROM demo_deliveries) AS deliveries,
       (SELECT coalesce(sum(CASE WHEN kind IN ('flight', 'hotel') THEN 1
                                 WHEN kind IN ('cancel_flight', 'cancel_hotel') THEN -1
                                 ELSE 0 END), 0)::bigint
        FROM demo_bookings) AS bookings,
       (SELECT count(*) FROM demo_bookings WHERE kind = 'ticket') AS tickets,
       (SELECT coalesce(sum(CASE kind WHEN 'do' THEN 1 WHEN 'undo' THEN -1 ELSE 0 END), 0)::bigint
        FROM demo_services) AS services
