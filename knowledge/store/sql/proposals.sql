-- name: add
-- Of an incident of this workspace; the same summary again changes nothing. No row: no such incident, or it was there.
INSERT INTO proposed_resolutions (id, workspace_id, incident_id, summary, action, verdict, cause, fixed_in, proposed_by,
                                  proposed_key)
SELECT %(id)s, i.workspace_id, i.id, %(summary)s, %(action)s, %(verdict)s, %(cause)s, %(fixed_in)s::jsonb,
       %(proposed_by)s, %(proposed_key)s
FROM incidents i WHERE i.id = %(incident_id)s AND i.workspace_id = %(workspace_id)s::int
ON CONFLICT (incident_id, md5(summary)) DO NOTHING

-- name: said
-- The proposal that says this of an incident.
SELECT r.id, r.state, r.incident_id, i.precedent_id, r.summary, r.action, r.verdict, r.cause, r.fixed_in, r.proposed_by,
       r.proposed_key, r.proposed_at, r.decided_by, r.decided_at, r.reason
FROM proposed_resolutions r JOIN incidents i ON i.id = r.incident_id
WHERE r.workspace_id = %(workspace_id)s::int AND r.incident_id = %(incident_id)s AND md5(r.summary) = md5(%(summary)s)

-- name: lock
-- One decides about it at a time.
SELECT id FROM proposed_resolutions WHERE id = %(id)s AND workspace_id = %(workspace_id)s::int FOR NO KEY UPDATE

-- name: get
-- One proposal, with the precedent that its incident belongs to now.
SELECT r.id, r.state, r.incident_id, i.precedent_id, r.summary, r.action, r.verdict, r.cause, r.fixed_in, r.proposed_by,
       r.proposed_key, r.proposed_at, r.decided_by, r.decided_at, r.reason
FROM proposed_resolutions r JOIN incidents i ON i.id = r.incident_id
WHERE r.id = %(id)s AND r.workspace_id = %(workspace_id)s::int

-- name: page
-- Of one state, newest first.
SELECT r.id, r.state, r.incident_id, i.precedent_id, r.summary, r.action, r.verdict, r.cause, r.fixed_in, r.proposed_by,
       r.proposed_key, r.proposed_at, r.decided_by, r.decided_at, r.reason
FROM proposed_resolutions r JOIN incidents i ON i.id = r.incident_id
WHERE r.workspace_id = %(workspace_id)s::int AND r.state = %(state)s
  AND (%(precedent_id)s::uuid IS NULL OR i.precedent_id = %(precedent_id)s::uuid)
  AND (%(after_time)s::timestamptz IS NULL OR (r.proposed_at, r.id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY r.proposed_at DESC, r.id DESC LIMIT %(limit)s

-- name: waiting
-- How many wait for a person, counted no further than anybody wants to know.
SELECT count(*) AS waiting FROM (
    SELECT 1 FROM proposed_resolutions WHERE workspace_id = %(workspace_id)s::int AND state = 'proposed' LIMIT %(most)s
) AS few

-- name: decide
-- Behind the lock.
UPDATE proposed_resolutions SET state = %(state)s, decided_by = %(decided_by)s, decided_at = clock_timestamp(),
       reason = %(reason)s
WHERE id = %(id)s
