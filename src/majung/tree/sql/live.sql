-- Whether what was lent still holds: asked by the dispatcher before every hand-over.

-- name: chain
-- From the grant up to the owner's; a parent id never points back (grants are written once), so the walk ends.
WITH RECURSIVE chain AS (
    SELECT g.*, 0 AS height FROM tree_grant g WHERE g.id = %(grant)s
    UNION ALL
    SELECT p.*, chain.height + 1 FROM tree_grant p JOIN chain ON p.id = chain.parent_id
)
SELECT id FROM chain ORDER BY height;

-- name: chain_in_force
-- True when every grant up to an owner's is begun, not ended, not revoked and held, and every unit from the grant's up works.
WITH RECURSIVE chain AS (
    SELECT g.* FROM tree_grant g WHERE g.id = %(grant)s
    UNION ALL
    SELECT p.* FROM tree_grant p JOIN chain ON p.id = chain.parent_id
)
SELECT count(*) > 0
   AND bool_or(chain.parent_id IS NULL AND chain.role = 'owner')
   AND bool_and(chain.starts_at <= %(at)s AND (chain.ends_at IS NULL OR chain.ends_at > %(at)s) AND chain.revoked_at IS NULL
                AND (chain.user_id IS NOT NULL OR chain.api_key_id IS NOT NULL))
   AND bool_and(chain.api_key_id IS NULL OR (k.revoked_at IS NULL AND k.expires_at > %(at)s))
   AND NOT EXISTS (
       SELECT 1 FROM tree_grant g JOIN tree_unit own ON own.id = g.unit_id
         JOIN tree_unit above ON above.root_id = own.root_id AND starts_with(own.path, above.path)
        WHERE g.id = %(grant)s AND above.state <> 'active')
  FROM chain LEFT JOIN accounts_apikey k ON k.id = chain.api_key_id;

-- name: unit_works
-- Whether the unit and every unit above it is active; with a grant, whether it and the scope still lie where the grant reaches
-- (either may have been moved away).
SELECT count(*) > 0 AND bool_and(above.state = 'active')
   AND (%(grant)s::bigint IS NULL OR NOT EXISTS (
       SELECT FROM tree_unit of JOIN tree_grant g ON g.id = %(grant)s JOIN tree_unit place ON place.id = g.unit_id
        WHERE of.id IN (%(unit)s, %(scope)s)
          AND NOT (of.id = place.id OR g.covers_subtree AND of.root_id = place.root_id AND starts_with(of.path, place.path))))
  FROM tree_unit own JOIN tree_unit above ON above.root_id = own.root_id AND starts_with(own.path, above.path)
 WHERE own.id = %(unit)s;

-- name: stands_in_the_way
-- What of the two above does not hold, and whose name that is: a unit that rests, a unit or scope out of the grant's reach, a grant
-- of the chain, its key. The first of these; no row when all holds.
WITH RECURSIVE chain AS (
    SELECT g.* FROM tree_grant g WHERE g.id = %(grant)s
    UNION ALL
    SELECT p.* FROM tree_grant p JOIN chain ON p.id = chain.parent_id
)
SELECT what, name FROM (
    SELECT 1, 'rests', above.name
      FROM tree_unit own JOIN tree_unit above ON above.root_id = own.root_id AND starts_with(own.path, above.path)
     WHERE (own.id = %(unit)s OR own.id IN (SELECT unit_id FROM tree_grant WHERE id = %(grant)s)) AND above.state <> 'active'
    UNION ALL
    SELECT 2, 'moved', of.name
      FROM tree_unit of JOIN tree_grant g ON g.id = %(grant)s JOIN tree_unit place ON place.id = g.unit_id
     WHERE of.id IN (%(unit)s, %(scope)s)
       AND NOT (of.id = place.id OR g.covers_subtree AND of.root_id = place.root_id AND starts_with(of.path, place.path))
    UNION ALL
    SELECT 3, CASE WHEN chain.revoked_at IS NOT NULL THEN 'revoked' WHEN chain.ends_at <= %(at)s THEN 'ended'
                   WHEN chain.starts_at > %(at)s THEN 'not_begun' ELSE 'nobody' END, u.name
      FROM chain JOIN tree_unit u ON u.id = chain.unit_id
     WHERE chain.revoked_at IS NOT NULL OR chain.ends_at <= %(at)s OR chain.starts_at > %(at)s
        OR chain.user_id IS NULL AND chain.api_key_id IS NULL
    UNION ALL
    SELECT 4, 'key', k.label FROM chain JOIN accounts_apikey k ON k.id = chain.api_key_id
     WHERE k.revoked_at IS NOT NULL OR k.expires_at <= %(at)s
) AS found(place, what, name) ORDER BY place, what, name LIMIT 1;
