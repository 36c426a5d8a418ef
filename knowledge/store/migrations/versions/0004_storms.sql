-- Storms: one precedent hitting many runs within minutes. What is decided is decided in knowledge/advisor/storms.py.
--
-- Locks: as in 0002, and storms last, after precedents. A storm begins behind its precedent's lock, so that whoever
-- records an incident of that precedent either sees the storm or is seen by it.

CREATE TABLE storms (
    id uuid PRIMARY KEY,
    workspace_id integer NOT NULL REFERENCES workspaces,
    precedent_id uuid NOT NULL REFERENCES precedents,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'recovered', 'expired')),
    since timestamptz NOT NULL,
    ends_at timestamptz NOT NULL, -- when it ended; while active, when it is over by itself unless somebody joins
    latest_end timestamptz NOT NULL, -- however many join
    quiet interval NOT NULL, -- nobody joins for so long: it is over
    wait_s double precision NOT NULL,
    next_try_at timestamptz NOT NULL,
    usual_runs double precision NOT NULL, -- in a window, when it began
    canary_incident_id uuid,
    canary_run_id text,
    canary_attempt integer,
    canary_external_id text,
    failed_run text, -- of the last canary, after it has failed
    runs integer NOT NULL DEFAULT 0,
    incidents bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 1 -- moved by what is decided, not by those that join
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX storms_active ON storms (precedent_id) WHERE state = 'active';
CREATE INDEX storms_of_precedent ON storms (precedent_id, since DESC);
CREATE INDEX storms_recent ON storms (workspace_id, since DESC, id DESC);

CREATE TABLE storm_runs (
    storm_id uuid NOT NULL REFERENCES storms ON DELETE CASCADE,
    run_hash uuid NOT NULL,
    PRIMARY KEY (storm_id, run_hash)
);

-- What is usual: two weeks of a hot precedent are many rows, so they are counted once a day, and in between what is new.
CREATE TABLE usual_hits (
    precedent_id uuid PRIMARY KEY REFERENCES precedents,
    counted_at timestamptz NOT NULL, -- all of it
    until timestamptz NOT NULL, -- what is new
    hits bigint NOT NULL,
    windows double precision NOT NULL
);

ALTER TABLE incidents ADD COLUMN storm_id uuid;
ALTER TABLE outcomes ADD COLUMN storm_id uuid; -- then it tells of an outage, and nothing of the precedent

