-- Ledgers and state tables of consent. Run once, by the first migration. Plain numbers, no foreign keys.

-- name: due
-- consent_cycle: the two-year period, from 1, in which a check was sent. Both are plain expressions, so that they are inlined, and
-- bound when they are made: a generated column calls them while a backup is restored, when no schema is searched.
-- consent_due: the Seoul date from which a consent is overdue: the second anniversary of the consent, and every second one after it, unless the check of that
-- period was sent (law.md ADV-14, ADV-16). The check must go out before that date. 29 February falls on 28 February where there is no 29th.
CREATE FUNCTION consent_cycle(granted date, checked date) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (extract(year FROM checked) - extract(year FROM granted))::int / 2
         + ((granted + make_interval(years => 2 * ((extract(year FROM checked) - extract(year FROM granted))::int / 2)))::date <= checked)::int
$$;
CREATE FUNCTION consent_due(granted date, checked date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
    CASE
        WHEN granted IS NULL THEN NULL
        WHEN checked IS NULL OR checked < granted THEN (granted + make_interval(years => 2))::date
        ELSE (granted + make_interval(years => 2 * (consent_cycle(granted, checked) + 1)))::date
    END;

-- name: create
-- Who allowed what, on what text, how, when (C2). Nothing here names anybody: proof holds ids, hashes and a keyed hash of the address.
CREATE TABLE consent_entry (
    person_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    root_id integer NOT NULL,
    entity_id bigint NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('service', 'sensitive', 'advertising', 'night', 'party_notice', 'provision')),
    medium text NOT NULL CHECK (medium IN ('*', 'KAKAO_AD', 'KAKAO_ALIM', 'KAKAO_CHAT', 'SMS', 'EMAIL', 'PUSH')),
    act text NOT NULL CHECK (act IN ('granted', 'withdrawn', 'confirmed')),
    notice_id bigint,
    unit_id bigint,
    how text NOT NULL CHECK (how <> ''),
    at timestamptz NOT NULL,
    proof jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(proof) = 'object'),
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'api_key', 'person', 'system')),
    actor_id bigint,
    PRIMARY KEY (person_id, id),
    CONSTRAINT consent_names_its_text CHECK (act <> 'granted' OR notice_id IS NOT NULL),
    CONSTRAINT consent_medium_fits CHECK ((medium = '*') = (purpose NOT IN ('advertising', 'party_notice')))
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent_entry FOR EACH ROW EXECUTE FUNCTION majung_append_only();

-- What holds now, by trigger from the ledger. Granted and not withdrawn is in force; withdrawn without a grant is a refusal of that purpose.
CREATE TABLE consent_state (
    person_id bigint NOT NULL,
    entity_id bigint NOT NULL,
    purpose text NOT NULL,
    medium text NOT NULL,
    root_id integer NOT NULL,
    granted_on date,
    withdrawn_at timestamptz,
    checked_on date,
    due_on date GENERATED ALWAYS AS (consent_due(granted_on, checked_on)) STORED,
    kept_until date,
    notice_id bigint,
    unit_id bigint,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (person_id, entity_id, purpose, medium)
);
-- Base sets read whole (entity, purpose, medium) groups of one root.
CREATE INDEX consent_state_sets ON consent_state (root_id, entity_id, purpose, medium);
-- Scope: those who gave a consent to a unit.
CREATE INDEX consent_state_scope ON consent_state (root_id, unit_id);

