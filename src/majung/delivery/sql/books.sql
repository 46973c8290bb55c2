-- The books of one campaign. Every statement is one term of: audience = left out + accepted + refused + in doubt + not yet.
-- Each gives one number and can be run by hand; delivered is the part of accepted that has arrived for certain. What is a sum
-- over the chunks stands below as what is summed up: one by one when it is explained, all in one pass when books are drawn up.

-- name: audience
SELECT audience FROM dispatch WHERE campaign_id = %(campaign)s;

-- name: left_out
SELECT reason, sum(n)::int FROM campaign_left_out WHERE campaign_id = %(campaign)s GROUP BY reason ORDER BY 2 DESC, 1;

-- name: over_chunks
SELECT {sums} FROM campaign_chunk WHERE campaign_id = %(campaign)s;

-- name: accepted
outcome_count(outcome, 'a') + outcome_count(outcome, 'd')

-- name: delivered
outcome_count(outcome, 'd')

-- name: refused
length(translate(convert_from(outcome, 'LATIN1'), 'adlmnq', ''))

-- name: in_doubt
outcome_count(outcome, 'q')

-- name: not_yet
outcome_count(outcome, 'n')

-- name: dropped
-- Left out after the freeze, as the chunks have it; the sets of the later stages must say the same.
outcome_count(outcome, 'l')

-- name: moved_on
-- Tries that were no delivery: these people stand once more in a chunk of a later wave.
outcome_count(outcome, 'm')

-- name: later_waves
CASE WHEN wave > 1 THEN n ELSE 0 END

-- name: repeats
SELECT count(*)::int FROM chunk_exception WHERE campaign_id = %(campaign)s AND code = 'REPEAT';

-- name: dropped_sets
SELECT coalesce(sum(n), 0)::int FROM campaign_left_out WHERE campaign_id = %(campaign)s AND stage <> 'freeze';

-- name: cost_centiwon
SELECT coalesce(sum(centiwon), 0)::bigint FROM cost_entry WHERE campaign_id = %(campaign)s;