-- A clock that is ahead counts as the time of recording.
CREATE FUNCTION happened_at(occurred_at timestamptz, recorded_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(occurred_at, recorded_at)
$$;

-- Marked, however it comes in (asked about, recorded, imported, spooled), and however late: the time of occurrence says.
CREATE FUNCTION mark_incident_of_storm() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.id INTO NEW.storm_id FROM storms s
        WHERE s.precedent_id = NEW.precedent_id AND s.since <= happened_at(NEW.occurred_at, NEW.recorded_at)
          AND s.ends_at > happened_at(NEW.occurred_at, NEW.recorded_at)
        ORDER BY s.since DESC LIMIT 1;
    RETURN NEW;
END $$;
CREATE TRIGGER incidents_of_storms BEFORE INSERT ON incidents FOR EACH ROW EXECUTE FUNCTION mark_incident_of_storm();

CREATE FUNCTION count_incident_of_storm() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    new_runs integer := 0;
BEGIN
    IF NEW.run_id IS NOT NULL THEN
        INSERT INTO storm_runs (storm_id, run_hash) VALUES (NEW.storm_id, md5(NEW.run_id)::uuid) ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS new_runs = ROW_COUNT;
    END IF;
    UPDATE storms s SET incidents = s.incidents + 1, runs = s.runs + new_runs,
        ends_at = CASE WHEN s.state = 'active'
            THEN least(greatest(s.ends_at, happened_at(NEW.occurred_at, NEW.recorded_at) + s.quiet), s.latest_end)
            ELSE s.ends_at END
        WHERE s.id = NEW.storm_id;
    RETURN NULL;
END $$;
CREATE TRIGGER incidents_in_storms AFTER INSERT ON incidents FOR EACH ROW WHEN (NEW.storm_id IS NOT NULL)
    EXECUTE FUNCTION count_incident_of_storm();

-- Distinct runs by window over the past, the time of storms left out; but a storm that lasted as long as one may is usual.
-- Two that count at once write the same.
CREATE FUNCTION usual_hits_of(p_precedent uuid, p_now timestamptz, p_window interval, p_past interval, p_again interval)
RETURNS usual_hits LANGUAGE plpgsql AS $$
DECLARE
    usual usual_hits;
    from_time timestamptz;
    until_time timestamptz := date_bin(p_window, p_now - p_window, 'epoch');
    stormy interval;
    added bigint;
BEGIN
    SELECT * INTO usual FROM usual_hits u WHERE u.precedent_id = p_precedent;
    IF usual.counted_at <= p_now AND usual.counted_at > p_now - p_again THEN
        IF usual.until >= until_time THEN
            RETURN usual;
        END IF;
        from_time := usual.until;
    ELSE
        -- It takes long: one does it, and the others make do with what was counted before.
        IF NOT pg_try_advisory_xact_lock(7304, hashtext(p_precedent::text)) AND usual.hits IS NOT NULL THEN
            RETURN usual;
        END IF;
        SELECT least(greatest(p.first_seen, p_now - p_past), until_time) INTO from_time FROM precedents p
            WHERE p.id = p_precedent;
        usual := ROW (p_precedent, p_now, until_time, 0, 0);
    END IF;
    SELECT sum(least(s.ends_at, until_time) - greatest(s.since, from_time)) INTO stormy FROM storms s
        WHERE s.precedent_id = p_precedent AND s.since < until_time AND s.ends_at > from_time AND s.ends_at < s.latest_end;
    SELECT count(*) INTO added FROM (
        SELECT DISTINCT hashtextextended(i.run_id, 0), date_bin(p_window, i.occurred_at, 'epoch')
        FROM incidents i LEFT JOIN storms s ON s.id = i.storm_id
        WHERE i.precedent_id = p_precedent AND i.occurred_at >= from_time AND i.occurred_at < until_time
          AND i.run_id IS NOT NULL AND (s.id IS NULL OR s.ends_at >= s.latest_end)
    ) hit;
    usual.until := until_time;
    usual.hits := usual.hits + added;
    usual.windows := usual.windows
        + greatest(0, extract(epoch FROM until_time - from_time - coalesce(stormy, '0')) / extract(epoch FROM p_window));
    INSERT INTO usual_hits SELECT usual.*
        ON CONFLICT (precedent_id) DO UPDATE SET
            counted_at = excluded.counted_at, until = excluded.until, hits = excluded.hits, windows = excluded.windows;
    RETURN usual;
END $$;

-- All that is needed to say whether there is a storm and who does what, in one round trip. `told`: the failure's external
-- id has been answered before. `runs` counts the asking one, and is 0 where its failure is too old to begin a storm.
CREATE FUNCTION sight_of_storm(
    p_workspace integer, p_precedent uuid, p_incident uuid, p_external_id text, p_run text, p_at timestamptz,
    p_now timestamptz, p_window interval, p_past interval, p_again interval, p_least_runs integer
) RETURNS TABLE (told boolean, joined boolean, runs integer, first_at timestamptz, hits bigint, windows double precision,
                 storm storms)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    from_time timestamptz;
    usual usual_hits;
BEGIN
    runs := 0;
    told := p_external_id IS NOT NULL AND EXISTS (
        SELECT FROM incident_keys k WHERE k.workspace_id = p_workspace
            AND k.external_hash = md5(p_external_id)::uuid AND k.incident_id <> p_incident);
    SELECT * INTO storm FROM storms s WHERE s.precedent_id = p_precedent ORDER BY s.since DESC LIMIT 1;
    joined := EXISTS (SELECT FROM storm_runs r WHERE r.storm_id = storm.id AND r.run_hash = md5(p_run)::uuid);
    -- What a storm has counted begins no second one.
    from_time := greatest(p_now - p_window, storm.ends_at);
    IF told OR storm.state = 'active' AND storm.ends_at > p_now OR p_at <= from_time THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT count(DISTINCT i.run_id) FILTER (WHERE i.run_id <> p_run) + 1,
           min(happened_at(i.occurred_at, i.recorded_at)), count(*) FILTER (WHERE i.run_id = p_run) > 0
        INTO runs, first_at, joined
        FROM incidents i
        WHERE i.precedent_id = p_precedent AND i.occurred_at > from_time AND i.recorded_at > from_time
          AND i.run_id IS NOT NULL;
    IF runs >= p_least_runs THEN
        usual := usual_hits_of(p_precedent, p_now, p_window, p_past, p_again);
        hits := usual.hits;
        windows := usual.windows;
    END IF;
    RETURN NEXT;
END $$;

-- Begin a storm, with what it has hit so far. No row: another has begun it, or the precedent was merged away.
CREATE FUNCTION open_storm(
    p_id uuid, p_workspace integer, p_precedent uuid, p_since timestamptz, p_ends_at timestamptz, p_latest_end timestamptz,
    p_quiet interval, p_wait_s double precision, p_next_try_at timestamptz, p_usual_runs double precision,
    p_canary_incident uuid, p_canary_run text, p_canary_attempt integer, p_canary_external_id text, p_now timestamptz
) RETURNS SETOF storms LANGUAGE plpgsql AS $$
DECLARE
    verdict_before text;
    verdict_after text;
BEGIN
    PERFORM share_workspace(p_workspace);
    SELECT p.verdict INTO verdict_before FROM precedents p
        WHERE p.id = p_precedent AND p.workspace_id = p_workspace AND p.merged_into IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE storms s SET state = 'expired'
        WHERE s.precedent_id = p_precedent AND s.state = 'active' AND s.ends_at <= p_now;
    INSERT INTO storms (id, workspace_id, precedent_id, since, ends_at, latest_end, quiet, wait_s, next_try_at, usual_runs,
                        canary_incident_id, canary_run_id, canary_attempt, canary_external_id)
        VALUES (p_id, p_workspace, p_precedent, p_since, p_ends_at, p_latest_end, p_quiet, p_wait_s, p_next_try_at,
                p_usual_runs, p_canary_incident, p_canary_run, p_canary_attempt, p_canary_external_id)
        ON CONFLICT (precedent_id) WHERE state = 'active' DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    WITH marked AS (
        UPDATE incidents i SET storm_id = p_id
            WHERE i.precedent_id = p_precedent AND i.occurred_at >= p_since AND i.recorded_at >= p_since
              AND i.storm_id IS NULL
            RETURNING i.id, i.run_id
    ), counted AS (
        INSERT INTO storm_runs (storm_id, run_hash)
            SELECT DISTINCT p_id, md5(m.run_id)::uuid FROM marked m WHERE m.run_id IS NOT NULL
            RETURNING run_hash
    ), unlearned AS (
        UPDATE outcomes o SET storm_id = p_id FROM marked m WHERE o.incident_id = m.id RETURNING o.result
    ), forgotten AS (
        UPDATE precedents p SET retries_succeeded = p.retries_succeeded - u.succeeded,
            retries_failed = p.retries_failed - u.failed, updated_at = now()
            FROM (SELECT count(*) FILTER (WHERE result = 'succeeded') AS succeeded,
                         count(*) FILTER (WHERE result = 'failed') AS failed FROM unlearned) u
            WHERE p.id = p_precedent AND u.succeeded + u.failed > 0
            RETURNING p.verdict
    ), known AS (
        UPDATE storms s SET incidents = (SELECT count(*) FROM marked), runs = (SELECT count(*) FROM counted)
            WHERE s.id = p_id
    )
    SELECT f.verdict INTO verdict_after FROM forgotten f;
    IF verdict_after IS NOT NULL AND verdict_after <> verdict_before THEN
        UPDATE signatures g SET version = g.version + 1 WHERE g.precedent_id = p_precedent;
    END IF;
    RETURN QUERY SELECT * FROM storms s WHERE s.id = p_id;
END $$;

-- As before, but for what storms did: their outcomes tell nothing of the precedent.
CREATE OR REPLACE FUNCTION recount_precedent(p_id uuid) RETURNS void LANGUAGE sql AS $$
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
        FROM outcomes WHERE precedent_id = p_id AND storm_id IS NULL
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

-- As before; the outcome of a storm's incident is kept with the storm, and the precedent learns nothing from it.
CREATE OR REPLACE FUNCTION record_outcome(
    p_workspace integer, p_id uuid, p_incident uuid, p_result text, p_attempt integer, p_waited_s double precision
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
    INSERT INTO outcomes (id, workspace_id, precedent_id, incident_id, result, attempt, waited_s, storm_id)
        VALUES (p_id, p_workspace, subject, p_incident, p_result, p_attempt, p_waited_s, storm)
        ON CONFLICT (incident_id, coalesce(attempt, -1)) DO UPDATE SET
            result = excluded.result, waited_s = coalesce(excluded.waited_s, outcomes.waited_s)
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
