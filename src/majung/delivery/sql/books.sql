-- The books of one campaign. Every statement is one term of: audience = left out + accepted + refused + in doubt + not yet.
-- Each gives one number and can be run by hand; delivered is the part of accepted that has arrived for certain.

-- name: audience
SELECT audience FROM dispatch WHERE campaign_id = %(campaign)s;

-- name: left_out
SELECT reason, sum(n)::int FROM campaign_left_out WHERE campaign_id = %(campaign)s GROUP BY reason ORDER BY 2 DESC, 1;

-- name: accepted
SELECT coalesce(sum(outcome_count(outcome, 'a') + outcome_count(outcome, 'd')), 0)::int
  FROM campaign_chunk WHERE campaign_id = %(campaign)s;

-- name: delivered
SELECT coalesce(sum(outcome_count(outcome, 'd')), 0)::int FROM campaign_chunk WHERE campaign_id = %(campaign)s;

-- name: refused
SELECT coalesce(sum(length(translate(convert_from(outcome, 'LATIN1'), 'adlmnq', ''))), 0)::int
  FROM campaign_chunk WHERE campaign_id = %(campaign)s;

-- name: in_doubt
SELECT coalesce(sum(outcome_count(outcome, 'q')), 0)::int FROM campaign_chunk WHERE campaign_id = %(campaign)s;

-- name: not_yet
SELECT coalesce(sum(outcome_count(outcome, 'n')), 0)::int FROM campaign_chunk WHERE campaign_id = %(campaign)s;

-- name: dropped
-- Left out after the freeze, as the chunks have it; the sets of the later stages must say the same.
SELECT coalesce(sum(outcome_count(outcome, 'l')), 0)::int FROM campaign_chunk WHERE campaign_id = %(campaign)s;

-- name: dropped_sets
SELECT coalesce(sum(n), 0)::int FROM campaign_left_out WHERE campaign_id = %(campaign)s AND stage <> 'freeze';

-- name: moved_on
-- Tries that were no delivery: these people stand once more in a chunk of a later wave.
SELECT coalesce(sum(outcome_count(outcome, 'm')), 0)::int FROM campaign_chunk WHERE campaign_id = %(campaign)s;

-- name: later_waves
SELECT coalesce(sum(n), 0)::int FROM campaign_chunk WHERE campaign_id = %(campaign)s AND wave > 1;

-- name: repeats
SELECT count(*)::int FROM chunk_exception WHERE campaign_id = %(campaign)s AND code = 'REPEAT';

-- name: cost_centiwon
SELECT coalesce(sum(centiwon), 0)::bigint FROM cost_entry WHERE campaign_id = %(campaign)s;
