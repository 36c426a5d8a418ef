-- name: after
-- What was recorded on an incident since: how retries ended, what fixed it, and what was proposed and not accepted (what
-- was accepted is a resolution).
SELECT * FROM (
    SELECT o.id, o.created_at AS at, 'outcome' AS kind, o.author AS who, o.result AS said, NULL AS summary, NULL AS action,
           NULL AS verdict, NULL AS cause, o.attempt, o.waited_s, o.storm_id IS NOT NULL AS in_storm, NULL AS decided_by,
           NULL AS reason
    FROM outcomes o WHERE o.incident_id = %(incident_id)s AND o.workspace_id = %(workspace_id)s::int
    UNION ALL
    SELECT r.id, r.created_at, 'resolution', r.author, 'said', r.summary, r.action, r.verdict, r.cause, NULL, NULL, false,
           NULL, NULL
    FROM resolutions r WHERE r.incident_id = %(incident_id)s AND r.workspace_id = %(workspace_id)s::int
    UNION ALL
    SELECT p.id, p.proposed_at, 'proposal', p.proposed_by, p.state, p.summary, p.action, p.verdict, p.cause, NULL, NULL,
           false, p.decided_by, p.reason
    FROM proposed_resolutions p
    WHERE p.incident_id = %(incident_id)s AND p.workspace_id = %(workspace_id)s::int AND p.state <> 'accepted'
) told ORDER BY at DESC, id DESC LIMIT %(limit)s

-- name: run
-- The run that the incident names, of its pipeline, as pipeline memory has it.
SELECT status, ended_at FROM runs
WHERE workspace_id = %(workspace_id)s::int AND run_id = %(run_id)s::text
  AND (%(pipeline)s::text IS NULL OR pipeline = %(pipeline)s::text)

-- name: storm
-- The storm that its precedent is in now, else the one that the incident was part of; with the latest failure in it.
SELECT s.id, s.state, s.since, s.ends_at, s.runs, s.incidents, s.next_try_at, s.canary_incident_id IS NOT NULL AS has_canary,
       s.state = 'active' AND s.ends_at > %(now)s::timestamptz AS going_on,
       (SELECT i.occurred_at FROM incidents i
        WHERE i.precedent_id = s.precedent_id AND i.occurred_at BETWEEN s.since AND greatest(s.ends_at, s.since)
        ORDER BY i.occurred_at DESC LIMIT 1) AS last_at
FROM storms s
WHERE s.workspace_id = %(workspace_id)s::int
  AND (s.id = %(storm_id)s::uuid
       OR (s.precedent_id = %(precedent_id)s AND s.state = 'active' AND s.ends_at > %(now)s::timestamptz))
ORDER BY going_on DESC LIMIT 1

-- name: page
-- Incidents, newest first, without what they said in full. Of the latest `most` that the indexes find, those of the
-- decision, the verdict that was told and the origin asked for: so a look costs the same however rare they are. Those of a
-- verdict are two lists, as in `incidents.list`: of which it was said, which an index has, and of which nothing was said
-- but their precedent is. Always a row: its first columns are the last incident that was looked at, and how many were.
WITH asked AS NOT MATERIALIZED (
    SELECT i.id, i.occurred_at, i.precedent_id, i.signature_id, i.pipeline, i.step, i.run_id, i.attempt, i.verdict,
           i.cause, i.storm_id, i.external_id
    FROM incidents i
    WHERE i.workspace_id = %(workspace_id)s::int
      AND (%(precedent_id)s::uuid IS NULL OR i.precedent_id = %(precedent_id)s::uuid)
      AND (%(pipeline)s::text IS NULL OR (
          hashtextextended(i.pipeline, 0) = hashtextextended(%(pipeline)s::text, 0) AND i.pipeline = %(pipeline)s::text))
      AND (%(run_id)s::text IS NULL OR (
          hashtextextended(i.run_id, 0) = hashtextextended(%(run_id)s::text, 0) AND i.run_id = %(run_id)s::text))
      AND (%(since)s::timestamptz IS NULL OR i.occurred_at >= %(since)s::timestamptz)
      AND (%(after_time)s::timestamptz IS NULL OR i.occurred_at <= %(after_time)s::timestamptz)
      AND (%(after_time)s::timestamptz IS NULL
           OR (i.occurred_at, i.id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
), looked AS MATERIALIZED (
    (SELECT * FROM asked a WHERE %(verdict)s::text IS NULL OR a.verdict = %(verdict)s::text
     ORDER BY a.occurred_at DESC, a.id DESC LIMIT %(most)s)
    UNION ALL
    (SELECT a.* FROM asked a JOIN precedents p ON p.id = a.precedent_id
     WHERE %(verdict)s::text IS NOT NULL AND a.verdict IS NULL AND p.verdict = %(verdict)s::text
     ORDER BY a.occurred_at DESC, a.id DESC LIMIT %(most)s)
    ORDER BY occurred_at DESC, id DESC LIMIT %(most)s
), found AS (
    SELECT l.*, told.verdict AS advised, told.decision
    FROM looked l LEFT JOIN LATERAL last_told(l.id) told ON true
    WHERE (%(advised)s::text IS NULL OR told.verdict = %(advised)s::text)
      AND (%(decision)s::text IS NULL OR told.decision = %(decision)s::text)
      AND (%(asked_here)s::bool IS NULL
           OR starts_with(coalesce(l.external_id, ''), %(asked_as)s::text) = %(asked_here)s::bool)
    ORDER BY l.occurred_at DESC, l.id DESC LIMIT %(limit)s
)
SELECT bounds.looked_at, bounds.last_time, bounds.last_id, f.id, f.occurred_at, f.precedent_id, f.pipeline, f.step,
       f.run_id, f.attempt, f.storm_id, verdict_of_incident(f.verdict, p.verdict) AS verdict,
       coalesce(f.cause, p.cause) AS cause, left(s.template, 500) AS template,
       starts_with(coalesce(f.external_id, ''), %(asked_as)s::text) AS asked_here, f.advised, f.decision,
       (SELECT o.result FROM outcomes o WHERE o.incident_id = f.id
        ORDER BY coalesce(o.attempt, 0) DESC, o.created_at DESC LIMIT 1) AS outcome,
       EXISTS (SELECT FROM resolutions r WHERE r.incident_id = f.id) AS is_resolved
FROM (
    SELECT count(*)::int AS looked_at, (array_agg(occurred_at ORDER BY occurred_at, id))[1] AS last_time,
           (array_agg(id ORDER BY occurred_at, id))[1] AS last_id
    FROM looked
) bounds
LEFT JOIN (found f JOIN precedents p ON p.id = f.precedent_id JOIN signatures o ON o.id = f.signature_id
           JOIN signatures s ON s.id = coalesce(o.superseded_by, o.id)) ON true
ORDER BY f.occurred_at DESC, f.id DESC
