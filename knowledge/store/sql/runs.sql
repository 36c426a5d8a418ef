-- name: put
-- One round trip that looks and writes behind the row's lock.
SELECT t.told, (t.run).* FROM put_run(
    %(workspace_id)s::int, %(id)s::uuid, %(run_id)s::text, %(pipeline)s::text, %(status)s::text, %(domain)s::text,
    %(attributes)s::jsonb, %(stated_version)s::int, %(schema_version)s::int, %(expected)s::bigint,
    %(age)s::float8) t

-- name: get
-- By the caller's own name.
SELECT * FROM runs WHERE workspace_id = %(workspace_id)s AND run_id = %(run_id)s

-- name: page
-- Without attributes: those of a page would be megabytes.
SELECT id, run_id, pipeline, status, domain, schema_version, '{}'::jsonb AS attributes, version, started_at, updated_at,
       ended_at
FROM runs
WHERE workspace_id = %(workspace_id)s::int
  AND (%(pipeline)s::text IS NULL OR pipeline = %(pipeline)s::text)
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s::timestamptz)
  AND (%(after_time)s::timestamptz IS NULL
       OR (started_at, id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY started_at DESC, id DESC
LIMIT %(limit)s

-- name: past
-- How long the latest runs took that succeeded, of each pipeline.
SELECT asked.pipeline, extract(epoch FROM past.ended_at - past.started_at)::float8 AS duration_s, past.steps
FROM unnest(%(pipelines)s::text[]) AS asked (pipeline), LATERAL (
    SELECT r.started_at, r.ended_at, (SELECT count(*) FROM steps s WHERE s.run = r.id) AS steps
    FROM runs r
    WHERE r.workspace_id = %(workspace_id)s::int AND r.pipeline = asked.pipeline AND r.status = 'succeeded'
    ORDER BY r.ended_at DESC LIMIT %(limit)s
) past

-- name: counts
-- How much of each run is done, step by step in order of first write, without a name.
SELECT s.run, s.status, s.progress, cardinality(s.plan) AS planned,
       (SELECT count(*) FROM sub_tasks t WHERE t.step = s.id AND t.status = 'completed') AS completed
FROM steps s WHERE s.run = ANY (%(runs)s::uuid[]) ORDER BY s.position

-- name: forget
-- Some of those that are untouched for so long, with all that is kept of them.
SELECT forget_runs(now() - %(untouched_for)s::interval, %(most_runs)s::int, %(most_rows)s::int) AS forgotten
