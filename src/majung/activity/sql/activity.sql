-- The stream's table and the guard that every append-only table of the product shares. Run once, by the first migration.

-- name: append_only
-- Refuses what a ledger must not suffer. Rooms attach it BEFORE UPDATE OR DELETE FOR EACH ROW; privileges refuse TRUNCATE (core.roles).
CREATE OR REPLACE FUNCTION majung_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % only grows: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

-- name: create
-- xid before seq: a sequence is not commit-ordered, and readers go by (xid, seq) below the oldest running transaction.
CREATE TABLE activity (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    root_id integer NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'api_key', 'person', 'system')),
    actor_id bigint,
    kind text NOT NULL CHECK (kind <> ''),
    unit_id bigint,
    person_id bigint,
    object_kind text NOT NULL DEFAULT '',
    object_id bigint,
    facts jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(facts) = 'object'),
    people integer[]
);
ALTER TABLE activity ALTER COLUMN people SET STORAGE EXTERNAL;
CREATE INDEX activity_in_order ON activity (xid, seq);
-- A person's timeline.
CREATE INDEX activity_of_person ON activity (person_id, seq) WHERE person_id IS NOT NULL;
-- What happened to one campaign, unit or grant; what somebody did to a channel is found by the person.
CREATE INDEX activity_of_object ON activity (object_kind, object_id, seq) WHERE object_id IS NOT NULL AND object_kind <> 'channel';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON activity FOR EACH ROW EXECUTE FUNCTION majung_append_only();

-- name: drop
DROP TABLE activity;
DROP FUNCTION majung_append_only();
