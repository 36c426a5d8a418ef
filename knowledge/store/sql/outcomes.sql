-- name: record
-- One round trip: find the incident, keep the outcome, count it.
SELECT id, precedent_id, incident_id, result, attempt, waited_s, created_at, storm_id, author
FROM record_outcome(%(workspace_id)s::int, %(id)s, %(incident_id)s, %(result)s, %(attempt)s::int, %(waited_s)s::float8,
                    %(author)s::text)
