-- name: add
-- Within the transaction of the change it tells of, at the time of the change: locks may have been waited for.
INSERT INTO audit_log (id, workspace_id, at, actor, action, subject_id, also, reason, before, after)
VALUES (%(id)s, %(workspace_id)s, clock_timestamp(), %(actor)s, %(action)s, %(subject_id)s, %(also)s, %(reason)s,
        %(before)s::jsonb, %(after)s::jsonb)

-- name: list
-- Newest first: people look for what just happened.
SELECT id, at, actor, action, subject_id, reason, before, after FROM audit_log
WHERE workspace_id = %(workspace_id)s AND (%(subject_id)s::uuid IS NULL OR subject_id = %(subject_id)s::uuid)
ORDER BY at DESC, id DESC LIMIT %(limit)s