-- Who said stop, and who said go on again (ADV-11).
CREATE TABLE refusal_entry (
    person_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    root_id integer NOT NULL,
    entity_id bigint NOT NULL,
    medium text NOT NULL CHECK (medium IN ('*', 'KAKAO_AD', 'KAKAO_ALIM', 'KAKAO_CHAT', 'SMS', 'EMAIL', 'PUSH')),
    act text NOT NULL CHECK (act IN ('refused', 'cleared')),
    path text NOT NULL CHECK (path <> ''),
    at timestamptz NOT NULL,
    proof jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(proof) = 'object'),
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'api_key', 'person', 'system')),
    actor_id bigint,
    PRIMARY KEY (person_id, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON refusal_entry FOR EACH ROW EXECUTE FUNCTION majung_append_only();

CREATE TABLE refusal (
    person_id bigint NOT NULL,
    entity_id bigint NOT NULL,
    medium text NOT NULL,
    root_id integer NOT NULL,
    since timestamptz NOT NULL,
    path text NOT NULL,
    PRIMARY KEY (person_id, entity_id, medium)
);
CREATE INDEX refusal_sets ON refusal (root_id, entity_id, medium);

-- Paid dealings, for the existing-transaction exception (ADV-06): the day the dealing in that kind of goods ended, and whether the entity got the
-- contact from the person itself through it.
CREATE TABLE deal (
    person_id bigint NOT NULL,
    entity_id bigint NOT NULL,
    goods_class text NOT NULL CHECK (goods_class <> ''),
    root_id integer NOT NULL,
    ended_on date NOT NULL,
    is_direct boolean NOT NULL,
    PRIMARY KEY (person_id, entity_id, goods_class)
);
CREATE INDEX deal_sets ON deal (root_id, entity_id, goods_class);

-- Data of a person of one legal entity given to another (GEN-06, PIP-20).
CREATE TABLE provision (
    person_id bigint NOT NULL,
    from_entity bigint NOT NULL,
    to_entity bigint NOT NULL CHECK (to_entity <> from_entity),
    root_id integer NOT NULL,
    at timestamptz NOT NULL,
    ended_at timestamptz CHECK (ended_at >= at),
    PRIMARY KEY (person_id, from_entity, to_entity)
);
CREATE INDEX provision_sets ON provision (root_id, to_entity);

-- Consent of the legal guardian of somebody under 14, verified (PIP-07).
CREATE TABLE guardian_consent (
    person_id bigint NOT NULL,
    entity_id bigint NOT NULL,
    root_id integer NOT NULL,
    method text NOT NULL CHECK (method IN ('sms', 'card', 'phone_identity', 'paper', 'email', 'call')),
    notice_id bigint NOT NULL,
    at timestamptz NOT NULL,
    proof jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(proof) = 'object'),
    PRIMARY KEY (person_id, entity_id)
);
CREATE INDEX guardian_sets ON guardian_consent (root_id, entity_id);

-- name: fold
-- The state follows the ledger in the same statement. An entry older than what is known changes nothing (a list that comes late). One statement
-- says one thing per key: two entries for the same key are refused by ON CONFLICT itself. A consent repeated while in force keeps its anchor date,
-- so that the two-year check cannot be put off (ADV-14, strict reading). A check that was sent is no word of the person: a withdrawal of the days
-- before, told after it, still counts. Rows are taken in one order, so that two writers cannot block each other.
CREATE FUNCTION consent_fold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO consent_state AS s
           (person_id, entity_id, purpose, medium, root_id, granted_on, withdrawn_at, checked_on, kept_until, notice_id, unit_id, changed_at)
    SELECT a.person_id, a.entity_id, a.purpose, a.medium, a.root_id,
           CASE WHEN a.act = 'granted' THEN (a.at AT TIME ZONE 'Asia/Seoul')::date END,
           CASE WHEN a.act = 'withdrawn' THEN a.at END,
           CASE WHEN a.act = 'confirmed' THEN (a.at AT TIME ZONE 'Asia/Seoul')::date END,
           CASE WHEN a.act = 'granted' THEN ((a.at AT TIME ZONE 'Asia/Seoul')::date + make_interval(months => n.retention_months))::date END,
           a.notice_id, a.unit_id, a.at
      FROM added a LEFT JOIN consent_notice n ON n.id = a.notice_id AND a.act = 'granted'
     ORDER BY a.person_id, a.entity_id, a.purpose, a.medium
    ON CONFLICT (person_id, entity_id, purpose, medium) DO UPDATE SET
           granted_on = CASE WHEN EXCLUDED.granted_on IS NULL OR (s.granted_on IS NOT NULL AND s.withdrawn_at IS NULL)
                             THEN s.granted_on ELSE EXCLUDED.granted_on END,
           checked_on = CASE WHEN EXCLUDED.checked_on IS NOT NULL THEN EXCLUDED.checked_on
                             WHEN EXCLUDED.granted_on IS NOT NULL AND NOT (s.granted_on IS NOT NULL AND s.withdrawn_at IS NULL) THEN NULL
                             ELSE s.checked_on END,
           withdrawn_at = CASE WHEN EXCLUDED.granted_on IS NOT NULL THEN NULL ELSE coalesce(EXCLUDED.withdrawn_at, s.withdrawn_at) END,
           kept_until = CASE WHEN EXCLUDED.granted_on IS NOT NULL THEN EXCLUDED.kept_until ELSE s.kept_until END,
           notice_id = coalesce(EXCLUDED.notice_id, s.notice_id),
           unit_id = coalesce(EXCLUDED.unit_id, s.unit_id),
           changed_at = CASE WHEN EXCLUDED.checked_on IS NOT NULL THEN s.changed_at ELSE EXCLUDED.changed_at END
     WHERE EXCLUDED.changed_at >= s.changed_at;
    RETURN NULL;
