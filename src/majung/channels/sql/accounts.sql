-- name: account
SELECT id, root_id, adapter, mode, state, base_url, key_sealed, secret_sealed, more_sealed, refusal_number,
       sender_certificate, entity_id
  FROM channels_dealeraccount WHERE id = %(account)s;

-- name: adapter
SELECT adapter FROM channels_dealeraccount WHERE id = %(account)s;

-- name: profiles
SELECT channel_id, pf_id FROM channels_dealerprofile WHERE account_id = %(account)s;

-- name: default_sender
SELECT number FROM channels_sendernumber WHERE account_id = %(account)s ORDER BY is_default DESC, number LIMIT 1;

-- name: prices_on
-- The latest begun price of each kind that has not ended on that Seoul day.
SELECT DISTINCT ON (kind) kind, centiwon
  FROM channels_price
 WHERE account_id = %(account)s AND valid_from <= %(on)s AND (valid_until IS NULL OR valid_until > %(on)s)
 ORDER BY kind, valid_from DESC;
