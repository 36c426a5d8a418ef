-- name: due
-- Workspaces of which something came out, or was corrected, since they were learned from. They are marked when what they
-- learned is kept; of replicas that learn the same meanwhile, one has wasted a second. A minute is looked at twice, for
-- what was being written.
SELECT w.id AS workspace_id, now() AS at
FROM workspaces w
LEFT JOIN calibrations k ON k.workspace_id = w.id
CROSS JOIN LATERAL (SELECT coalesce(k.looked_at - interval '1 minute', '-infinity') AS since) s
WHERE w.id <> 0 AND (k.looked_at IS NULL OR k.looked_at <= now() - %(every)s::interval)
  AND (EXISTS (SELECT FROM outcomes o WHERE o.workspace_id = w.id AND o.created_at > s.since)
       OR EXISTS (SELECT FROM resolutions r WHERE r.workspace_id = w.id AND r.created_at > s.since
                  AND r.verdict IS NOT NULL AND r.incident_id IS NOT NULL)
       OR EXISTS (SELECT FROM audit_log a JOIN corrections c ON c.id = a.id
                  WHERE a.workspace_id = w.id AND a.at > s.since))
ORDER BY w.id

-- name: judged
-- The latest advice of which the truth is known: from what was said and how retries ended to the incident, and from
-- there to the advice that was given first. Incidents of storms tell of an outage and not of a failure. Of one
-- precedent at most so many, the latest.
WITH candidates AS (
    (SELECT o.incident_id FROM outcomes o
     WHERE o.workspace_id = %(workspace_id)s AND o.storm_id IS NULL ORDER BY o.created_at DESC LIMIT %(limit)s)
    UNION
    (SELECT r.incident_id FROM resolutions r
     WHERE r.workspace_id = %(workspace_id)s AND r.verdict IS NOT NULL AND r.incident_id IS NOT NULL
     ORDER BY r.created_at DESC LIMIT %(limit)s)
    UNION
    (SELECT i.id
     FROM (SELECT id, verdict_override_at AS at FROM precedents
           WHERE workspace_id = %(workspace_id)s AND verdict_override IS NOT NULL
           ORDER BY verdict_override_at DESC LIMIT %(limit)s) p
     CROSS JOIN LATERAL (
         SELECT i.id FROM incidents i
         WHERE i.precedent_id = p.id AND i.occurred_at < p.at AND i.recorded_at < p.at
         ORDER BY i.occurred_at DESC LIMIT 200
     ) i
     LIMIT %(limit)s)
), truths AS (
    SELECT i.precedent_id AS precedent, a.odds, a.nearest, a.verdict, a.confidence, a.decision, a.created_at, o.result,
           CASE WHEN i.verdict IN ('transient', 'genuine') THEN i.verdict
                WHEN p.verdict_override IN ('transient', 'genuine') AND a.created_at < p.verdict_override_at
                    THEN p.verdict_override END AS said
    FROM candidates c
    CROSS JOIN LATERAL (
        SELECT * FROM advice a WHERE a.incident_id = c.incident_id AND a.workspace_id = %(workspace_id)s
        ORDER BY a.created_at LIMIT 1
    ) a
    JOIN incidents i ON i.id = c.incident_id
    JOIN precedents p ON p.id = i.precedent_id
    LEFT JOIN LATERAL (
        SELECT o.result FROM outcomes o WHERE o.incident_id = c.incident_id
        ORDER BY o.attempt DESC NULLS LAST, o.created_at DESC LIMIT 1
    ) o ON true
    WHERE a.odds IS NOT NULL AND i.storm_id IS NULL
), told AS (
    SELECT *, row_number() OVER (PARTITION BY precedent ORDER BY created_at DESC) AS nr FROM truths
    WHERE said IS NOT NULL OR result IS NOT NULL
)
SELECT precedent, odds, nearest, verdict, confidence, decision, said, result FROM told
WHERE nr <= %(of_each)s ORDER BY created_at DESC LIMIT %(limit)s

-- name: latest
-- When something last came out, or was corrected: three looks at indexes.
SELECT greatest(
    (SELECT max(o.created_at) FROM outcomes o WHERE o.workspace_id = %(workspace_id)s),
    (SELECT max(r.created_at) FROM resolutions r
     WHERE r.workspace_id = %(workspace_id)s AND r.verdict IS NOT NULL AND r.incident_id IS NOT NULL),
    (SELECT max(a.at) FROM audit_log a WHERE a.workspace_id = %(workspace_id)s)) AS at

-- name: save
-- What was learned, or that there is too little (again), from what had come out until `at`. The later one stays.
INSERT INTO calibrations AS c (workspace_id, looked_at, fit, fitted_at)
VALUES (%(workspace_id)s, %(at)s, %(fit)s::jsonb, CASE WHEN %(fit)s::jsonb IS NOT NULL THEN now() END)
ON CONFLICT (workspace_id) DO UPDATE
SET looked_at = excluded.looked_at, fit = excluded.fit, fitted_at = excluded.fitted_at
WHERE c.looked_at <= excluded.looked_at

-- name: all
-- Few and small: each replica keeps them in memory.
SELECT workspace_id, fit FROM calibrations WHERE fit IS NOT NULL
