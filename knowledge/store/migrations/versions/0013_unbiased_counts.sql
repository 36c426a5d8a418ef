-- What retries of a cause are worth is counted whether or not somebody explained them afterwards, and runs are told apart
-- by their pipeline: schedulers name them by date, `2026-11-23` in every pipeline.

-- People explain failures, and a retry that passed hardly ever. So an outcome counts for a cause by what was known before
-- it was known how the retry ended: the cause that the advice named, or one that had been stated. What is stated later of
-- an incident says which cause it was, and moves the counts; it does not bring those in that nobody had a cause for, for
-- these would be failures alone. A correction of the precedent as a whole brings all of its outcomes.
ALTER TABLE outcomes ADD COLUMN advised_cause text;
ALTER TABLE outcomes ADD COLUMN cause_known boolean NOT NULL DEFAULT false;
-- What a precedent has added to the counts of causes: {cause: {"bucket/attempt": [succeeded, failed]}}.
ALTER TABLE precedent_retries ADD COLUMN by_cause jsonb NOT NULL DEFAULT '{}';

DROP FUNCTION run_key(text, text);
-- A step of a run, so that the retries of this very run are known: `knowledge.retries.run_key` makes the same.
CREATE FUNCTION run_key(pipeline text, run_id text, step text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(encode(sha256(convert_to(
        coalesce(pipeline, '') || chr(31) || run_id || chr(31) || coalesce(step, ''), 'UTF8')), 'hex'), 32)
$$;

DROP TRIGGER outcomes_run_key ON outcomes;
DROP FUNCTION set_run_key();
CREATE FUNCTION place_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stated text;
BEGIN
    SELECT run_key(i.pipeline, i.run_id, i.step), p.cause INTO NEW.run_key, stated
        FROM incidents i JOIN precedents p ON p.id = i.precedent_id
        WHERE i.id = NEW.incident_id AND i.workspace_id = NEW.workspace_id;
    SELECT a.answer->>'cause' INTO NEW.advised_cause FROM advice a
        WHERE a.incident_id = NEW.incident_id AND a.workspace_id = NEW.workspace_id
        ORDER BY a.created_at DESC, a.id DESC LIMIT 1;
    NEW.cause_known := coalesce(NEW.advised_cause, stated) IS NOT NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER outcomes_place BEFORE INSERT ON outcomes FOR EACH ROW EXECUTE FUNCTION place_outcome();

-- By cause, the same outcomes that `retry_counts_of` counts.
CREATE FUNCTION cause_counts_of(precedent uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(c.cause, c.cells), '{}')
    FROM (
        SELECT n.cause, jsonb_object_agg(n.cell, jsonb_build_array(n.succeeded, n.failed)) AS cells
        FROM (
            SELECT coalesce(p.cause_override,
                            CASE WHEN o.cause_known THEN coalesce(p.stated_cause, o.advised_cause) END) AS cause,
                   retry_cell(o.waited_s, o.attempt) AS cell,
                   count(*) FILTER (WHERE o.result = 'succeeded') AS succeeded,
                   count(*) FILTER (WHERE o.result = 'failed') AS failed
            FROM (
                SELECT * FROM outcomes WHERE precedent_id = precedent AND storm_id IS NULL
                ORDER BY created_at DESC LIMIT 200
            ) o JOIN precedents p ON p.id = precedent
            GROUP BY 1, 2
        ) n
        WHERE n.cause IS NOT NULL
        GROUP BY n.cause
    ) c
$$;

DROP FUNCTION add_to_cause(integer, text, jsonb, jsonb);
CREATE FUNCTION add_to_causes(p_workspace integer, p_before jsonb, p_after jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_before = p_after THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7305, p_workspace);
    INSERT INTO cause_retries (workspace_id, cause, cell, succeeded, failed)
        SELECT p_workspace, c.cause, c.cell, sum(c.sign * (c.counts->>0)::int), sum(c.sign * (c.counts->>1)::int)
        FROM (
            SELECT a.key AS cause, b.key AS cell, b.value AS counts, 1 AS sign
            FROM jsonb_each(p_after) a, jsonb_each(a.value) b
            UNION ALL
            SELECT a.key, b.key, b.value, -1 FROM jsonb_each(p_before) a, jsonb_each(a.value) b
        ) c
        GROUP BY c.cause, c.cell
        ON CONFLICT (workspace_id, cause, cell) DO UPDATE SET
            succeeded = cause_retries.succeeded + excluded.succeeded, failed = cause_retries.failed + excluded.failed;
END $$;

-- As before; the counts of causes move by the difference, whichever causes they are.
CREATE OR REPLACE FUNCTION recount_retries(p_precedent uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    workspace integer;
    before jsonb;
    after jsonb := cause_counts_of(p_precedent);
BEGIN
    SELECT p.workspace_id INTO workspace FROM precedents p WHERE p.id = p_precedent;
    SELECT r.by_cause INTO before FROM precedent_retries r WHERE r.precedent_id = p_precedent;
    INSERT INTO precedent_retries (precedent_id, counts, by_cause, lately_failed)
        VALUES (p_precedent, retry_counts_of(p_precedent), after, lately_failed_of(p_precedent))
        ON CONFLICT (precedent_id) DO UPDATE SET
            counts = excluded.counts, by_cause = excluded.by_cause, lately_failed = excluded.lately_failed;
    PERFORM add_to_causes(workspace, coalesce(before, '{}'), after);
END $$;

-- A precedent of another cause takes its counts along.
DROP TRIGGER precedents_cause ON precedents;
CREATE OR REPLACE FUNCTION cause_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM precedent_retries r WHERE r.precedent_id = NEW.id) THEN
        PERFORM recount_retries(NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER precedents_cause AFTER UPDATE ON precedents
    FOR EACH ROW WHEN (
        OLD.cause_override IS DISTINCT FROM NEW.cause_override OR OLD.stated_cause IS DISTINCT FROM NEW.stated_cause)
    EXECUTE FUNCTION cause_changed();

-- What was recorded before this migration. Of an incident that was explained it is not known whether before or after its
-- outcome: where there is advice, its cause decides; without advice it came with its cause, most likely. The outcomes'
-- own trigger counts everything anew.
DELETE FROM cause_retries;
UPDATE outcomes o SET advised_cause = a.cause, cause_known = coalesce(a.cause, CASE WHEN a.id IS NULL THEN a.stated END)
        IS NOT NULL, run_key = run_key(a.pipeline, a.run_id, a.step)
    FROM (
        SELECT t.id AS outcome_id, d.id, d.answer->>'cause' AS cause, i.cause AS stated, i.pipeline, i.run_id, i.step
        FROM outcomes t JOIN incidents i ON i.id = t.incident_id
        LEFT JOIN LATERAL (
            SELECT * FROM advice v WHERE v.incident_id = t.incident_id ORDER BY v.created_at DESC, v.id DESC LIMIT 1
        ) d ON true
    ) a
    WHERE a.outcome_id = o.id;

-- Storms count runs.
ALTER TABLE storms ADD COLUMN canary_pipeline text;
ALTER TABLE storms ADD COLUMN failed_pipeline text; -- of `failed_run`

CREATE FUNCTION run_hash(pipeline text, run_id text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT md5(coalesce(pipeline, '') || chr(31) || run_id)::uuid
$$;

CREATE OR REPLACE FUNCTION count_incident_of_storm() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    new_runs integer := 0;
BEGIN
    IF NEW.run_id IS NOT NULL THEN
        INSERT INTO storm_runs (storm_id, run_hash) VALUES (NEW.storm_id, run_hash(NEW.pipeline, NEW.run_id))
            ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS new_runs = ROW_COUNT;
    END IF;
    UPDATE storms s SET incidents = s.incidents + 1, runs = s.runs + new_runs,
        ends_at = CASE WHEN s.state = 'active'
            THEN least(greatest(s.ends_at, happened_at(NEW.occurred_at, NEW.recorded_at) + s.quiet), s.latest_end)
            ELSE s.ends_at END
        WHERE s.id = NEW.storm_id;
    RETURN NULL;
END $$;

-- As before, by pipeline and run.
CREATE OR REPLACE FUNCTION usual_hits_of(p_precedent uuid, p_now timestamptz, p_window interval, p_past interval, p_again interval)
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
        SELECT DISTINCT run_hash(i.pipeline, i.run_id), date_bin(p_window, i.occurred_at, 'epoch')
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

DROP FUNCTION sight_of_storm(
    integer, uuid, uuid, text, text, timestamptz, timestamptz, interval, interval, interval, integer);
CREATE FUNCTION sight_of_storm(
    p_workspace integer, p_precedent uuid, p_incident uuid, p_external_id text, p_pipeline text, p_run text,
    p_at timestamptz, p_now timestamptz, p_window interval, p_past interval, p_again interval, p_least_runs integer
) RETURNS TABLE (told boolean, joined boolean, runs integer, first_at timestamptz, hits bigint, windows double precision,
                 storm storms)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    asking uuid := run_hash(p_pipeline, p_run);
    from_time timestamptz;
    usual usual_hits;
BEGIN
    runs := 0;
    told := p_external_id IS NOT NULL AND EXISTS (
        SELECT FROM incident_keys k WHERE k.workspace_id = p_workspace
            AND k.external_hash = md5(p_external_id)::uuid AND k.incident_id <> p_incident);
    SELECT * INTO storm FROM storms s WHERE s.precedent_id = p_precedent ORDER BY s.since DESC LIMIT 1;
    joined := EXISTS (SELECT FROM storm_runs r WHERE r.storm_id = storm.id AND r.run_hash = asking);
    -- What a storm has counted begins no second one.
    from_time := greatest(p_now - p_window, storm.ends_at);
    IF told OR storm.state = 'active' AND storm.ends_at > p_now OR p_at <= from_time THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT count(DISTINCT i.run) FILTER (WHERE i.run <> asking) + 1,
           min(happened_at(i.occurred_at, i.recorded_at)), count(*) FILTER (WHERE i.run = asking) > 0
        INTO runs, first_at, joined
        FROM (SELECT t.*, run_hash(t.pipeline, t.run_id) AS run FROM incidents t) i
        WHERE i.precedent_id = p_precedent AND i.occurred_at > from_time AND i.recorded_at > from_time
          AND i.run_id IS NOT NULL;
    IF runs >= p_least_runs THEN
        usual := usual_hits_of(p_precedent, p_now, p_window, p_past, p_again);
        hits := usual.hits;
        windows := usual.windows;
    END IF;
    RETURN NEXT;
END $$;

DROP FUNCTION open_storm(
    uuid, integer, uuid, timestamptz, timestamptz, timestamptz, interval, double precision, timestamptz, double precision,
    uuid, text, integer, text, timestamptz);
CREATE FUNCTION open_storm(
    p_id uuid, p_workspace integer, p_precedent uuid, p_since timestamptz, p_ends_at timestamptz, p_latest_end timestamptz,
    p_quiet interval, p_wait_s double precision, p_next_try_at timestamptz, p_usual_runs double precision,
    p_canary_incident uuid, p_canary_pipeline text, p_canary_run text, p_canary_attempt integer,
    p_canary_external_id text, p_now timestamptz
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
                        canary_incident_id, canary_pipeline, canary_run_id, canary_attempt, canary_external_id)
        VALUES (p_id, p_workspace, p_precedent, p_since, p_ends_at, p_latest_end, p_quiet, p_wait_s, p_next_try_at,
                p_usual_runs, p_canary_incident, p_canary_pipeline, p_canary_run, p_canary_attempt, p_canary_external_id)
        ON CONFLICT (precedent_id) WHERE state = 'active' DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    WITH marked AS (
        UPDATE incidents i SET storm_id = p_id
            WHERE i.precedent_id = p_precedent AND i.occurred_at >= p_since AND i.recorded_at >= p_since
              AND i.storm_id IS NULL
            RETURNING i.id, i.pipeline, i.run_id
    ), counted AS (
        INSERT INTO storm_runs (storm_id, run_hash)
            SELECT DISTINCT p_id, run_hash(m.pipeline, m.run_id) FROM marked m WHERE m.run_id IS NOT NULL
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

UPDATE storms s SET canary_pipeline = i.pipeline FROM incidents i WHERE i.id = s.canary_incident_id;
DELETE FROM usual_hits; -- counted again when they are needed
DELETE FROM storm_runs;
INSERT INTO storm_runs (storm_id, run_hash)
    SELECT DISTINCT i.storm_id, run_hash(i.pipeline, i.run_id) FROM incidents i JOIN storms s ON s.id = i.storm_id
    WHERE i.run_id IS NOT NULL;
UPDATE storms s SET runs = (SELECT count(*) FROM storm_runs r WHERE r.storm_id = s.id);
