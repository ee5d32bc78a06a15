-- The books of the demo's services. Rows are only ever added, and nothing forbids adding one twice:
-- an effect that took place twice would show.
CREATE TABLE IF NOT EXISTS demo_orders (
    entry     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga_id   uuid        NOT NULL,
    kind      text        NOT NULL CHECK (kind IN ('place', 'cancel')),
    reference text        NOT NULL, -- the order's id
    amount    bigint      NOT NULL, -- pieces
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS demo_charges (
    entry     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga_id   uuid        NOT NULL,
    kind      text        NOT NULL CHECK (kind IN ('charge', 'refund', 'capture')),
    reference text        NOT NULL, -- the charge's or payment's id
    amount    bigint      NOT NULL, -- cents
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS demo_stock_movements (
    entry     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga_id   uuid        NOT NULL,
    kind      text        NOT NULL CHECK (kind IN ('take', 'release')),
    reference text        NOT NULL, -- the product's sku
    amount    bigint      NOT NULL, -- pieces
    at        timestamptz NOT NULL DEFAULT now()
);
-- Products of which there are only so many. What is not listed is never out of stock.
CREATE TABLE IF NOT EXISTS demo_stock (
    sku     text   PRIMARY KEY,
    on_hand bigint NOT NULL CHECK (on_hand >= 0)
);
INSERT INTO demo_stock (sku, on_hand) VALUES ('out-of-stock', 0) ON CONFLICT DO NOTHING;

-- The desks of services outside. They honour the idempotency key: however often they are called
-- with it, they act once.
CREATE TABLE IF NOT EXISTS demo_notifications (
    key       text        PRIMARY KEY,
    saga_id   uuid        NOT NULL,
    kind      text        NOT NULL CHECK (kind IN ('send', 'cancel', 'confirm', 'void')),
    reference text        NOT NULL,
    calls     integer     NOT NULL DEFAULT 1,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS demo_deliveries (
    key       text        PRIMARY KEY,
    saga_id   uuid        NOT NULL,
    kind      text        NOT NULL CHECK (kind IN ('schedule', 'cancel', 'void')),
    reference text        NOT NULL,
    calls     integer     NOT NULL DEFAULT 1,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS demo_bookings (
    key       text        PRIMARY KEY,
    saga_id   uuid        NOT NULL,
    kind      text        NOT NULL CHECK (kind IN ('flight', 'hotel', 'cancel_flight',
                                                   'cancel_hotel', 'ticket', 'void')),
    reference text        NOT NULL,
    calls     integer     NOT NULL DEFAULT 1,
    at        timestamptz NOT NULL DEFAULT now()
);
-- Every other service: each did something, or undid it.
CREATE TABLE IF NOT EXISTS demo_services (
    key       text        PRIMARY KEY,
    saga_id   uuid        NOT NULL,
    kind      text        NOT NULL CHECK (kind IN ('do', 'undo', 'void')),
    reference text        NOT NULL,
    calls     integer     NOT NULL DEFAULT 1,
    at        timestamptz NOT NULL DEFAULT now()
);
