-- name: note
-- Runs twice without harm. Listeners on "majung_wake" are told once the transaction commits.
WITH noted AS (
    INSERT INTO dealer_wake (account_id, group_ref, ref, at)
    SELECT DISTINCT ON (1, 2) account_id, group_ref, ref, %(at)s::timestamptz
      FROM unnest(%(accounts)s::bigint[], %(groups)s::text[], %(refs)s::text[]) AS n(account_id, group_ref, ref)
     ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING
    RETURNING account_id
)
SELECT pg_notify('majung_wake', '') WHERE EXISTS (SELECT FROM noted);

-- name: take
-- Rows are taken by one taker each; they are gone once the taker commits.
WITH t AS MATERIALIZED (SELECT account_id, group_ref FROM dealer_wake ORDER BY at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
DELETE FROM dealer_wake w USING t
 WHERE w.account_id = t.account_id AND w.group_ref = t.group_ref
RETURNING w.account_id, w.group_ref, w.ref;
