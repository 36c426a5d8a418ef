-- name: put
-- One round trip that looks and writes behind the row's lock.
SELECT t.told, t.pipeline, t.lost, (t.step).* FROM put_step(
    %(workspace_id)s::int, %(id)s::uuid, %(run_id)s::text, %(pipeline)s::text, %(name)s::text, %(owner)s::text,
    %(status)s::text, %(progress)s::float8, %(plan)s::text[], %(attributes)s::jsonb, %(stated_version)s::int,
    %(schema_version)s::int, %(expected)s::bigint, %(age)s::float8) t

-- name: hand_over
-- Behind the same lock: no write of the owner before slips in between.
SELECT t.told, t.pipeline, (t.step).* FROM hand_step_over(
    %(workspace_id)s::int, %(run_id)s::text, %(pipeline)s::text, %(name)s::text, %(owner)s::text, %(to)s::text,
    %(expected)s::bigint) t

-- name: of_run
-- In order of first write; `name` asks for one of them.
SELECT s.* FROM steps s JOIN runs r ON r.id = s.run
WHERE r.workspace_id = %(workspace_id)s::int AND r.run_id = %(run_id)s::text
  AND (%(name)s::text IS NULL OR s.name = %(name)s::text)
ORDER BY s.position

-- name: work
-- Names only: all that a resume point is made of. A row without a step tells that the run is there.
SELECT s.name, s.status, s.plan, done.sub_tasks, done.completed
FROM runs r LEFT JOIN steps s ON s.run = r.id
LEFT JOIN LATERAL (
    SELECT array_agg(t.name ORDER BY t.position) AS sub_tasks,
           array_agg(t.name ORDER BY t.completed_at, t.position) FILTER (WHERE t.status = 'completed') AS completed
    FROM sub_tasks t WHERE t.step = s.id
) done ON true
WHERE r.workspace_id = %(workspace_id)s::int AND r.run_id = %(run_id)s::text
  AND (%(pipeline)s::text IS NULL OR r.pipeline = %(pipeline)s::text)
ORDER BY s.position
