SELECT drop_days($1::text, $2::uuid, $3::uuid)
