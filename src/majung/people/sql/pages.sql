-- Sealed pages: names and numbers of 1,024 people at a time (people/pages.py).

-- name: create
-- ``field``: 0 names, 1 mobile numbers, 3 mail addresses. A page is in use while no change of its people is as young as its watermark.
CREATE TABLE sealed_page (
    root_id   int      NOT NULL,
    field     smallint NOT NULL CHECK (field IN (0, 1, 3)),
    block     int      NOT NULL CHECK (block >= 0),
    watermark xid8     NOT NULL,
    sealed    bytea    NOT NULL,
    PRIMARY KEY (root_id, field, block)
);
ALTER TABLE sealed_page ALTER COLUMN sealed SET STORAGE EXTERNAL;

-- Which transactions changed somebody of a page: rows are only added, so that no writer waits for another.
CREATE TABLE sealed_page_change (
    root_id int      NOT NULL,
    field   smallint NOT NULL,
    block   int      NOT NULL,
    xid     xid8     NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (root_id, field, block, xid)
);

CREATE FUNCTION sealed_page_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO sealed_page_change (root_id, field, block)
        SELECT DISTINCT root_id, kind, (person_id / 1024)::int FROM old_rows WHERE kind IN (1, 3) ON CONFLICT DO NOTHING;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO sealed_page_change (root_id, field, block)
        SELECT DISTINCT root_id, kind, (person_id / 1024)::int FROM new_rows WHERE kind IN (1, 3) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER sealed_page_inserted AFTER INSERT ON contact_point
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sealed_page_contacts();
CREATE TRIGGER sealed_page_updated AFTER UPDATE ON contact_point
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sealed_page_contacts();
CREATE TRIGGER sealed_page_deleted AFTER DELETE ON contact_point
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sealed_page_contacts();

CREATE FUNCTION sealed_page_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO sealed_page_change (root_id, field, block)
        SELECT DISTINCT root_id, 0, (id / 1024)::int FROM new_rows WHERE name_sealed IS NOT NULL ON CONFLICT DO NOTHING;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO sealed_page_change (root_id, field, block)
        SELECT DISTINCT n.root_id, 0, (n.id / 1024)::int FROM new_rows n JOIN old_rows o USING (id)
         WHERE n.name_sealed IS DISTINCT FROM o.name_sealed ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO sealed_page_change (root_id, field, block)
        SELECT DISTINCT root_id, 0, (id / 1024)::int FROM old_rows ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER sealed_page_inserted AFTER INSERT ON person
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sealed_page_names();
CREATE TRIGGER sealed_page_updated AFTER UPDATE ON person
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION sealed_page_names();
CREATE TRIGGER sealed_page_deleted AFTER DELETE ON person
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION sealed_page_names();

-- name: drop
DROP TRIGGER sealed_page_inserted ON person;
DROP TRIGGER sealed_page_updated ON person;
DROP TRIGGER sealed_page_deleted ON person;
DROP TRIGGER sealed_page_inserted ON contact_point;
DROP TRIGGER sealed_page_updated ON contact_point;
DROP TRIGGER sealed_page_deleted ON contact_point;
DROP FUNCTION sealed_page_contacts, sealed_page_names;
DROP TABLE sealed_page, sealed_page_change;

-- name: watermark
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: read
SELECT p.block, p.sealed FROM sealed_page p
 WHERE p.root_id = %(root)s AND p.field = %(field)s AND p.block = ANY(%(blocks)s::int[])
   AND NOT EXISTS (SELECT FROM sealed_page_change c
                    WHERE c.root_id = p.root_id AND c.field = p.field AND c.block = p.block AND c.xid >= p.watermark);

-- name: stale
-- Pages to be made: people changed since the page was, or before there was one.
SELECT DISTINCT c.block FROM sealed_page_change c
  LEFT JOIN sealed_page p ON (p.root_id, p.field, p.block) = (c.root_id, c.field, c.block)
 WHERE c.root_id = %(root)s AND c.field = %(field)s AND (p.watermark IS NULL OR c.xid >= p.watermark) ORDER BY 1;

-- name: keep
-- Changes that the page has taken in are forgotten with it.
WITH fresh AS (
    INSERT INTO sealed_page (root_id, field, block, watermark, sealed)
    SELECT %(root)s, %(field)s, v.block, %(watermark)s::text::xid8, v.sealed
      FROM unnest(%(blocks)s::int[], %(sealed)s::bytea[]) AS v(block, sealed) ORDER BY v.block
    ON CONFLICT (root_id, field, block) DO UPDATE SET watermark = excluded.watermark, sealed = excluded.sealed
     WHERE sealed_page.watermark <= excluded.watermark
    RETURNING root_id, field, block, watermark
)
DELETE FROM sealed_page_change c USING fresh f
 WHERE (c.root_id, c.field, c.block) = (f.root_id, f.field, f.block) AND c.xid < f.watermark;

-- name: contacts
-- Groups of one length, so that the values need no separators and one blob serves thousands of people.
SELECT octet_length(c.sealed), array_agg(c.person_id::int4), string_agg(c.sealed, ''::bytea)
  FROM unnest(%(blocks)s::int[]) AS b(block)
  JOIN contact_point c ON c.person_id BETWEEN b.block::bigint * 1024 AND b.block::bigint * 1024 + 1023
   AND c.kind = %(kind)s AND c.root_id = %(root)s
 GROUP BY octet_length(c.sealed);

-- name: names
SELECT octet_length(p.name_sealed), array_agg(p.id::int4), string_agg(p.name_sealed, ''::bytea)
  FROM unnest(%(blocks)s::int[]) AS b(block)
  JOIN person p ON p.id BETWEEN b.block::bigint * 1024 AND b.block::bigint * 1024 + 1023
   AND p.name_sealed IS NOT NULL AND p.root_id = %(root)s
 GROUP BY octet_length(p.name_sealed);
