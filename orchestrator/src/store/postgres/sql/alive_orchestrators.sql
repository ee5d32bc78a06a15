SELECT count(*) FROM orchestrators WHERE lease_until > now()
