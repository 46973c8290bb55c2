-- name: put
INSERT INTO inbox (kind, source, n, body) VALUES (%(kind)b, %(source)b, %(n)b, %(body)b);

-- name: put_back
INSERT INTO inbox (kind, source, n, body, due_at)
VALUES (%(kind)s, %(source)s, %(n)s, %(body)b, clock_timestamp() + make_interval(secs => %(seconds)s));

-- name: take
-- The oldest rows of a kind, for whoever asks first; any number of folders share the work.
SELECT seq, kind, source, n, body, extract(epoch FROM clock_timestamp() - at)::float8
  FROM inbox
 WHERE kind = %(kind)s AND problem IS NULL AND due_at <= clock_timestamp()
 ORDER BY seq LIMIT %(most)s FOR UPDATE SKIP LOCKED;

-- name: done
DELETE FROM inbox WHERE seq = ANY(%(seqs)s);

-- name: set_aside
UPDATE inbox SET problem = %(problem)s WHERE seq = %(seq)s;

-- name: try_again
UPDATE inbox SET problem = NULL, at = clock_timestamp(), due_at = clock_timestamp() WHERE problem IS NOT NULL RETURNING n;

-- name: waiting
-- What is not folded yet and what was set aside, in items, and the age of the oldest (doctor, metrics, tests).
SELECT coalesce(sum(n) FILTER (WHERE problem IS NULL), 0)::bigint, coalesce(sum(n) FILTER (WHERE problem IS NOT NULL), 0)::bigint,
       coalesce(extract(epoch FROM clock_timestamp() - min(at) FILTER (WHERE problem IS NULL)), 0)::float8
  FROM inbox;
