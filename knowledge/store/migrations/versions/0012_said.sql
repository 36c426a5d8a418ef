-- Pipeline memory again: what was said late, for whom, and until when it is kept.

-- When the present state was said last, by whoever said it: also by a write that changed nothing.
ALTER TABLE runs ADD COLUMN said_at timestamptz;
ALTER TABLE steps ADD COLUMN said_at timestamptz;
ALTER TABLE sub_tasks ADD COLUMN said_at timestamptz;
UPDATE runs SET said_at = updated_at, ended_at = greatest(ended_at, started_at);
UPDATE steps SET said_at = updated_at, ended_at = greatest(ended_at, started_at);
-- What a sub-task made, and when, is told while it is completed: once it is begun anew that is no checkpoint any more.
UPDATE sub_tasks SET said_at = updated_at, started_at = least(started_at, completed_at),
    artifacts = CASE WHEN status = 'completed' THEN artifacts ELSE '{}' END,
    completed_at = CASE WHEN status = 'completed' THEN completed_at END;
ALTER TABLE runs ALTER COLUMN said_at SET NOT NULL;
ALTER TABLE steps ALTER COLUMN said_at SET NOT NULL;
ALTER TABLE sub_tasks ALTER COLUMN said_at SET NOT NULL,
    ADD CONSTRAINT sub_tasks_completed CHECK ((completed_at IS NULL) = (status <> 'completed'));
-- Which runs may have to be forgotten; by a column that no write moves.
CREATE INDEX runs_oldest ON runs (started_at);

-- The functions answer under `told` what 0008_runs.sql lists, and `superseded`: it was said late, and what is there was
-- said after it. `pipeline` is the run's, where that is not the one that was named.
--
-- `p_age`: seconds since it was said, null for what is said now. All times that a write leaves are of the moment in which
-- it was said, but for `updated_at`, which never goes back.
DROP FUNCTION put_run(integer, uuid, text, text, text, text, jsonb, integer, integer, bigint);
DROP FUNCTION put_step(integer, uuid, text, text, text, text, double precision, text[], jsonb, integer, integer, bigint);
DROP FUNCTION hand_step_over(integer, text, text, text, text, bigint);
DROP FUNCTION put_sub_task(integer, text, text, text, text, text, text, double precision, bytea, jsonb, bigint);

CREATE FUNCTION moment_of(p_age double precision) RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT clock_timestamp() - make_interval(secs => coalesce(p_age, 0))
$$;

-- An age carries the latency of its delivery: so much later may what is there have been said and be replaced. `p_done`:
-- what is there has succeeded, and is not lost for a latency.
CREATE FUNCTION is_superseded(
    p_age double precision, p_moment timestamptz, p_said_at timestamptz, p_done boolean
) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT p_age IS NOT NULL AND p_said_at > p_moment + CASE WHEN p_done THEN interval '0' ELSE interval '2 seconds' END
$$;

CREATE FUNCTION put_run(
    p_workspace integer, p_id uuid, p_run_id text, p_pipeline text, p_status text, p_domain text, p_attributes jsonb,
    p_stated_version integer, p_schema_version integer, p_expected bigint, p_age double precision
) RETURNS TABLE (told text, run runs) LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := moment_of(p_age);
    current boolean;
    same boolean;
BEGIN
    LOOP
        IF p_expected IS NULL THEN
            INSERT INTO runs (id, workspace_id, run_id, pipeline, status, domain, schema_version, attributes, started_at,
                              updated_at, said_at, ended_at)
                VALUES (p_id, p_workspace, p_run_id, p_pipeline, p_status, p_domain, p_schema_version,
                        coalesce(p_attributes, '{}'), moment, moment, moment,
                        CASE WHEN p_status <> 'running' THEN moment END)
                ON CONFLICT (workspace_id, run_id) DO NOTHING RETURNING * INTO run;
            IF FOUND THEN
                told := 'created';
                RETURN NEXT;
                RETURN;
            END IF;
        END IF;
        SELECT * INTO run FROM runs r WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id FOR NO KEY UPDATE;
        EXIT WHEN FOUND OR p_expected IS NOT NULL; -- else it was forgotten between the two: a first write after all
    END LOOP;
    moment := moment_of(p_age); -- the lock may have been waited for
    current := p_expected IS NULL OR p_expected = run.version;
    same := run.status = p_status AND (p_attributes IS NULL OR p_attributes = run.attributes
        AND (p_stated_version IS NULL OR p_stated_version = run.schema_version));
    told := CASE
        WHEN run.id IS NULL THEN 'absent'
        WHEN run.pipeline <> p_pipeline THEN 'pipeline'
        -- Attributes were checked by that domain, or by none.
        WHEN (p_domain IS NOT NULL OR p_attributes IS NOT NULL) AND run.domain IS DISTINCT FROM p_domain THEN 'domain'
        WHEN same AND current THEN 'same'
        WHEN is_superseded(p_age, moment, run.said_at, run.status = 'succeeded') THEN 'superseded'
        WHEN NOT current THEN 'stale'
        WHEN p_expected IS NULL THEN 'unversioned'
        ELSE 'changed' END;
    IF told = 'changed' THEN
        UPDATE runs r SET
            status = p_status,
            attributes = coalesce(p_attributes, r.attributes),
            schema_version = CASE WHEN p_attributes IS NULL THEN r.schema_version ELSE p_schema_version END,
            version = r.version + 1,
            updated_at = greatest(r.updated_at, moment),
            said_at = greatest(r.said_at, moment),
            ended_at = CASE WHEN p_status = r.status THEN r.ended_at
                WHEN p_status <> 'running' THEN greatest(moment, r.started_at) END
            WHERE r.id = run.id RETURNING * INTO run;
    ELSIF told = 'same' AND moment > run.said_at THEN
        UPDATE runs r SET said_at = moment WHERE r.id = run.id RETURNING * INTO run;
    END IF;
    RETURN NEXT;
