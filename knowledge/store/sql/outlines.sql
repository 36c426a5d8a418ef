-- name: steps
-- In order of first write, those after one of them; without attributes, which a page of steps shows one by one.
SELECT s.id, %(run_id)s::text AS run_id, s.name, s.owner, s.status, s.progress, s.plan, s.schema_version,
       '{}'::jsonb AS attributes, s.version, s.started_at, s.updated_at, s.ended_at, s.attributes <> '{}' AS has_attributes
FROM steps s
WHERE s.run = %(run)s::uuid
  AND (%(after)s::text IS NULL OR s.position > (
      SELECT last.position FROM steps last WHERE last.run = %(run)s::uuid AND last.name = %(after)s::text))
ORDER BY s.position LIMIT %(limit)s

-- name: work
-- Sub-tasks counted by status and, where completed, by the part of the time line that they were completed in: thousands
-- are as many rows as there are parts.
SELECT t.step, t.status,
       CASE WHEN t.status = 'completed' THEN
           least(%(parts)s::int - 1, greatest(0, floor(%(parts)s::int * extract(epoch FROM t.completed_at - %(since)s::timestamptz)
               / %(seconds)s::float8)))::int END AS part,
       count(*) AS number
FROM sub_tasks t WHERE t.step = ANY (%(steps)s::uuid[])
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3

-- name: sub_tasks
-- The first of each step in order of first write, each with a few of its artifacts and how many it has.
SELECT s.name AS step_name, t.step, t.name, t.status, t.holder, t.lease_expires_at, t.inputs_hash, t.version,
       t.started_at, t.updated_at, t.completed_at, few.artifacts, few.number AS artifact_count
FROM steps s CROSS JOIN LATERAL (
    SELECT * FROM sub_tasks t WHERE t.step = s.id ORDER BY t.position LIMIT %(limit)s
) t CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(a.key, a.value) FILTER (WHERE a.nr <= %(artifacts)s), '{}') AS artifacts,
           count(*) AS number
    FROM (SELECT key, value, row_number() OVER (ORDER BY key) AS nr FROM jsonb_each(t.artifacts)) a
) few
WHERE s.id = ANY (%(steps)s::uuid[])
ORDER BY s.position, t.position

-- name: incidents
-- Of the run, and of no other pipeline's run of that name; the newest first, each with what was last told to it.
SELECT i.id, i.occurred_at, i.pipeline, i.step, i.attempt, left(s.template, 500) AS template,
       verdict_of_incident(i.verdict, p.verdict) AS verdict, coalesce(i.cause, p.cause) AS cause, i.storm_id,
       told.verdict AS advised, told.decision, told.answer->'storm'->>'role' AS role
FROM incidents i JOIN signatures o ON o.id = i.signature_id
JOIN signatures s ON s.id = coalesce(o.superseded_by, o.id) JOIN precedents p ON p.id = i.precedent_id
LEFT JOIN LATERAL last_told(i.id) told ON true
WHERE i.workspace_id = %(workspace_id)s::int
  AND hashtextextended(i.run_id, 0) = hashtextextended(%(run_id)s::text, 0) AND i.run_id = %(run_id)s::text
  AND (i.pipeline IS NULL OR i.pipeline = %(pipeline)s::text)
  AND (%(after_time)s::timestamptz IS NULL OR i.occurred_at <= %(after_time)s::timestamptz)
  AND (%(after_time)s::timestamptz IS NULL
       OR (i.occurred_at, i.id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY i.occurred_at DESC, i.id DESC
LIMIT %(limit)s
