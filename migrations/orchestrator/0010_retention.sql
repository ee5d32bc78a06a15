-- The lowest id that a saga could have that starts at this time. A time before 1970 gave the highest
-- there is, and one in the last half of a millisecond that of the next.
CREATE OR REPLACE FUNCTION first_saga_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(least(greatest(floor(extract(epoch FROM at) * 1000), 0),
                              281474976710655)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$$;

-- Handled letters are forgotten from those on that were handled first.
CREATE INDEX dead_letters_handled_at ON dead_letters (handled_at, id) WHERE handled_at IS NOT NULL;
