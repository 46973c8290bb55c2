-- Questions of the campaign page to delivery's ledger. Each reads one campaign by its key and locks nothing.

-- name: spent
-- Messages and money of one campaign so far: charged when handed over, less what came back undelivered.
SELECT coalesce(sum(CASE kind WHEN 'charged' THEN n ELSE -n END), 0)::bigint, coalesce(sum(centiwon), 0)::bigint
  FROM cost_entry
 WHERE campaign_id = %(campaign)s

-- name: still_needed
-- Messages and money that a campaign may cost at worst from now on, with what it has cost: what is settled at its price, what is
-- open or still to leave at the dearer of the message and the text instead. Refused, left out, moved on: nothing any more.
SELECT coalesce(sum(settled + open), 0)::bigint, coalesce(sum(settled::bigint * unit + open::bigint * dearer), 0)::bigint
  FROM (SELECT unit_centiwon AS unit, outcome_count(outcome, 'd') + CASE WHEN state = 3 THEN waiting ELSE 0 END AS settled,
               outcome_count(outcome, 'n') + CASE WHEN state < 3 THEN waiting ELSE 0 END AS open,
               CASE WHEN parent_chunk IS NULL THEN greatest(unit_centiwon, text.centiwon) ELSE unit_centiwon END AS dearer
          FROM campaign_chunk CROSS JOIN LATERAL (SELECT outcome_count(outcome, 'a') + outcome_count(outcome, 'q')) AS w(waiting)
         CROSS JOIN (SELECT (fallback ->> 'unit_centiwon')::int FROM dispatch WHERE campaign_id = %(campaign)s) AS text(centiwon)
         WHERE campaign_id = %(campaign)s) AS chunks

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
