-- name: sight
-- Is there a storm, or one in the making? One round trip, that changes nothing but the count of what is usual.
SELECT t.told, t.joined, t.runs AS window_runs, t.first_at, t.hits, t.windows, (t.storm).*
FROM sight_of_storm(
    %(workspace_id)s::int, %(precedent_id)s::uuid, %(incident_id)s::uuid, %(external_id)s::text, %(pipeline)s::text,
    %(run_id)s::text, %(at)s::timestamptz, %(now)s::timestamptz, %(window)s::interval, %(past)s::interval,
    %(again)s::interval, %(least_runs)s::int) t

-- name: open
-- Behind the precedent's lock: of all who see it begin, one begins it. The others get no row.
SELECT * FROM open_storm(
    %(id)s::uuid, %(workspace_id)s::int, %(precedent_id)s::uuid, %(since)s::timestamptz, %(ends_at)s::timestamptz,
    %(latest_end)s::timestamptz, %(quiet)s::interval, %(wait_s)s::float8, %(next_try_at)s::timestamptz,
    %(usual_runs)s::float8, %(canary_incident_id)s::uuid, %(canary_pipeline)s::text, %(canary_run_id)s::text,
    %(canary_attempt)s::int, %(canary_external_id)s::text, %(now)s::timestamptz)

-- name: move
-- Behind the storm's row lock: only who decided on the latest state changes it. The others get no row and look again.
UPDATE storms SET
    state = %(state)s, wait_s = %(wait_s)s, next_try_at = %(next_try_at)s,
    failed_pipeline = %(failed_pipeline)s, failed_run = %(failed_run)s,
    -- Others may have joined meanwhile, and made it last longer.
    ends_at = CASE WHEN %(state)s = 'active' THEN least(greatest(ends_at, %(ends_at)s), latest_end) ELSE %(ends_at)s END,
    canary_incident_id = %(canary_incident_id)s, canary_pipeline = %(canary_pipeline)s, canary_run_id = %(canary_run_id)s,
    canary_attempt = %(canary_attempt)s, canary_external_id = %(canary_external_id)s, version = version + 1
WHERE id = %(id)s AND version = %(version)s
RETURNING *

-- name: of_incident
-- Whose retry it is, and the storm that it belongs to.
SELECT i.pipeline AS told_pipeline, i.run_id AS told_run_id, i.external_id AS told_external_id, s.*
FROM storms s JOIN incidents i ON i.storm_id = s.id AND i.occurred_at >= s.since
WHERE s.id = %(id)s AND i.id = %(incident_id)s

-- name: page
-- One that nobody joins any more is over without anybody's writing it down.
SELECT s.*, g.template, %(now)s::timestamptz AS asked_at
FROM storms s JOIN LATERAL (
    SELECT template FROM signatures g WHERE g.precedent_id = s.precedent_id AND NOT g.retired
    ORDER BY g.created_at, g.id LIMIT 1
) g ON true
WHERE s.workspace_id = %(workspace_id)s::int
  AND (%(active)s::bool IS NULL OR (s.state = 'active' AND s.ends_at > %(now)s::timestamptz) = %(active)s::bool)
  AND (%(after_time)s::timestamptz IS NULL
       OR (s.since, s.id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY s.since DESC, s.id DESC
LIMIT %(limit)s

-- name: active_count
-- Of all workspaces, for whoever looks after the service.
SELECT count(*)::int AS count FROM storms WHERE state = 'active' AND ends_at > %(now)s::timestamptz

-- name: get
-- One, with the first wording of its precedent.
SELECT s.*, g.template
FROM storms s JOIN LATERAL (
    SELECT template FROM signatures g WHERE g.precedent_id = s.precedent_id AND NOT g.retired
    ORDER BY g.created_at, g.id LIMIT 1
) g ON true
WHERE s.id = %(id)s AND s.workspace_id = %(workspace_id)s
