-- Pace and shares (delivery/pace.py): what every worker on every host must agree on before something leaves.

-- name: create
-- One row for an account, a channel, a legal entity or a unit of which something is known. ``per_minute``: messages a minute as the
-- operator wants it, ``declared``: as the dealer says it. ``learned``: messages a minute since the dealer's last trouble
-- (at ``changed_at``; ``before`` is what it was before the first one, ``trouble`` why). ``free_at``: when something may leave again.
-- ``weight``: how many shares a unit has. All instants are the database's.
CREATE TABLE pace (
    kind text NOT NULL CHECK (kind IN ('account', 'channel', 'entity', 'unit')),
    ref bigint NOT NULL,
    root_id integer NOT NULL,
    per_minute integer CHECK (per_minute > 0),
    declared integer CHECK (declared > 0),
    learned double precision CHECK (learned > 0),
    before double precision,
    changed_at timestamptz,
    trouble text NOT NULL DEFAULT '',
    free_at timestamptz NOT NULL DEFAULT 'epoch',
    weight smallint NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100),
    PRIMARY KEY (kind, ref),
    CHECK ((learned IS NULL) = (before IS NULL) AND (learned IS NULL) = (changed_at IS NULL) AND learned <= before)
) WITH (fillfactor = 50);

-- Whose turn it is, apart from ``dispatch``: claims and settlings do not meet. ``turn``: what the unit had been served when this
-- dispatch was served last, in thousandths of a message for each share; ``began``: the same before that serving.
CREATE TABLE dispatch_turn (
    campaign_id bigint PRIMARY KEY,
    unit_id bigint NOT NULL,
    entity_id bigint NOT NULL,
    began bigint NOT NULL DEFAULT 0,
    turn bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- name: drop
DROP TABLE pace, dispatch_turn;

-- name: paced
-- What is known of the account and the entity of a dispatch and of its channels, held until the claim is committed: two slots
-- never spend the same allowance. Nothing that is to be waited for may follow in this transaction.
SELECT p.kind, p.ref, p.per_minute, p.declared, p.learned, p.before, extract(epoch FROM p.changed_at)::float8,
       extract(epoch FROM p.free_at)::float8, extract(epoch FROM clock_timestamp())::float8
  FROM pace p
 WHERE (p.per_minute IS NOT NULL OR p.declared IS NOT NULL OR p.learned IS NOT NULL OR p.free_at > clock_timestamp())
   AND (p.kind, p.ref) IN (SELECT 'account', d.account_id FROM dispatch d WHERE d.campaign_id = %(campaign)s
                           UNION ALL SELECT 'entity', t.entity_id FROM dispatch_turn t WHERE t.campaign_id = %(campaign)s
                           UNION ALL SELECT 'channel', v.channel FROM unnest(%(channels)s::bigint[]) AS v(channel))
 ORDER BY p.kind, p.ref FOR NO KEY UPDATE OF p;

-- name: charge
UPDATE pace p SET free_at = greatest(p.free_at, clock_timestamp()) + make_interval(secs => v.seconds)
  FROM unnest(%(kinds)s::text[], %(refs)s::bigint[], %(seconds)s::float8[]) AS v(kind, ref, seconds)
 WHERE p.kind = v.kind AND p.ref = v.ref;

-- name: known
-- One account, locked: made when nothing was known of it.
INSERT INTO pace (kind, ref, root_id) VALUES ('account', %(account)s, %(root)s)
ON CONFLICT (kind, ref) DO UPDATE SET root_id = excluded.root_id
RETURNING learned, before, extract(epoch FROM changed_at)::float8, extract(epoch FROM clock_timestamp())::float8;

-- name: observed
-- Messages a minute that left through an account in the last ten seconds.
SELECT coalesce(sum(c.n), 0)::float8 * 6 FROM dispatch d JOIN campaign_chunk c USING (campaign_id)
 WHERE d.account_id = %(account)s AND d.finished_at IS NULL AND c.handed_at > %(now)s - interval '10 seconds';

-- name: learn
UPDATE pace SET learned = %(rate)s, before = %(before)s, changed_at = to_timestamp(%(changed)s::float8), trouble = %(trouble)s,
       free_at = greatest(free_at, to_timestamp(%(at)s) + make_interval(secs => %(rest)s))
 WHERE kind = 'account' AND ref = %(account)s;

-- name: declare
INSERT INTO pace (kind, ref, root_id, declared) VALUES ('account', %(account)s, %(root)s, %(declared)s)
ON CONFLICT (kind, ref) DO UPDATE SET declared = excluded.declared WHERE pace.declared IS DISTINCT FROM excluded.declared;

-- name: set
INSERT INTO pace (kind, ref, root_id, per_minute, weight) VALUES (%(kind)s, %(ref)s, %(root)s, %(per_minute)s, %(weight)s)
ON CONFLICT (kind, ref) DO UPDATE SET per_minute = excluded.per_minute, weight = excluded.weight;

-- name: of_root
SELECT kind, ref, per_minute, declared, learned, before, extract(epoch FROM changed_at)::float8,
       extract(epoch FROM free_at)::float8, extract(epoch FROM clock_timestamp())::float8, weight, trouble
  FROM pace WHERE root_id = %(root)s ORDER BY kind, ref;

-- name: smallest
-- The smallest pace that binds an order, for the size of its chunks; none is NULL.
SELECT min(least(per_minute, declared)) FROM pace
 WHERE (kind, ref) IN (SELECT 'account', %(account)s::bigint UNION ALL SELECT 'entity', %(entity)s::bigint
                       UNION ALL SELECT 'channel', v.channel FROM unnest(%(channels)s::bigint[]) AS v(channel));
