-- name: record
-- One round trip for one incident or a thousand, with the advice that was given where there is one.
SELECT * FROM record_incidents(
    %(workspace_id)s::int, %(months)s::date[], %(signatures)s::jsonb, %(incidents)s::jsonb, %(advice_id)s::uuid,
    %(advice)s::jsonb)

-- name: replay_alone
-- Two replicas may have kept the same failure aside, under the same id: the second finds what the first wrote.
SELECT true AS alone FROM pg_advisory_xact_lock(7304)

-- name: existing
-- The id alone does not name the month: all partitions' keys are asked.
SELECT id FROM incidents WHERE id = ANY (%(ids)s)

-- name: known
-- What is sent again need not be read again.
SELECT external_id FROM incident_keys
WHERE workspace_id = %(workspace_id)s::int
  AND external_hash IN (SELECT md5(each)::uuid FROM unnest(%(external_ids)s::text[]) each)

-- name: told
-- Incidents by the ids of their callers. The keys have the times, which say which partitions to read.
SELECT i.id, i.workspace_id, i.precedent_id, i.signature_id, s.fingerprint, s.template, i.occurred_at, i.recorded_at,
       i.pipeline, i.step, i.run_id, i.attempt, i.max_attempts, i.environment, i.spent, i.error, i.text, i.external_id,
       verdict_of_incident(i.verdict, p.verdict) AS verdict, coalesce(i.cause, p.cause) AS cause, i.storm_id,
       (SELECT t.verdict FROM last_told(i.id) t) AS advised
FROM incident_keys k JOIN incidents i ON i.id = k.incident_id AND i.occurred_at = k.occurred_at
JOIN signatures o ON o.id = i.signature_id
JOIN signatures s ON s.id = coalesce(o.superseded_by, o.id) JOIN precedents p ON p.id = i.precedent_id
WHERE k.workspace_id = %(workspace_id)s::int
  AND k.external_hash IN (SELECT md5(each)::uuid FROM unnest(%(external_ids)s::text[]) each)

-- name: get
-- The id alone does not name the month: all partitions' keys are asked.
SELECT i.id, i.workspace_id, i.precedent_id, i.signature_id, s.fingerprint, s.template, i.occurred_at, i.recorded_at,
       i.pipeline, i.step, i.run_id, i.attempt, i.max_attempts, i.environment, i.spent, i.error, i.text, i.external_id,
       verdict_of_incident(i.verdict, p.verdict) AS verdict, coalesce(i.cause, p.cause) AS cause, i.storm_id,
       (SELECT t.verdict FROM last_told(i.id) t) AS advised
FROM incidents i JOIN signatures o ON o.id = i.signature_id
JOIN signatures s ON s.id = coalesce(o.superseded_by, o.id) JOIN precedents p ON p.id = i.precedent_id
WHERE i.id = %(id)s AND i.workspace_id = %(workspace_id)s

-- name: list
-- Planned anew each time: what is not asked for falls away, and the times say which partitions to read. Those of a cause or
-- a verdict are two lists (`stated`): of which it was said, and of which nothing was said but their precedent is. An index
-- has the one, and few precedents or most incidents have the other; both in one condition would be looked for among all.
-- Of cause and verdict the cause is looked for, for it leaves fewer.
SELECT i.id, i.workspace_id, i.precedent_id, i.signature_id, s.fingerprint, s.template, i.occurred_at, i.recorded_at,
       i.pipeline, i.step, i.run_id, i.attempt, i.max_attempts, i.environment, i.spent, i.error, i.text, i.external_id,
       verdict_of_incident(i.verdict, p.verdict) AS verdict, coalesce(i.cause, p.cause) AS cause, i.storm_id,
       (SELECT t.verdict FROM last_told(i.id) t) AS advised
FROM incidents i JOIN signatures o ON o.id = i.signature_id
JOIN signatures s ON s.id = coalesce(o.superseded_by, o.id) JOIN precedents p ON p.id = i.precedent_id
WHERE i.workspace_id = %(workspace_id)s::int
  AND (%(precedent_id)s::uuid IS NULL OR i.precedent_id = %(precedent_id)s::uuid)
  AND (%(storm_id)s::uuid IS NULL OR i.storm_id = %(storm_id)s::uuid)
  AND (%(pipeline)s::text IS NULL OR (
      hashtextextended(i.pipeline, 0) = hashtextextended(%(pipeline)s::text, 0) AND i.pipeline = %(pipeline)s::text))
  AND (%(run_id)s::text IS NULL OR (
      hashtextextended(i.run_id, 0) = hashtextextended(%(run_id)s::text, 0) AND i.run_id = %(run_id)s::text))
  AND (%(step)s::text IS NULL OR i.step = %(step)s::text)
  AND CASE WHEN %(stated)s::boolean IS NULL THEN true
           WHEN %(cause)s::text IS NULL AND %(stated)s::boolean THEN i.verdict = %(verdict)s::text
           WHEN %(cause)s::text IS NULL THEN i.verdict IS NULL AND p.verdict = %(verdict)s::text
           WHEN %(stated)s::boolean THEN i.cause = %(cause)s::text
           ELSE i.cause IS NULL AND p.cause = %(cause)s::text END
  AND (%(verdict)s::text IS NULL OR %(cause)s::text IS NULL
       OR i.verdict = %(verdict)s::text OR i.verdict IS NULL AND p.verdict = %(verdict)s::text)
  AND (%(since)s::timestamptz IS NULL OR i.occurred_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR i.occurred_at < %(until)s::timestamptz)
  AND (%(after_time)s::timestamptz IS NULL OR i.occurred_at <= %(after_time)s::timestamptz)
  AND (%(after_time)s::timestamptz IS NULL
       OR (i.occurred_at, i.id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY i.occurred_at DESC, i.id DESC
LIMIT %(limit)s
