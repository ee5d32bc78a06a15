SELECT step, element, value FROM saga_values WHERE saga_id = $1::uuid
