SELECT EXISTS (SELECT FROM workers WHERE name = $1 AND lease_until > now())
