SELECT saga_id FROM saga_keys WHERE definition = $1::text AND key = $2::text
