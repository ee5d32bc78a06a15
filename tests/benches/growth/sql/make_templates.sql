-- Which saga is copied for which of 1,000.
CREATE SCHEMA growth;
CREATE TABLE growth.templates (slot integer PRIMARY KEY, id uuid NOT NULL);
CREATE UNLOGGED TABLE growth.chosen (
    id uuid, at timestamptz, template uuid, moved interval, key text, template_key text, labels jsonb
)