END $$;

-- `lost`: what is completed and would leave the plan.
CREATE FUNCTION put_step(
    p_workspace integer, p_id uuid, p_run_id text, p_pipeline text, p_name text, p_owner text, p_status text,
    p_progress double precision, p_plan text[], p_attributes jsonb, p_stated_version integer, p_schema_version integer,
    p_expected bigint, p_age double precision
) RETURNS TABLE (told text, pipeline text, lost text[], step steps) LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := moment_of(p_age);
    of_run uuid;
    current boolean;
    same boolean;
BEGIN
    -- Not forgotten while its step is written.
    SELECT r.id, r.pipeline INTO of_run, pipeline FROM runs r
        WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id FOR KEY SHARE;
    told := CASE WHEN NOT FOUND THEN 'no_run' WHEN pipeline <> p_pipeline THEN 'pipeline' END;
    IF told IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF p_expected IS NULL THEN
        INSERT INTO steps (id, run, name, owner, status, progress, plan, schema_version, attributes, started_at, updated_at,
                           said_at, ended_at)
            VALUES (p_id, of_run, p_name, p_owner, p_status, p_progress, p_plan, p_schema_version,
                    coalesce(p_attributes, '{}'), moment, moment, moment, CASE WHEN p_status <> 'running' THEN moment END)
            ON CONFLICT (run, name) DO NOTHING RETURNING * INTO step;
        IF FOUND THEN
            told := 'created';
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    -- Waits for writes of its sub-tasks: what they complete now is seen below.
    SELECT * INTO step FROM steps s WHERE s.run = of_run AND s.name = p_name FOR NO KEY UPDATE;
    moment := moment_of(p_age);
    current := p_expected IS NULL OR p_expected = step.version;
    same := step.status = p_status AND (p_progress IS NULL OR p_progress = step.progress)
        AND (p_plan IS NULL OR p_plan = step.plan)
        AND (p_attributes IS NULL OR p_attributes = step.attributes
             AND (p_stated_version IS NULL OR p_stated_version = step.schema_version));
    told := CASE
        WHEN step.id IS NULL THEN 'absent'
        WHEN step.owner <> p_owner THEN 'owner'
        WHEN same AND current THEN 'same'
        WHEN is_superseded(p_age, moment, step.said_at, step.status = 'succeeded') THEN 'superseded'
        WHEN NOT current THEN 'stale'
        WHEN p_expected IS NULL THEN 'unversioned'
        ELSE 'changed' END;
    IF told = 'changed' AND p_plan IS NOT NULL THEN
        lost := ARRAY(SELECT t.name FROM sub_tasks t
            WHERE t.step = step.id AND t.status = 'completed' AND t.name <> ALL (p_plan) ORDER BY t.position);
        IF cardinality(lost) > 0 THEN
            told := 'plan';
        END IF;
    END IF;
    IF told = 'changed' THEN
        UPDATE steps s SET
            status = p_status,
            progress = coalesce(p_progress, s.progress),
            plan = coalesce(p_plan, s.plan),
            attributes = coalesce(p_attributes, s.attributes),
            schema_version = CASE WHEN p_attributes IS NULL THEN s.schema_version ELSE p_schema_version END,
            version = s.version + 1,
            updated_at = greatest(s.updated_at, moment),
            said_at = greatest(s.said_at, moment),
            ended_at = CASE WHEN p_status = s.status THEN s.ended_at
                WHEN p_status <> 'running' THEN greatest(moment, s.started_at) END
            WHERE s.id = step.id RETURNING * INTO step;
    ELSIF told = 'same' AND moment > step.said_at THEN
        UPDATE steps s SET said_at = moment WHERE s.id = step.id RETURNING * INTO step;
    END IF;
    RETURN NEXT;
