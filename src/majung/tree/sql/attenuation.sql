-- Nobody lends more than they hold, for longer, or wider (T3): the database's own judgement, whatever the code above believes.

-- name: create
-- Errors carry ERRCODE 23514 (check_violation) and the reason of tree.rules as CONSTRAINT, so that code can name it.
CREATE FUNCTION tree_refuse(reason text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'grant refused: %', reason USING ERRCODE = 'check_violation', CONSTRAINT = reason;
END
$$;

CREATE FUNCTION tree_grant_attenuated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place record;
    held record;
BEGIN
    -- Whoever moves units or revokes holds this row for update: what is judged below cannot change before the commit.
    PERFORM 1 FROM tree_organisation WHERE id = NEW.root_id FOR SHARE;
    SELECT path, root_id INTO place FROM tree_unit WHERE id = NEW.unit_id;
    IF place.root_id IS DISTINCT FROM NEW.root_id THEN
        PERFORM tree_refuse('other_organisation');
    END IF;
    IF NEW.parent_id IS NULL THEN
        IF cardinality(NEW.acts) = 0 THEN
            PERFORM tree_refuse('no_acts');
        END IF;
        IF EXISTS (SELECT 1 FROM tree_grant WHERE root_id = NEW.root_id AND parent_id IS NULL AND revoked_at IS NULL) THEN
            PERFORM tree_refuse('owner_exists');
        END IF;
        RETURN NEW;
    END IF;
    SELECT g.*, u.path AS path INTO held
      FROM tree_grant g JOIN tree_unit u ON u.id = g.unit_id
     WHERE g.id = NEW.parent_id FOR SHARE OF g;
    IF held.root_id IS DISTINCT FROM NEW.root_id THEN
        PERFORM tree_refuse('other_organisation');
    ELSIF cardinality(NEW.acts) = 0 THEN
        PERFORM tree_refuse('no_acts');
    ELSIF held.revoked_at IS NOT NULL THEN
        PERFORM tree_refuse('revoked');
    ELSIF NOT ('grants.lend' = ANY(held.acts)) THEN
        PERFORM tree_refuse('may_not_lend');
    ELSIF NOT (NEW.acts <@ held.acts) THEN
        PERFORM tree_refuse('more_acts');
    ELSIF NOT (CASE WHEN held.covers_subtree THEN starts_with(place.path, held.path)
                    ELSE NEW.unit_id = held.unit_id AND NOT NEW.covers_subtree END) THEN
        PERFORM tree_refuse('wider_place');
    ELSIF NEW.starts_at < held.starts_at OR (held.ends_at IS NOT NULL AND (NEW.ends_at IS NULL OR NEW.ends_at > held.ends_at)) THEN
        PERFORM tree_refuse('longer');
    ELSIF (held.messages_per_day IS NOT NULL AND coalesce(NEW.messages_per_day > held.messages_per_day, true))
       OR (held.messages_total IS NOT NULL AND coalesce(NEW.messages_total > held.messages_total, true))
       OR (held.centiwon_per_day IS NOT NULL AND coalesce(NEW.centiwon_per_day > held.centiwon_per_day, true))
       OR (held.centiwon_total IS NOT NULL AND coalesce(NEW.centiwon_total > held.centiwon_total, true)) THEN
        PERFORM tree_refuse('more_quota');
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER attenuated BEFORE INSERT ON tree_grant FOR EACH ROW EXECUTE FUNCTION tree_grant_attenuated();

-- A grant is written once: afterwards it may find its holder, once, and be revoked, once, with all that was lent on from it.
CREATE FUNCTION tree_grant_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL THEN
        PERFORM tree_refuse('revoked');
    END IF;
    IF OLD.user_id IS NOT NULL AND NEW.user_id IS DISTINCT FROM OLD.user_id THEN
        PERFORM tree_refuse('written_once');
    END IF;
    IF (to_jsonb(NEW) - 'user_id' - 'revoked_at' - 'revoked_by_id') <> (to_jsonb(OLD) - 'user_id' - 'revoked_at' - 'revoked_by_id') THEN
        PERFORM tree_refuse('written_once');
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER written_once BEFORE UPDATE ON tree_grant FOR EACH ROW EXECUTE FUNCTION tree_grant_written_once();
CREATE TRIGGER append_only BEFORE DELETE ON tree_grant FOR EACH ROW EXECUTE FUNCTION majung_append_only();

-- No revoked grant leaves a living one below it: judged when the transaction ends its statement, by whatever path it came.
CREATE FUNCTION tree_grant_cascade() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM fresh f JOIN tree_grant below ON below.parent_id = f.id
                WHERE f.revoked_at IS NOT NULL AND below.revoked_at IS NULL) THEN
        PERFORM tree_refuse('leaves_lent_on');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER cascade AFTER UPDATE ON tree_grant REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION tree_grant_cascade();

-- name: drop
DROP TRIGGER cascade ON tree_grant;
DROP TRIGGER append_only ON tree_grant;
DROP TRIGGER written_once ON tree_grant;
DROP TRIGGER attenuated ON tree_grant;
DROP FUNCTION tree_grant_cascade();
DROP FUNCTION tree_grant_written_once();
DROP FUNCTION tree_grant_attenuated();
DROP FUNCTION tree_refuse(text);
