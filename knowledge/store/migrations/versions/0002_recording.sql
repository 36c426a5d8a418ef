-- How incidents, outcomes and resolutions are written: functions, for each is one round trip and several statements.
--
-- Locks, always in this order, so that nobody waits in a circle: the workspace (shared; merge and split take it alone),
-- the month's partition, incident_keys by external id, new precedents and signatures by fingerprint, precedents by id,
-- signatures by precedent.

CREATE TYPE signature_input AS (
    id uuid, precedent_id uuid, fingerprint text, signature_version integer, template text, exceptions text[],
    codes text[], operations text[], embedding_text text, terms text[], embedding bytea, model_id text
);

CREATE TYPE incident_input AS (
    "position" integer, id uuid, fingerprint text, occurred_at timestamptz, pipeline text, step text, run_id text,
    attempt integer, max_attempts integer, environment jsonb, spent jsonb, error jsonb, text text, external_id text,
    verdict text, cause text, resolution_id uuid, resolution_summary text, resolution_action text, resolution_author text
);

CREATE FUNCTION share_workspace(workspace integer) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock_shared(7302, workspace)
$$;

CREATE FUNCTION own_workspace(workspace integer) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(7302, workspace)
$$;

-- Whether the index should show a precedent anew because it was seen again: not for every incident of a hot one.
CREATE FUNCTION worth_announcing(announced timestamptz, seen timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT seen IS NOT NULL AND (announced IS NULL OR seen > announced + interval '10 minutes')
$$;

CREATE FUNCTION record_incidents(
    p_workspace integer, p_months date[], p_signatures jsonb, p_incidents jsonb, p_advice_id uuid, p_advice jsonb
) RETURNS TABLE ("position" integer, incident_id uuid, precedent_id uuid, signature_id uuid, duplicate boolean,
                 new_signature boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    wanted incident_input[];
    fresh incident_input[];
    unknown signature_input[];
    made uuid[];
    written uuid[];
    month date;
BEGIN
    PERFORM share_workspace(p_workspace);
    FOREACH month IN ARRAY p_months LOOP
        PERFORM ensure_incident_partition(month);
    END LOOP;

    SELECT array_agg(r) INTO wanted FROM jsonb_populate_recordset(NULL::incident_input, p_incidents) r;
    fresh := wanted;
    IF EXISTS (SELECT FROM unnest(wanted) r WHERE r.external_id IS NOT NULL) THEN
        INSERT INTO incident_keys (workspace_id, external_id, incident_id, occurred_at)
            SELECT p_workspace, r.external_id, r.id, r.occurred_at FROM unnest(wanted) r
            WHERE r.external_id IS NOT NULL ORDER BY md5(r.external_id)
            ON CONFLICT DO NOTHING;
        SELECT array_agg(r) INTO fresh FROM unnest(wanted) r
            LEFT JOIN incident_keys k ON k.workspace_id = p_workspace AND k.external_hash = md5(r.external_id)::uuid
            WHERE r.external_id IS NULL OR k.incident_id = r.id;
    END IF;

    SELECT array_agg(s ORDER BY s.fingerprint) INTO unknown
        FROM jsonb_populate_recordset(NULL::signature_input, p_signatures) s
        WHERE NOT EXISTS (SELECT FROM signatures g
                          WHERE g.workspace_id = p_workspace AND g.fingerprint = s.fingerprint)
          AND s.fingerprint IN (SELECT r.fingerprint FROM unnest(fresh) r);
    IF unknown IS NOT NULL THEN
        INSERT INTO precedents (id, workspace_id)
            SELECT s.precedent_id, p_workspace FROM unnest(unknown) s ORDER BY s.fingerprint
            ON CONFLICT DO NOTHING;
        WITH added AS (
            INSERT INTO signatures (id, workspace_id, precedent_id, fingerprint, signature_version, template, exceptions,
                                    codes, operations, embedding_text, terms, embedding, model_id)
            SELECT s.id, p_workspace, s.precedent_id, s.fingerprint, s.signature_version, s.template, s.exceptions,
                   s.codes, s.operations, s.embedding_text, s.terms, s.embedding, s.model_id
            FROM unnest(unknown) s ORDER BY s.fingerprint
            ON CONFLICT DO NOTHING
            RETURNING id
        ) SELECT array_agg(id) INTO made FROM added;
    END IF;

    PERFORM FROM precedents p
        WHERE p.id IN (SELECT g.precedent_id FROM unnest(fresh) r
                       JOIN signatures g ON g.workspace_id = p_workspace AND g.fingerprint = r.fingerprint)
        ORDER BY p.id FOR NO KEY UPDATE;

    WITH inserted AS (
        INSERT INTO incidents (id, workspace_id, precedent_id, signature_id, occurred_at, pipeline, step, run_id, attempt,
                               max_attempts, environment, spent, error, text, external_id, verdict, cause)
        SELECT r.id, p_workspace, g.precedent_id, g.id, r.occurred_at, r.pipeline, r.step, r.run_id, r.attempt,
               r.max_attempts, r.environment, r.spent, r.error, r.text, r.external_id, r.verdict, r.cause
        FROM unnest(fresh) r
        JOIN signatures g ON g.workspace_id = p_workspace AND g.fingerprint = r.fingerprint
        ON CONFLICT DO NOTHING
        RETURNING id, precedent_id
    ), facts AS (
        SELECT r.*, i.precedent_id FROM inserted i JOIN unnest(fresh) r ON r.id = i.id
    ), resolved AS (
        INSERT INTO resolutions (id, workspace_id, precedent_id, incident_id, summary, action, verdict, cause, author,
                                 created_at)
        SELECT f.resolution_id, p_workspace, f.precedent_id, f.id, f.resolution_summary, f.resolution_action, f.verdict,
               f.cause, f.resolution_author, f.occurred_at
        FROM facts f WHERE f.resolution_summary IS NOT NULL
    ), newest_resolution AS (
        SELECT DISTINCT ON (f.precedent_id) f.precedent_id, f.resolution_summary AS summary,
               f.resolution_action AS action, f.resolution_author AS author, f.occurred_at AS at
        FROM facts f WHERE f.resolution_summary IS NOT NULL
        ORDER BY f.precedent_id, f.occurred_at DESC, f.id DESC
    ), totals AS (
        SELECT f.precedent_id, count(*) AS number, min(f.occurred_at) AS first_seen, max(f.occurred_at) AS last_seen,
               count(*) FILTER (WHERE f.verdict = 'transient') AS stated_transient,
               count(*) FILTER (WHERE f.verdict = 'genuine') AS stated_genuine,
               (array_agg(f.cause ORDER BY f.occurred_at DESC) FILTER (WHERE f.cause IS NOT NULL))[1] AS cause,
               (array_agg(f.resolution_action ORDER BY f.occurred_at DESC)
                   FILTER (WHERE f.resolution_action IS NOT NULL))[1] AS action,
               array_agg(f.pipeline) FILTER (WHERE f.pipeline IS NOT NULL) AS pipelines,
               (array_agg(f.id ORDER BY f.occurred_at DESC, f.id DESC))[1] AS latest_id,
               (array_agg(f.external_id ORDER BY f.occurred_at DESC, f.id DESC))[1] AS latest_external_id
        FROM facts f GROUP BY f.precedent_id
    ), changed AS (
        UPDATE precedents p SET
            occurrences = p.occurrences + t.number,
            first_seen = least(p.first_seen, t.first_seen),
            last_seen = greatest(p.last_seen, t.last_seen),
            announced_last_seen = CASE
                WHEN worth_announcing(p.announced_last_seen, t.last_seen) THEN t.last_seen
                ELSE p.announced_last_seen END,
            stated_transient = p.stated_transient + t.stated_transient,
            stated_genuine = p.stated_genuine + t.stated_genuine,
            stated_cause = coalesce(t.cause, p.stated_cause),
            stated_action = coalesce(t.action, p.stated_action),
            pipelines = joined_pipelines(p.pipelines, t.pipelines),
            latest_incident_id = CASE
                WHEN p.last_seen > t.last_seen THEN p.latest_incident_id ELSE t.latest_id END,
            latest_external_id = CASE
                WHEN p.last_seen > t.last_seen THEN p.latest_external_id ELSE t.latest_external_id END,
            resolution_summary = CASE WHEN n.newer THEN n.summary ELSE p.resolution_summary END,
            resolution_action = CASE WHEN n.newer THEN n.action ELSE p.resolution_action END,
            resolution_author = CASE WHEN n.newer THEN n.author ELSE p.resolution_author END,
            resolution_at = CASE WHEN n.newer THEN n.at ELSE p.resolution_at END,
            resolution_embedding = CASE
                WHEN n.newer AND n.summary IS DISTINCT FROM p.resolution_summary THEN NULL ELSE p.resolution_embedding END,
            resolution_model_id = CASE
                WHEN n.newer AND n.summary IS DISTINCT FROM p.resolution_summary THEN NULL ELSE p.resolution_model_id END,
            updated_at = now()
        FROM totals t
        JOIN precedents old ON old.id = t.precedent_id
        LEFT JOIN LATERAL (
            SELECT r.*, old.resolution_at IS NULL OR r.at >= old.resolution_at AS newer
            FROM newest_resolution r WHERE r.precedent_id = t.precedent_id
        ) n ON true
        WHERE p.id = t.precedent_id
        RETURNING p.id, (
            p.verdict IS DISTINCT FROM old.verdict OR p.cause IS DISTINCT FROM old.cause
            OR p.action IS DISTINCT FROM old.action
            OR p.resolution_summary IS DISTINCT FROM old.resolution_summary
            OR p.pipelines IS DISTINCT FROM old.pipelines
            OR p.announced_last_seen IS DISTINCT FROM old.announced_last_seen) AS material
    ), advised AS (
        INSERT INTO advice (id, workspace_id, incident_id, answer)
        SELECT p_advice_id, p_workspace, i.id, p_advice FROM inserted i WHERE p_advice_id IS NOT NULL
    ), bumped AS (
        UPDATE signatures g SET version = g.version + 1
        FROM changed c WHERE c.material AND g.precedent_id = c.id
    )
    SELECT array_agg(i.id) INTO written FROM inserted i;

    RETURN QUERY
        SELECT r.position, coalesce(k.incident_id, r.id), coalesce(i.precedent_id, g.precedent_id),
               coalesce(i.signature_id, g.id), r.id <> ALL (coalesce(written, '{}')),
               r.id = ANY (written) AND g.id = ANY (coalesce(made, '{}'))
        FROM unnest(wanted) r
        LEFT JOIN incident_keys k ON r.external_id IS NOT NULL AND k.workspace_id = p_workspace
            AND k.external_hash = md5(r.external_id)::uuid AND k.incident_id <> r.id
        LEFT JOIN incidents i ON i.id = k.incident_id AND i.occurred_at = k.occurred_at
        LEFT JOIN signatures g ON g.workspace_id = p_workspace AND g.fingerprint = r.fingerprint
        ORDER BY r.position;
END $$;

-- Everything a precedent counts and remembers, made again from its incidents, resolutions and outcomes.
CREATE FUNCTION recount_precedent(p_id uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE precedents p SET
        occurrences = i.number, first_seen = i.first_seen, last_seen = i.last_seen, announced_last_seen = i.last_seen,
        stated_transient = i.stated_transient, stated_genuine = i.stated_genuine,
        stated_cause = i.cause, stated_action = r.stated_action,
        pipelines = joined_pipelines('{}', i.pipelines),
        latest_incident_id = i.latest_id, latest_external_id = i.latest_external_id,
        retries_succeeded = o.succeeded, retries_failed = o.failed,
        resolution_summary = r.summary, resolution_action = r.action, resolution_author = r.author,
        resolution_at = r.created_at,
        resolution_embedding = CASE WHEN r.summary = p.resolution_summary THEN p.resolution_embedding END,
        resolution_model_id = CASE WHEN r.summary = p.resolution_summary THEN p.resolution_model_id END,
        updated_at = now()
    FROM (
        SELECT count(*) AS number, min(occurred_at) AS first_seen, max(occurred_at) AS last_seen,
               count(*) FILTER (WHERE verdict = 'transient') AS stated_transient,
               count(*) FILTER (WHERE verdict = 'genuine') AS stated_genuine,
               (array_agg(cause ORDER BY occurred_at DESC) FILTER (WHERE cause IS NOT NULL))[1] AS cause,
               array_agg(DISTINCT pipeline) FILTER (WHERE pipeline IS NOT NULL) AS pipelines,
               (array_agg(id ORDER BY occurred_at DESC, id DESC))[1] AS latest_id,
               (array_agg(external_id ORDER BY occurred_at DESC, id DESC))[1] AS latest_external_id
        FROM incidents WHERE precedent_id = p_id
    ) i, (
        SELECT count(*) FILTER (WHERE result = 'succeeded') AS succeeded,
               count(*) FILTER (WHERE result = 'failed') AS failed
        FROM outcomes WHERE precedent_id = p_id
    ) o, (
        SELECT (array_agg(summary ORDER BY created_at DESC, id DESC))[1] AS summary,
               (array_agg(action ORDER BY created_at DESC, id DESC))[1] AS action,
               (array_agg(author ORDER BY created_at DESC, id DESC))[1] AS author,
               (array_agg(action ORDER BY created_at DESC, id DESC) FILTER (WHERE action IS NOT NULL))[1]
                   AS stated_action,
               max(created_at) AS created_at
        FROM resolutions WHERE precedent_id = p_id
    ) r
    WHERE p.id = p_id
$$;

-- One attempt's end, said again or corrected without counting twice. No row: no such incident.
CREATE FUNCTION record_outcome(
    p_workspace integer, p_id uuid, p_incident uuid, p_result text, p_attempt integer, p_waited_s double precision
) RETURNS SETOF outcomes LANGUAGE plpgsql AS $$
DECLARE
    subject uuid;
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
    SELECT * INTO earlier FROM outcomes o
        WHERE o.incident_id = p_incident AND coalesce(o.attempt, -1) = coalesce(p_attempt, -1);
    INSERT INTO outcomes (id, workspace_id, precedent_id, incident_id, result, attempt, waited_s)
        VALUES (p_id, p_workspace, subject, p_incident, p_result, p_attempt, p_waited_s)
        ON CONFLICT (incident_id, coalesce(attempt, -1)) DO UPDATE SET
            result = excluded.result, waited_s = coalesce(excluded.waited_s, outcomes.waited_s)
        RETURNING * INTO stored;
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

-- What fixed an incident. Its verdict and cause replace what was stated of that incident. No row: no such incident.
CREATE FUNCTION record_resolution(
    p_workspace integer, p_id uuid, p_incident uuid, p_summary text, p_action text, p_verdict text, p_cause text,
    p_author text
) RETURNS SETOF resolutions LANGUAGE plpgsql AS $$
DECLARE
    told incidents;
    stored resolutions;
BEGIN
    PERFORM share_workspace(p_workspace);
    SELECT * INTO told FROM incidents i WHERE i.id = p_incident AND i.workspace_id = p_workspace;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM FROM precedents p WHERE p.id = told.precedent_id FOR NO KEY UPDATE;
    -- Read again behind the lock: another resolution may have changed what is stated of this incident.
    SELECT * INTO told FROM incidents i WHERE i.id = p_incident AND i.occurred_at = told.occurred_at;
    SELECT * INTO stored FROM resolutions r WHERE r.incident_id = p_incident AND md5(r.summary) = md5(p_summary)
        AND r.action IS NOT DISTINCT FROM p_action AND r.verdict IS NOT DISTINCT FROM p_verdict
        AND r.cause IS NOT DISTINCT FROM p_cause;
    IF FOUND THEN
        RETURN NEXT stored;
        RETURN;
    END IF;
    INSERT INTO resolutions (id, workspace_id, precedent_id, incident_id, summary, action, verdict, cause, author,
                             created_at)
        VALUES (p_id, p_workspace, told.precedent_id, p_incident, p_summary, p_action, p_verdict, p_cause, p_author,
                clock_timestamp())
        ON CONFLICT (incident_id, md5(summary)) WHERE incident_id IS NOT NULL DO UPDATE SET
            action = excluded.action, verdict = excluded.verdict, cause = excluded.cause, author = excluded.author,
            created_at = excluded.created_at
        RETURNING * INTO stored;
    UPDATE incidents i SET verdict = coalesce(p_verdict, i.verdict), cause = coalesce(p_cause, i.cause)
        WHERE i.id = p_incident AND i.occurred_at = told.occurred_at;
    UPDATE precedents p SET
        stated_transient = p.stated_transient
            + CASE WHEN p_verdict IS NULL THEN 0 ELSE
                (p_verdict = 'transient')::int - coalesce((told.verdict = 'transient')::int, 0) END,
        stated_genuine = p.stated_genuine
            + CASE WHEN p_verdict IS NULL THEN 0 ELSE
                (p_verdict = 'genuine')::int - coalesce((told.verdict = 'genuine')::int, 0) END,
        stated_cause = coalesce(p_cause, p.stated_cause),
        stated_action = coalesce(p_action, p.stated_action),
        resolution_summary = p_summary, resolution_action = p_action, resolution_author = p_author,
        resolution_at = stored.created_at,
        resolution_embedding = CASE WHEN p.resolution_summary = p_summary THEN p.resolution_embedding END,
        resolution_model_id = CASE WHEN p.resolution_summary = p_summary THEN p.resolution_model_id END,
        version = p.version + 1, updated_at = now()
        WHERE p.id = told.precedent_id;
    UPDATE signatures g SET version = g.version + 1 WHERE g.precedent_id = told.precedent_id;
    RETURN NEXT stored;
END $$;
