-- Figures of the first page. Rows: friendships of the channels in reach; read whole, once a minute at most (views cache it).

-- name: friends_by_unit
-- Added friends by unit, and how many were added or blocked since an instant.
SELECT c.unit_id,
       count(*) FILTER (WHERE f.state = 1) AS friends,
       count(*) FILTER (WHERE f.state = 1 AND f.seen_at >= %(since)s) AS added,
       count(*) FILTER (WHERE f.state = 2 AND f.seen_at >= %(since)s) AS blocked
  FROM friendship f
  JOIN channels_channel c ON c.id = f.channel_id
 WHERE f.root_id = %(root)s AND c.unit_id = ANY(%(units)s)
 GROUP BY c.unit_id;

-- name: money_of_month
-- What campaigns of the units in reach have cost since the first of the month, and what they would have cost as long texts.
SELECT coalesce(sum(r.spent_centiwon), 0) AS spent, coalesce(sum(r.spent_messages), 0) AS messages
  FROM tree_reservation r
 WHERE r.root_id = %(root)s AND r.month = %(month)s AND r.unit_id = ANY(%(units)s);
