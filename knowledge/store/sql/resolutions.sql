-- name: record
-- One round trip: find the incident, keep the resolution, show it at its precedent.
SELECT id, precedent_id, incident_id, summary, action, verdict, cause, author, created_at, fixed_in
FROM record_resolution(%(workspace_id)s::int, %(id)s, %(incident_id)s, %(summary)s, %(action)s, %(verdict)s, %(cause)s,
                       %(author)s)

-- name: of_precedent
-- The precedent itself shows only the latest.
SELECT id, precedent_id, incident_id, summary, action, verdict, cause, author, created_at, fixed_in
FROM resolutions
WHERE precedent_id = %(precedent_id)s AND workspace_id = %(workspace_id)s
ORDER BY created_at DESC, id DESC LIMIT %(limit)s
