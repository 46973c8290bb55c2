-- Campaigns as criteria mention them; the columns are those of audience/sql/references.sql.

-- name: campaign
-- Those whose receivers can be asked for: they began to leave through a dealer.
SELECT m.public_id::text, m.id, u.id, u.path FROM campaigns_campaign m JOIN tree_unit u ON u.id = m.unit_id
 WHERE m.root_id = %(root)s AND m.public_id = ANY(%(campaign)s::uuid[]) AND m.started_at IS NOT NULL AND m.kind <> 'hand'
