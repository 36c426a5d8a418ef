-- name: add
-- A row: the key is ours. Waits for another transaction that holds the same key.
INSERT INTO idempotency_keys (workspace_id, key_hash, route, request_hash)
VALUES (%(workspace_id)s, %(key_hash)s, %(route)s, %(request_hash)s)
ON CONFLICT (workspace_id, key_hash) DO NOTHING
RETURNING true AS ours

-- name: find
-- A statement of its own: only a new snapshot sees what the other transaction has committed.
SELECT route, request_hash, status, response FROM idempotency_keys
WHERE workspace_id = %(workspace_id)s AND key_hash = %(key_hash)s

-- name: answer
-- In the transaction that claimed the key, so that there is never a claim without an answer.
UPDATE idempotency_keys SET status = %(status)s, response = %(response)s::jsonb
WHERE workspace_id = %(workspace_id)s AND key_hash = %(key_hash)s

-- name: forget
-- The same request may be done from now on.
DELETE FROM idempotency_keys WHERE workspace_id = %(workspace_id)s AND key_hash = %(key_hash)s

-- name: purge
-- Keys are for retries of minutes, not for ever. The oldest first, and none that another replica is forgetting.
DELETE FROM idempotency_keys WHERE (workspace_id, key_hash) IN (
    SELECT workspace_id, key_hash FROM idempotency_keys WHERE created_at < now() - %(older_than)s
    ORDER BY created_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
