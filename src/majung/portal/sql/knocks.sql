-- Counting the forms that one address sends.

-- name: knock
-- One more in this hour; returns how many. Rows of yesterday go as they are met.
WITH gone AS (DELETE FROM portal_knock WHERE hour < %(hour)s - interval '1 day')
INSERT INTO portal_knock AS k (address, hour, times) VALUES (%(address)s, %(hour)s, 1)
ON CONFLICT (address, hour) DO UPDATE SET times = k.times + 1
RETURNING k.times;
