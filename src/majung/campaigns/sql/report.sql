-- Questions of the campaign page to delivery's ledger. Each reads one campaign by its key and locks nothing.

-- name: spent
-- Messages and money of one campaign so far: charged when handed over, less what came back undelivered.
SELECT coalesce(sum(CASE kind WHEN 'charged' THEN n ELSE -n END), 0)::bigint, coalesce(sum(centiwon), 0)::bigint
  FROM cost_entry
 WHERE campaign_id = %(campaign)s

-- name: outcomes
-- One row a channel: the outcome bytes of all its people, to be counted outside (a million are one megabyte).
SELECT channel_id, string_agg(outcome, ''::bytea)
  FROM campaign_chunk
 WHERE campaign_id = %(campaign)s
 GROUP BY channel_id

-- name: left_out
SELECT reason, sum(n)::bigint
  FROM campaign_left_out
 WHERE campaign_id = %(campaign)s
 GROUP BY reason
 ORDER BY 2 DESC, 1

-- name: channel_of
-- In which chunk one person last stood, of the latest wave; of a text instead, since when the message had not arrived.
SELECT channel_id, get_byte(outcome, array_position(people, %(person)s) - 1), parent_chunk,
       (SELECT p.handed_at FROM campaign_chunk p WHERE p.campaign_id = c.campaign_id AND p.chunk_no = c.parent_chunk)
  FROM campaign_chunk c
 WHERE campaign_id = %(campaign)s AND first_person <= %(person)s AND last_person >= %(person)s
   AND people @> ARRAY[%(person)s]
 ORDER BY wave DESC
 LIMIT 1

-- name: reason_of
SELECT reason
  FROM campaign_left_out
 WHERE campaign_id = %(campaign)s AND people @> ARRAY[%(person)s]
 ORDER BY seq DESC
 LIMIT 1
