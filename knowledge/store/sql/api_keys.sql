-- name: add
-- Returns the key with its workspace's name, as all others here do.
WITH added AS (
    INSERT INTO api_keys (id, workspace_id, name, key_hash)
    SELECT %(id)s, w.id, %(name)s, %(key_hash)s FROM workspaces w WHERE w.id = %(workspace_id)s
    RETURNING *
)
SELECT a.id, a.workspace_id, w.name AS workspace, a.name, a.created_at, a.revoked_at
FROM added a JOIN workspaces w ON w.id = a.workspace_id

-- name: by_hash
-- Looked up by hash: how long it takes says nothing of the secret.
SELECT a.id, a.workspace_id, w.name AS workspace, a.name, a.created_at, a.revoked_at
FROM api_keys a JOIN workspaces w ON w.id = a.workspace_id
WHERE a.key_hash = %(key_hash)s AND a.revoked_at IS NULL

-- name: revoke
-- The row stays: audit entries name it.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
WHERE id = %(id)s AND workspace_id = %(workspace_id)s

-- name: list
-- Also answers whether there is any key at all, without which the service stays on loopback.
SELECT a.id, a.workspace_id, w.name AS workspace, a.name, a.created_at, a.revoked_at
FROM api_keys a JOIN workspaces w ON w.id = a.workspace_id
WHERE %(workspace_id)s::integer IS NULL OR a.workspace_id = %(workspace_id)s::integer
ORDER BY a.created_at, a.id
