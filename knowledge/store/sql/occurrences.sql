-- name: over_time
-- The latest incidents by stretches of time, the shortest of these widths with which they are few enough.
WITH latest AS MATERIALIZED (
    SELECT occurred_at AS at FROM incidents WHERE precedent_id = %(precedent_id)s
    ORDER BY occurred_at DESC LIMIT %(most)s
), width AS (
    SELECT w FROM unnest(%(widths)s::interval[]) w, (SELECT max(at) - min(at) AS span FROM latest) s
    WHERE s.span <= w * %(most_stretches)s::int ORDER BY w LIMIT 1
)
SELECT date_bin(w, at, '2001-01-01Z') AS since, w AS width, count(*) AS number FROM latest, width GROUP BY 1, 2 ORDER BY 1

-- name: places
-- Where the latest incidents were: pipelines, and the values of their environments.
WITH latest AS MATERIALIZED (
    SELECT pipeline, environment FROM incidents WHERE precedent_id = %(precedent_id)s
    ORDER BY occurred_at DESC LIMIT %(most)s
)
(SELECT NULL AS key, left(pipeline, %(longest)s) AS value, count(*) AS number FROM latest WHERE pipeline IS NOT NULL
 GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT %(most_values)s)
UNION ALL
(SELECT left(e.key, %(longest)s), left(e.value, %(longest)s), count(*) FROM latest, jsonb_each_text(environment) e
 WHERE e.value IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %(most_values)s)

-- name: told_last
-- What was advised of the latest incident that was asked about, among the last few: others were only reported.
SELECT a.answer ->> 'verdict' AS verdict, (a.answer ->> 'confidence')::float AS confidence
FROM (
    SELECT id, occurred_at FROM incidents WHERE precedent_id = %(precedent_id)s
    ORDER BY occurred_at DESC, id DESC LIMIT %(most)s
) latest
CROSS JOIN LATERAL (
    SELECT answer FROM advice WHERE incident_id = latest.id ORDER BY created_at DESC LIMIT 1
) a
ORDER BY latest.occurred_at DESC, latest.id DESC LIMIT 1

-- name: incidents
-- The latest incidents without what they said, which may be long.
SELECT id, occurred_at, pipeline, step, run_id, attempt, verdict, storm_id FROM incidents
WHERE precedent_id = %(precedent_id)s
  AND (%(after_time)s::timestamptz IS NULL OR occurred_at <= %(after_time)s::timestamptz)
  AND (%(after_time)s::timestamptz IS NULL
       OR (occurred_at, id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s