END $$;

CREATE FUNCTION hand_step_over(
    p_workspace integer, p_run_id text, p_pipeline text, p_name text, p_owner text, p_to text, p_expected bigint
) RETURNS TABLE (told text, pipeline text, step steps) LANGUAGE plpgsql AS $$
DECLARE
    of_run uuid;
BEGIN
    SELECT r.id, r.pipeline INTO of_run, pipeline FROM runs r
        WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id FOR KEY SHARE;
    told := CASE WHEN NOT FOUND THEN 'no_run' WHEN pipeline <> p_pipeline THEN 'pipeline' END;
    IF told IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO step FROM steps s WHERE s.run = of_run AND s.name = p_name FOR NO KEY UPDATE;
    told := CASE
        WHEN NOT FOUND THEN 'no_step'
        WHEN step.owner <> p_owner THEN 'owner'
        WHEN p_expected <> step.version THEN 'stale'
        WHEN p_to = p_owner THEN 'same'
        ELSE 'changed' END;
    IF told = 'changed' THEN
        UPDATE steps s SET owner = p_to, version = s.version + 1, updated_at = clock_timestamp()
            WHERE s.id = step.id RETURNING * INTO step;
    END IF;
    RETURN NEXT;
END $$;

-- `owner` and `plan` are the step's. A lease that is renewed moves no version: whose it is, not which version, says who
-- may write while it runs.
CREATE FUNCTION put_sub_task(
    p_workspace integer, p_run_id text, p_pipeline text, p_step text, p_name text, p_owner text, p_status text,
    p_holder text, p_lease_s double precision, p_inputs_hash bytea, p_artifacts jsonb, p_expected bigint,
    p_age double precision
) RETURNS TABLE (told text, pipeline text, owner text, plan text[], sub_task sub_tasks) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    of_step record;
    moment timestamptz;
    lease_end timestamptz;
    current boolean;
    same boolean;
    running boolean;
