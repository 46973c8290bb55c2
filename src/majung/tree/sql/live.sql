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
