-- name: put
-- One round trip that looks and writes behind the locks of the step and of the row. `owner` and `plan` are the step's.
SELECT t.told, t.pipeline, t.owner, t.plan, (t.sub_task).* FROM put_sub_task(
    %(workspace_id)s::int, %(run_id)s::text, %(pipeline)s::text, %(step)s::text, %(name)s::text, %(owner)s::text,
    %(status)s::text, %(holder)s::text, %(lease_s)s::float8, %(inputs_hash)s::bytea, %(artifacts)s::jsonb,
    %(expected)s::bigint, %(age)s::float8) t

-- name: have_alone
-- Several are written in the order of their sender: two who write the same ones in two orders would wait in a circle.
SELECT s.id FROM steps s JOIN runs r ON r.id = s.run
WHERE r.workspace_id = %(workspace_id)s::int AND r.run_id = %(run_id)s::text AND s.name = %(step)s::text
FOR NO KEY UPDATE OF s

-- name: get
-- By its names.
SELECT s.name AS step_name, t.*
FROM sub_tasks t JOIN steps s ON s.id = t.step JOIN runs r ON r.id = s.run
WHERE r.workspace_id = %(workspace_id)s::int AND r.run_id = %(run_id)s::text AND s.name = %(step)s::text
  AND t.name = %(name)s::text

-- name: page
-- In order of first write: so many, and no further one after so many stored bytes of artifacts. `found` counts those that
-- the bytes have cut off too, and one that the number has; `step` and `after`, a sub-task of it, ask for less.
SELECT * FROM (
    SELECT first.*, count(*) OVER () AS found, row_number() OVER (ORDER BY position) AS number,
           sum(pg_column_size(artifacts)) OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes
    FROM (
        SELECT s.name AS step_name, t.*
        FROM sub_tasks t JOIN steps s ON s.id = t.step JOIN runs r ON r.id = s.run
        WHERE r.workspace_id = %(workspace_id)s::int AND r.run_id = %(run_id)s::text
          AND (%(step)s::text IS NULL OR s.name = %(step)s::text)
          AND (%(after)s::text IS NULL OR t.position > (
              SELECT last.position FROM sub_tasks last WHERE last.step = s.id AND last.name = %(after)s::text))
        ORDER BY t.position LIMIT %(most)s::int + 1
    ) first
) counted
WHERE number <= %(most)s::int AND coalesce(bytes, 0) < %(most_bytes)s::bigint
ORDER BY position

-- name: numbers
-- How many each step of a run has.
SELECT s.name AS step, count(*) AS number
FROM sub_tasks t JOIN steps s ON s.id = t.step JOIN runs r ON r.id = s.run
WHERE r.workspace_id = %(workspace_id)s::int AND r.run_id = %(run_id)s::text
GROUP BY s.name

-- name: reusable
-- The same work, done by whichever run: the latest of it.
SELECT r.run_id, s.name AS step_name, t.*
FROM sub_tasks t JOIN steps s ON s.id = t.step JOIN runs r ON r.id = s.run
WHERE t.workspace_id = %(workspace_id)s::int AND t.inputs_hash = %(inputs_hash)s::bytea AND t.status = 'completed'
  AND t.name = %(name)s::text AND s.name = %(step)s::text AND r.pipeline = %(pipeline)s::text
ORDER BY t.completed_at DESC, t.position DESC
LIMIT 1