BEGIN
    SELECT s.id, s.owner, s.plan, r.pipeline INTO of_step FROM steps s JOIN runs r ON r.id = s.run
        WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id AND s.name = p_step FOR SHARE OF s;
    IF NOT FOUND THEN
        SELECT r.pipeline INTO pipeline FROM runs r WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id;
        told := CASE WHEN NOT FOUND THEN 'no_run' WHEN pipeline <> p_pipeline THEN 'pipeline' ELSE 'no_step' END;
        RETURN NEXT;
        RETURN;
    END IF;
    pipeline := of_step.pipeline;
    owner := of_step.owner;
    plan := of_step.plan;
    told := CASE
        WHEN of_step.pipeline <> p_pipeline THEN 'pipeline'
        WHEN of_step.owner <> p_owner THEN 'owner'
        WHEN p_name <> ALL (of_step.plan) THEN 'plan' END;
    IF told IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    moment := moment_of(p_age);
    lease_end := CASE WHEN p_status = 'started' THEN moment + make_interval(secs => p_lease_s) END;
    IF p_expected IS NULL THEN
        INSERT INTO sub_tasks AS t (step, name, workspace_id, status, holder, lease_expires_at, inputs_hash, artifacts,
                                    started_at, updated_at, said_at, completed_at)
            VALUES (of_step.id, p_name, p_workspace, p_status, p_holder, lease_end, p_inputs_hash,
                    coalesce(p_artifacts, '{}'), moment, moment, moment, CASE WHEN p_status = 'completed' THEN moment END)
            ON CONFLICT (step, name) DO NOTHING RETURNING t.* INTO sub_task;
        IF FOUND THEN
            told := 'created';
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    SELECT t.* INTO sub_task FROM sub_tasks t WHERE t.step = of_step.id AND t.name = p_name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        told := 'absent';
        RETURN NEXT;
        RETURN;
    END IF;
    moment := moment_of(p_age); -- the lock may have been waited for
    lease_end := CASE WHEN p_status = 'started' THEN moment + make_interval(secs => p_lease_s) END;
    current := p_expected IS NULL OR p_expected = sub_task.version;
    running := sub_task.status = 'started' AND sub_task.lease_expires_at > clock_timestamp();
    same := sub_task.status = p_status AND (p_status <> 'started' OR sub_task.holder = p_holder)
        AND (p_inputs_hash IS NULL OR p_inputs_hash IS NOT DISTINCT FROM sub_task.inputs_hash)
        AND (p_artifacts IS NULL OR p_artifacts = sub_task.artifacts);
    told := CASE
        WHEN running AND sub_task.holder <> p_holder THEN 'held'
        WHEN same AND current THEN 'same'
        -- Work that was completed stands, however late that is told: but where it was done again since, or is just now.
        WHEN p_status = 'completed' AND sub_task.status <> 'completed' AND NOT running THEN NULL
        -- Renewals of a claim say nothing after its holder's end of it, which is told of later than it came.
        WHEN p_status <> 'started' AND running AND NOT is_superseded(p_age, moment, sub_task.started_at, false) THEN NULL
        WHEN is_superseded(p_age, moment, sub_task.said_at, sub_task.status = 'completed') THEN 'superseded' END;
    told := coalesce(told, CASE
        WHEN NOT current THEN 'stale'
        WHEN p_expected IS NULL THEN 'unversioned'
        ELSE 'changed' END);
    IF told = 'same' THEN
        UPDATE sub_tasks t SET
            said_at = greatest(t.said_at, moment),
            lease_expires_at = CASE WHEN p_age IS NULL THEN lease_end ELSE greatest(t.lease_expires_at, lease_end) END
            WHERE t.step = of_step.id AND t.name = p_name RETURNING t.* INTO sub_task;
    ELSIF told = 'changed' THEN
        UPDATE sub_tasks t SET
            status = p_status,
            holder = p_holder,
            lease_expires_at = lease_end,
            -- Begun again with inputs of which nothing is said, those of before say nothing either.
            inputs_hash = CASE WHEN p_status = 'started' THEN p_inputs_hash ELSE coalesce(p_inputs_hash, t.inputs_hash) END,
            -- Only what is completed has them: nobody goes on from work that was begun anew.
            artifacts = CASE
                WHEN p_status = 'completed' AND t.status = 'completed' THEN coalesce(p_artifacts, t.artifacts)
                WHEN p_status = 'completed' THEN coalesce(p_artifacts, '{}')
                ELSE '{}' END,
            version = t.version + 1,
            started_at = CASE WHEN p_status = 'started' THEN moment ELSE least(t.started_at, moment) END,
            updated_at = greatest(t.updated_at, moment),
            -- A completion that stands against a later failure counts from when it was said: a later one may follow.
            said_at = CASE WHEN p_status = 'completed' AND t.status <> 'completed' THEN moment
                ELSE greatest(t.said_at, moment) END,
            completed_at = CASE WHEN p_status = 'completed' THEN moment END
            WHERE t.step = of_step.id AND t.name = p_name RETURNING t.* INTO sub_task;
    END IF;
    RETURN NEXT;
END $$;

-- Whether nobody has said anything of a run, or decided anything in it, since then.
CREATE FUNCTION is_untouched(p_run uuid, p_since timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM runs r WHERE r.id = p_run AND greatest(r.said_at, r.updated_at, r.ended_at) >= p_since)
       AND NOT EXISTS (SELECT FROM steps s WHERE s.run = p_run AND greatest(s.said_at, s.updated_at, s.ended_at) >= p_since)
       AND NOT EXISTS (SELECT FROM decision_records d WHERE d.run = p_run AND d.created_at >= p_since)
       AND NOT EXISTS (SELECT FROM steps s JOIN sub_tasks t ON t.step = s.id
                       WHERE s.run = p_run AND greatest(t.said_at, t.updated_at, t.lease_expires_at) >= p_since)
$$;

-- Forget runs that are untouched since then, each with all that is kept of it: as many as fit into so many rows, one at
-- least; how many. Incidents that name them stay.
CREATE FUNCTION forget_runs(p_since timestamptz, p_most_runs integer, p_most_rows integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    old uuid;
    forgotten integer := 0;
    gone integer := 0;
    lost integer;
BEGIN
    FOR old IN SELECT r.id FROM runs r WHERE r.started_at < p_since AND is_untouched(r.id, p_since)
        ORDER BY r.started_at LIMIT p_most_runs FOR UPDATE SKIP LOCKED
    LOOP
        -- What is being written of it now ends first, and is looked at then.
        PERFORM FROM steps s WHERE s.run = old FOR UPDATE;
        CONTINUE WHEN NOT is_untouched(old, p_since);
        DELETE FROM sub_tasks t USING steps s WHERE s.run = old AND t.step = s.id;
        GET DIAGNOSTICS lost = ROW_COUNT;
        DELETE FROM steps s WHERE s.run = old;
        DELETE FROM decision_records d WHERE d.run = old;
        DELETE FROM runs r WHERE r.id = old;
        forgotten := forgotten + 1;
        gone := gone + lost;
        EXIT WHEN gone >= p_most_rows;
    END LOOP;
    RETURN forgotten;
END $$;
