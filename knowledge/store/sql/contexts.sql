-- name: endings
-- Of each precedent the latest incidents of which it is known how they ended, by a person or by their retries, and where
-- they happened. Those of a storm teach nothing of a context: all of them had one.
SELECT i.precedent_id, i.verdict, i.attempt, i.step, i.pipeline, i.environment, i.run_id, s.fingerprint, o.succeeded, o.failed
FROM unnest(%(ids)s::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT r.* FROM incidents r
    WHERE r.precedent_id = asked.id AND r.workspace_id = %(workspace_id)s::int AND r.storm_id IS NULL
    ORDER BY r.occurred_at DESC LIMIT %(latest)s::int
) i
JOIN signatures g ON g.id = i.signature_id
JOIN signatures s ON s.id = coalesce(g.superseded_by, g.id)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.result = 'succeeded') AS succeeded, count(*) FILTER (WHERE t.result = 'failed') AS failed
    FROM outcomes t WHERE t.incident_id = i.id
) o
WHERE i.verdict IN ('transient', 'genuine') OR o.succeeded + o.failed > 0
