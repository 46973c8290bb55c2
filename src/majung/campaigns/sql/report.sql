-- Questions of the campaign page to delivery's ledger. Each reads one campaign by its key and locks nothing.

-- name: spent
-- Messages and money of one campaign so far: charged when handed over, less what came back undelivered.
SELECT coalesce(sum(CASE kind WHEN 'charged' THEN n ELSE -n END), 0)::bigint, coalesce(sum(centiwon), 0)::bigint
  FROM cost_entry
 WHERE campaign_id = %(campaign)s
