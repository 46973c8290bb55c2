-- name: root_of
SELECT root_id FROM dispatch WHERE campaign_id = %(campaign)s;

-- name: with_hash
SELECT chunk_no, cardinality(people), coalesce(group_ref, ''), handed_at FROM campaign_chunk
 WHERE campaign_id = %(campaign)s AND request_hash = %(hash)s ORDER BY chunk_no;

-- name: hashed
SELECT count(request_hash), count(*) FROM campaign_chunk WHERE campaign_id = %(campaign)s AND handed_at IS NOT NULL;
