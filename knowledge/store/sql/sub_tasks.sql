-- name: put
-- One round trip that looks and writes behind the locks of the step and of the row. `owner` and `plan` are the step's.
SELECT t.told, t.owner, t.plan, (t.sub_task).* FROM put_sub_task(
    %(workspace_id)s::int, %(run_id)s::text, %(step)s::text, %(name)s::text, %(owner)s::text, %(status)s::text,
    %(holder)s::text, %(lease_s)s::float8, %(inputs_hash)s::bytea, %(artifacts)s::jsonb, %(expected)s::bigint) t

-- name: of_run
-- In order of first write; `step` and `name` ask for less.
SELECT s.name AS step_name, t.*
FROM sub_tasks t JOIN steps s ON s.id = t.step JOIN runs r ON r.id = s.run
WHERE r.workspace_id = %(workspace_id)s::int AND r.run_id = %(run_id)s::text
  AND (%(step)s::text IS NULL OR s.name = %(step)s::text)
  AND (%(name)s::text IS NULL OR t.name = %(name)s::text)
ORDER BY t.position

-- name: reusable
-- The same work, done by whichever run: the latest of it.
SELECT r.run_id, s.name AS step_name, t.*
FROM sub_tasks t JOIN steps s ON s.id = t.step JOIN runs r ON r.id = s.run
WHERE t.workspace_id = %(workspace_id)s::int AND t.inputs_hash = %(inputs_hash)s::bytea AND t.status = 'completed'
  AND t.name = %(name)s::text AND s.name = %(step)s::text AND r.pipeline = %(pipeline)s::text
ORDER BY t.completed_at DESC, t.position DESC
LIMIT 1
