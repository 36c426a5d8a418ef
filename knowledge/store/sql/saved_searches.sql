-- name: save
-- The same name again is kept in place of the first. No row: there are too many.
INSERT INTO saved_searches (id, workspace_id, name, fields, saved_by)
SELECT %(id)s::uuid, %(workspace_id)s::int, %(name)s::text, %(fields)s::jsonb, %(saved_by)s::text
WHERE (SELECT count(*) FROM saved_searches WHERE workspace_id = %(workspace_id)s::int) < %(most)s::int
   OR EXISTS (SELECT FROM saved_searches WHERE workspace_id = %(workspace_id)s::int AND md5(name) = md5(%(name)s::text))
ON CONFLICT (workspace_id, md5(name)) DO UPDATE SET
    fields = excluded.fields, saved_by = excluded.saved_by, saved_at = clock_timestamp()
RETURNING id, name, fields, saved_by, saved_at

-- name: all
-- By name.
SELECT id, name, fields, saved_by, saved_at FROM saved_searches WHERE workspace_id = %(workspace_id)s::int
ORDER BY lower(name), id

-- name: remove
-- By anybody of the workspace.
DELETE FROM saved_searches WHERE id = %(id)s AND workspace_id = %(workspace_id)s::int
