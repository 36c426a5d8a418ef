-- name: latest
-- Precedents of a workspace, those seen last first. Planned anew each time: what is not asked for falls away.
SELECT p.*, s.template
FROM (
    SELECT id, title, verdict, verdict_override IS NOT NULL AS overridden, cause, occurrences, first_seen, last_seen,
           announced_last_seen AS place, pipelines[1:%(most_pipelines)s] AS pipelines, resolution_summary AS resolution,
           retries_succeeded, retries_failed
    FROM precedents
    WHERE workspace_id = %(workspace_id)s::int AND source = 'incident' AND merged_into IS NULL
      AND announced_last_seen IS NOT NULL
      AND (%(verdict)s::text IS NULL OR verdict = %(verdict)s::text)
      AND (%(cause)s::text IS NULL OR cause = %(cause)s::text)
      AND (%(pipeline)s::text IS NULL OR pipelines @> ARRAY[%(pipeline)s::text])
      AND (%(resolved)s::boolean IS NULL OR (resolution_summary IS NOT NULL)::int = %(resolved)s::boolean::int)
      AND (%(since)s::timestamptz IS NULL OR announced_last_seen >= %(since)s::timestamptz)
      AND (%(after_time)s::timestamptz IS NULL
           OR (announced_last_seen, id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
    ORDER BY announced_last_seen DESC, id DESC LIMIT %(limit)s
) p
JOIN LATERAL (
    SELECT left(template, %(most_template)s) AS template FROM signatures
    WHERE precedent_id = p.id AND NOT retired ORDER BY superseded_by IS NOT NULL, created_at, id LIMIT 1
) s ON true
ORDER BY p.place DESC, p.id DESC

-- name: facts
-- Of the same precedents what facets count.
SELECT verdict, cause, pipelines, resolution_summary IS NOT NULL AS resolved, announced_last_seen AS seen
FROM precedents
WHERE workspace_id = %(workspace_id)s::int AND source = 'incident' AND merged_into IS NULL
  AND announced_last_seen IS NOT NULL
  AND (%(verdict)s::text IS NULL OR verdict = %(verdict)s::text)
  AND (%(cause)s::text IS NULL OR cause = %(cause)s::text)
  AND (%(pipeline)s::text IS NULL OR pipelines @> ARRAY[%(pipeline)s::text])
  AND (%(resolved)s::boolean IS NULL OR (resolution_summary IS NOT NULL)::int = %(resolved)s::boolean::int)
  AND (%(since)s::timestamptz IS NULL OR announced_last_seen >= %(since)s::timestamptz)
ORDER BY announced_last_seen DESC, id DESC LIMIT %(limit)s
