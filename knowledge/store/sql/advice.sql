-- name: add
-- Repeated when a spool is replayed.
INSERT INTO advice (id, workspace_id, incident_id, answer)
VALUES (%(id)s, %(workspace_id)s, %(incident_id)s, %(answer)s::jsonb)
ON CONFLICT (id) DO NOTHING

-- name: latest
-- What a repeated request is answered with, without what it was made of.
SELECT id, incident_id, answer - 'judged' AS answer, created_at FROM advice
WHERE incident_id = %(incident_id)s AND workspace_id = %(workspace_id)s
ORDER BY created_at DESC, id DESC LIMIT 1
