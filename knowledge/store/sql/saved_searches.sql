-- name: save_alone
-- Until the transaction ends nobody else saves one in this workspace: else all of many at once would count too few.
SELECT id FROM workspaces WHERE id = %(workspace_id)s::int FOR NO KEY UPDATE

-- name: save
-- The same again stays as it is. No row: the name is taken by another search, or there are too many.
-- One that is brought back says when it was saved.
INSERT INTO saved_searches (id, workspace_id, name, fields, saved_by, saved_at)
SELECT %(id)s::uuid, %(workspace_id)s::int, %(name)s::text, %(fields)s::jsonb, %(saved_by)s::text,
       coalesce(%(saved_at)s::timestamptz, clock_timestamp())
WHERE (SELECT count(*) FROM saved_searches WHERE workspace_id = %(workspace_id)s::int) < %(most)s::int
   OR EXISTS (SELECT FROM saved_searches WHERE workspace_id = %(workspace_id)s::int AND md5(name) = md5(%(name)s::text))
ON CONFLICT (workspace_id, md5(name)) DO UPDATE SET
    name = excluded.name WHERE saved_searches.fields = excluded.fields
RETURNING id, name, fields, saved_by, saved_at

-- name: named
SELECT id, name, fields, saved_by, saved_at FROM saved_searches
WHERE workspace_id = %(workspace_id)s::int AND md5(name) = md5(%(name)s::text)

-- name: all
-- By name.
SELECT id, name, fields, saved_by, saved_at FROM saved_searches WHERE workspace_id = %(workspace_id)s::int
ORDER BY lower(name), id

-- name: remove
-- By anybody of the workspace; what it was is for the audit log.
DELETE FROM saved_searches WHERE id = %(id)s AND workspace_id = %(workspace_id)s::int
RETURNING id, name, fields, saved_by, saved_at

-- name: removed
-- As it was when it was last deleted; no row where that is too long ago.
SELECT before FROM audit_log
WHERE workspace_id = %(workspace_id)s AND subject_id = %(id)s::uuid AND action = %(action)s
  AND at > clock_timestamp() - make_interval(secs => %(within_s)s)
ORDER BY at DESC, id DESC LIMIT 1
