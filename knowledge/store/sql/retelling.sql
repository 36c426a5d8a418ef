-- name: take_out
-- An incident that still says this, with its key: not one of a storm, nor one of which anybody has said anything.
WITH taken AS (
    DELETE FROM incidents i USING incident_keys k
    WHERE k.workspace_id = %(workspace_id)s::int AND k.external_hash = md5(%(external_id)s::text)::uuid
      AND i.id = k.incident_id AND i.occurred_at = k.occurred_at
      AND i.text = %(text)s::text AND i.verdict IS NULL AND i.cause IS NULL AND i.storm_id IS NULL
      AND NOT EXISTS (SELECT FROM resolutions r WHERE r.incident_id = i.id)
      AND NOT EXISTS (SELECT FROM proposed_resolutions r WHERE r.incident_id = i.id)
    RETURNING i.id, i.occurred_at, i.environment, i.precedent_id
), keys AS (
    DELETE FROM incident_keys k USING taken t
    WHERE k.workspace_id = %(workspace_id)s::int AND k.external_hash = md5(%(external_id)s::text)::uuid
)
SELECT * FROM taken

-- name: move_outcomes
-- How its retries ended goes with it.
UPDATE outcomes SET precedent_id = %(into)s WHERE incident_id = %(id)s AND precedent_id <> %(into)s
