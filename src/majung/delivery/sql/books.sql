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
-- A byte from 128 on (two bytes in UTF-8) is a refusal in whose stead a text is sent: fell_back.
2 * length(translate(convert_from(outcome, 'LATIN1'), 'adlmnqw', '')) - octet_length(translate(convert_from(outcome, 'LATIN1'), 'adlmnqw', ''))

-- name: in_doubt
outcome_count(outcome, 'q')

-- name: not_yet
outcome_count(outcome, 'n')

-- name: dropped
-- Left out after the freeze, as the chunks have it; the sets of the later stages must say the same.
outcome_count(outcome, 'l')

-- name: moved_on
-- Tries that were no delivery, for want of friendship or by night: these people stand once more in a chunk of a later wave.
-- Of texts, which stand in no later wave, texts_instead takes them off.
outcome_count(outcome, 'm') + CASE WHEN parent_chunk IS NULL THEN outcome_count(outcome, 'w') ELSE 0 END

-- name: later_waves
CASE WHEN wave > 1 AND parent_chunk IS NULL THEN n ELSE 0 END

-- name: fell_back
-- Tries that were no delivery, and a text goes instead: these people stand once more in a chunk of texts.
octet_length(convert_from(outcome, 'LATIN1')) - n

-- name: texts_instead
CASE WHEN parent_chunk IS NOT NULL THEN n - outcome_count(outcome, 'w') ELSE 0 END

-- name: repeats
SELECT count(*)::int FROM chunk_exception WHERE campaign_id = %(campaign)s AND code = 'REPEAT';

-- name: dropped_sets
SELECT coalesce(sum(n), 0)::int FROM campaign_left_out WHERE campaign_id = %(campaign)s AND stage <> 'freeze';

-- name: by_kind
-- Money by kind of message: what was charged at the hand-over, and what came back because it did not arrive.
SELECT message_kind, coalesce(sum(n) FILTER (WHERE kind = 'charged'), 0)::int,
       coalesce(sum(centiwon) FILTER (WHERE kind = 'charged'), 0)::bigint,
       coalesce(sum(n) FILTER (WHERE kind = 'returned'), 0)::int,
       coalesce(-sum(centiwon) FILTER (WHERE kind = 'returned'), 0)::bigint
  FROM cost_entry WHERE campaign_id = %(campaign)s GROUP BY message_kind ORDER BY message_kind;

-- name: cost_centiwon
SELECT coalesce(sum(centiwon), 0)::bigint FROM cost_entry WHERE campaign_id = %(campaign)s;
