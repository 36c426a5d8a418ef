-- Who told how a retry ended, so that the page of an incident can say it.

ALTER TABLE outcomes ADD COLUMN author text;

-- As before (0004), with who tells it; who corrects an outcome is its author from then on. Without one it can be called
-- as before, so that older replicas of the service go on meanwhile.
DROP FUNCTION record_outcome(integer, uuid, uuid, text, integer, double precision);
CREATE FUNCTION record_outcome(
    p_workspace integer, p_id uuid, p_incident uuid, p_result text, p_attempt integer, p_waited_s double precision,
    p_author text DEFAULT NULL
) RETURNS SETOF outcomes LANGUAGE plpgsql AS $$
DECLARE
    subject uuid;
    storm uuid;
    earlier outcomes;
    stored outcomes;
    verdict_before text;
    verdict_after text;
BEGIN
    PERFORM share_workspace(p_workspace);
    SELECT i.precedent_id INTO subject FROM incidents i WHERE i.id = p_incident AND i.workspace_id = p_workspace;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT p.verdict INTO verdict_before FROM precedents p WHERE p.id = subject FOR NO KEY UPDATE;
    -- Behind the lock: a storm that has just begun may have marked it.
    SELECT i.storm_id INTO storm FROM incidents i WHERE i.id = p_incident;
    SELECT * INTO earlier FROM outcomes o
        WHERE o.incident_id = p_incident AND coalesce(o.attempt, -1) = coalesce(p_attempt, -1);
    INSERT INTO outcomes (id, workspace_id, precedent_id, incident_id, result, attempt, waited_s, storm_id, author)
        VALUES (p_id, p_workspace, subject, p_incident, p_result, p_attempt, p_waited_s, storm, p_author)
        ON CONFLICT (incident_id, coalesce(attempt, -1)) DO UPDATE SET
            result = excluded.result, waited_s = coalesce(excluded.waited_s, outcomes.waited_s),
            author = coalesce(excluded.author, outcomes.author)
        RETURNING * INTO stored;
    IF storm IS NOT NULL THEN
        RETURN NEXT stored;
        RETURN;
    END IF;
    UPDATE precedents p SET
        retries_succeeded = p.retries_succeeded + (p_result = 'succeeded')::int
            - coalesce((earlier.result = 'succeeded')::int, 0),
        retries_failed = p.retries_failed + (p_result = 'failed')::int
            - coalesce((earlier.result = 'failed')::int, 0),
        updated_at = now()
        WHERE p.id = subject RETURNING p.verdict INTO verdict_after;
    IF verdict_after IS DISTINCT FROM verdict_before THEN
        UPDATE signatures g SET version = g.version + 1 WHERE g.precedent_id = subject;
    END IF;
    RETURN NEXT stored;
END $$;