END
$$;
CREATE TRIGGER fold AFTER INSERT ON consent_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION consent_fold();

-- Clears before refusals: of two words in one breath the stricter holds. A refusal that was cleared later than it was said (a list that comes
-- late) does not come back.
CREATE FUNCTION refusal_fold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM refusal r USING added a
     WHERE a.act = 'cleared' AND r.person_id = a.person_id AND r.entity_id = a.entity_id AND r.medium = a.medium AND r.since <= a.at;
    INSERT INTO refusal (person_id, entity_id, medium, root_id, since, path)
    SELECT a.person_id, a.entity_id, a.medium, a.root_id, a.at, a.path
      FROM added a
     WHERE a.act = 'refused'
       AND NOT EXISTS (SELECT FROM refusal_entry c
                        WHERE c.person_id = a.person_id AND c.entity_id = a.entity_id AND c.medium = a.medium
                          AND c.act = 'cleared' AND c.at > a.at)
     ORDER BY a.person_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER fold AFTER INSERT ON refusal_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refusal_fold();

-- name: crowd
-- Tells the crowd whose membership in which family of sets may have changed. Arguments: family, column that is the sets' first parameter.
CREATE FUNCTION consent_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'SELECT crowd_note(root_id, %L, %I, array_agg(person_id)) FROM changed GROUP BY root_id, %I', TG_ARGV[0], TG_ARGV[1], TG_ARGV[1]);
    RETURN NULL;
END
$$;
DO $$
DECLARE
    of record;
BEGIN
    FOR of IN SELECT * FROM (VALUES ('consent_state', 'consent', 'entity_id'), ('refusal', 'refused', 'entity_id'), ('deal', 'deal', 'entity_id'),
                                    ('provision', 'provided', 'to_entity'), ('guardian_consent', 'guardian', 'entity_id')) AS v(tab, family, subject)
    LOOP
        EXECUTE format('CREATE TRIGGER crowd_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION consent_changed(%L, %L)', of.tab, of.family, of.subject);
        EXECUTE format('CREATE TRIGGER crowd_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION consent_changed(%L, %L)', of.tab, of.family, of.subject);
        EXECUTE format('CREATE TRIGGER crowd_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS changed '
                       'FOR EACH STATEMENT EXECUTE FUNCTION consent_changed(%L, %L)', of.tab, of.family, of.subject);
    END LOOP;
END
$$;

-- name: drop
DROP TABLE consent_entry, consent_state, refusal_entry, refusal, deal, provision, guardian_consent;
DROP FUNCTION consent_fold(), refusal_fold(), consent_changed(), consent_due(date, date), consent_cycle(date, date);
