-- Pipeline memory: what runs have done. Each write is one function, so that nothing is looked at in one transaction and
-- written in another.
--
-- Locks, always in this order: the run's row, the step's row (shared by the writes of its sub-tasks, so that its owner and
-- plan stay as they were looked at), the sub-task's row. Times are those of this server's clock, for leases too: it is
-- the one clock that all replicas and all agents share.

CREATE TABLE runs (
    id uuid PRIMARY KEY,
    workspace_id integer NOT NULL REFERENCES workspaces,
    run_id text NOT NULL, -- the caller's own name of it
    pipeline text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled')),
    domain text,
    schema_version integer, -- that the attributes were written with
    attributes jsonb NOT NULL DEFAULT '{}',
    version bigint NOT NULL DEFAULT 1, -- the ETag
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz, -- none while it runs
    UNIQUE (workspace_id, run_id)
) WITH (fillfactor = 80);
CREATE INDEX runs_recent ON runs (workspace_id, started_at DESC, id DESC);
CREATE INDEX runs_of_pipeline ON runs (workspace_id, pipeline, started_at DESC, id DESC);
CREATE INDEX runs_succeeded ON runs (workspace_id, pipeline, ended_at DESC) WHERE status = 'succeeded';

CREATE TABLE steps (
    id uuid PRIMARY KEY,
    run uuid NOT NULL REFERENCES runs,
    name text NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY, -- the order of first writes
    owner text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled')),
    progress double precision,
    plan text[], -- none: any sub-task may be written
    schema_version integer,
    attributes jsonb NOT NULL DEFAULT '{}',
    version bigint NOT NULL DEFAULT 1,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    UNIQUE (run, name)
) WITH (fillfactor = 80);

CREATE TABLE sub_tasks (
    step uuid NOT NULL REFERENCES steps,
    name text NOT NULL,
    workspace_id integer NOT NULL REFERENCES workspaces,
    position bigint GENERATED ALWAYS AS IDENTITY,
    status text NOT NULL CHECK (status IN ('started', 'completed', 'failed')),
    holder text NOT NULL, -- who wrote it last; while it is started, who has claimed it
    lease_expires_at timestamptz CHECK ((lease_expires_at IS NULL) = (status <> 'started')),
    inputs_hash bytea, -- SHA-256
    artifacts jsonb NOT NULL DEFAULT '{}', -- of the latest completion
    version bigint NOT NULL DEFAULT 1, -- not moved by renewing a lease
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at timestamptz,
    PRIMARY KEY (step, name)
) WITH (fillfactor = 80);
-- The same work, done by any run.
CREATE INDEX sub_tasks_reusable ON sub_tasks (workspace_id, inputs_hash, name, completed_at DESC)
    WHERE status = 'completed' AND inputs_hash IS NOT NULL;

-- What the functions below answer under `told`: `created`, `changed` or `same` (nothing had to be changed), else why
-- nothing was written: `no_run`, `no_step`, `absent` (a version was named of a row that is not there), `unversioned` (a
-- change needs one), `stale` (also of what would change nothing: two that add one to the same number must not both be
-- told that they did), `pipeline`, `domain`, `owner`, `plan`, `held` (another's lease runs).

-- What is not said (null) stays as it is.
CREATE FUNCTION put_run(
    p_workspace integer, p_id uuid, p_run_id text, p_pipeline text, p_status text, p_domain text, p_attributes jsonb,
    p_stated_version integer, p_schema_version integer, p_expected bigint
) RETURNS TABLE (told text, run runs) LANGUAGE plpgsql AS $$
DECLARE
    ended timestamptz := CASE WHEN p_status <> 'running' THEN clock_timestamp() END;
BEGIN
    IF p_expected IS NULL THEN
        INSERT INTO runs (id, workspace_id, run_id, pipeline, status, domain, schema_version, attributes, ended_at)
            VALUES (p_id, p_workspace, p_run_id, p_pipeline, p_status, p_domain, p_schema_version,
                    coalesce(p_attributes, '{}'), ended)
            ON CONFLICT (workspace_id, run_id) DO NOTHING RETURNING * INTO run;
        IF FOUND THEN
            told := 'created';
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    SELECT * INTO run FROM runs r WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id FOR NO KEY UPDATE;
    told := CASE
        WHEN NOT FOUND THEN 'absent'
        WHEN run.pipeline <> p_pipeline THEN 'pipeline'
        -- Attributes were checked by that domain, or by none.
        WHEN (p_domain IS NOT NULL OR p_attributes IS NOT NULL) AND run.domain IS DISTINCT FROM p_domain THEN 'domain'
        WHEN p_expected <> run.version THEN 'stale'
        WHEN run.status = p_status AND (p_attributes IS NULL OR p_attributes = run.attributes
             AND (p_stated_version IS NULL OR p_stated_version = run.schema_version)) THEN 'same'
        WHEN p_expected IS NULL THEN 'unversioned'
        ELSE 'changed' END;
    IF told = 'changed' THEN
        UPDATE runs r SET
            status = p_status,
            attributes = coalesce(p_attributes, r.attributes),
            schema_version = CASE WHEN p_attributes IS NULL THEN r.schema_version ELSE p_schema_version END,
            version = r.version + 1,
            updated_at = clock_timestamp(),
            ended_at = CASE WHEN p_status = r.status THEN r.ended_at ELSE ended END
            WHERE r.id = run.id RETURNING * INTO run;
    END IF;
    RETURN NEXT;
END $$;

-- `lost`: what is completed and would leave the plan.
CREATE FUNCTION put_step(
    p_workspace integer, p_id uuid, p_run_id text, p_name text, p_owner text, p_status text, p_progress double precision,
    p_plan text[], p_attributes jsonb, p_stated_version integer, p_schema_version integer, p_expected bigint
) RETURNS TABLE (told text, lost text[], step steps) LANGUAGE plpgsql AS $$
DECLARE
    ended timestamptz := CASE WHEN p_status <> 'running' THEN clock_timestamp() END;
    of_run uuid;
BEGIN
    SELECT r.id INTO of_run FROM runs r WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id;
    IF NOT FOUND THEN
        told := 'no_run';
        RETURN NEXT;
        RETURN;
    END IF;
    IF p_expected IS NULL THEN
        INSERT INTO steps (id, run, name, owner, status, progress, plan, schema_version, attributes, ended_at)
            VALUES (p_id, of_run, p_name, p_owner, p_status, p_progress, p_plan, p_schema_version,
                    coalesce(p_attributes, '{}'), ended)
            ON CONFLICT (run, name) DO NOTHING RETURNING * INTO step;
        IF FOUND THEN
            told := 'created';
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;
    -- Waits for writes of its sub-tasks: what they complete now is seen below.
    SELECT * INTO step FROM steps s WHERE s.run = of_run AND s.name = p_name FOR NO KEY UPDATE;
    told := CASE
        WHEN NOT FOUND THEN 'absent'
        WHEN step.owner <> p_owner THEN 'owner'
        WHEN p_expected <> step.version THEN 'stale'
        WHEN step.status = p_status AND (p_progress IS NULL OR p_progress = step.progress)
             AND (p_plan IS NULL OR p_plan = step.plan)
             AND (p_attributes IS NULL OR p_attributes = step.attributes
                  AND (p_stated_version IS NULL OR p_stated_version = step.schema_version)) THEN 'same'
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
            updated_at = clock_timestamp(),
            ended_at = CASE WHEN p_status = s.status THEN s.ended_at ELSE ended END
            WHERE s.id = step.id RETURNING * INTO step;
    END IF;
    RETURN NEXT;
END $$;

CREATE FUNCTION hand_step_over(
    p_workspace integer, p_run_id text, p_name text, p_owner text, p_to text, p_expected bigint
) RETURNS TABLE (told text, step steps) LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.* INTO step FROM steps s JOIN runs r ON r.id = s.run
        WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id AND s.name = p_name FOR NO KEY UPDATE OF s;
    told := CASE
        WHEN NOT FOUND THEN CASE WHEN EXISTS (
            SELECT FROM runs r WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id) THEN 'no_step' ELSE 'no_run' END
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
    p_workspace integer, p_run_id text, p_step text, p_name text, p_owner text, p_status text, p_holder text,
    p_lease_s double precision, p_inputs_hash bytea, p_artifacts jsonb, p_expected bigint
) RETURNS TABLE (told text, owner text, plan text[], sub_task sub_tasks) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    of_step steps;
    moment timestamptz;
BEGIN
    SELECT s.* INTO of_step FROM steps s JOIN runs r ON r.id = s.run
        WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id AND s.name = p_step FOR SHARE OF s;
    told := CASE
        WHEN NOT FOUND THEN CASE WHEN EXISTS (
            SELECT FROM runs r WHERE r.workspace_id = p_workspace AND r.run_id = p_run_id) THEN 'no_step' ELSE 'no_run' END
        WHEN of_step.owner <> p_owner THEN 'owner'
        WHEN p_name <> ALL (of_step.plan) THEN 'plan' END;
    owner := of_step.owner;
    plan := of_step.plan;
    IF told IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    moment := clock_timestamp();
    IF p_expected IS NULL THEN
        INSERT INTO sub_tasks AS t (step, name, workspace_id, status, holder, lease_expires_at, inputs_hash, artifacts,
                                    completed_at)
            VALUES (of_step.id, p_name, p_workspace, p_status, p_holder,
                    CASE WHEN p_status = 'started' THEN moment + make_interval(secs => p_lease_s) END, p_inputs_hash,
                    coalesce(p_artifacts, '{}'), CASE WHEN p_status = 'completed' THEN moment END)
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
    moment := clock_timestamp(); -- the lock may have been waited for
    told := CASE
        WHEN sub_task.status = 'started' AND sub_task.holder <> p_holder AND sub_task.lease_expires_at > moment THEN 'held'
        WHEN p_expected <> sub_task.version THEN 'stale'
        WHEN sub_task.status = p_status AND (p_status <> 'started' OR sub_task.holder = p_holder)
             AND (p_inputs_hash IS NULL OR p_inputs_hash IS NOT DISTINCT FROM sub_task.inputs_hash)
             AND (p_artifacts IS NULL OR p_artifacts = sub_task.artifacts) THEN 'same'
        WHEN p_expected IS NULL THEN 'unversioned'
        ELSE 'changed' END;
    IF told = 'same' AND p_status = 'started' THEN
        UPDATE sub_tasks t SET lease_expires_at = moment + make_interval(secs => p_lease_s)
            WHERE t.step = of_step.id AND t.name = p_name RETURNING t.* INTO sub_task;
    ELSIF told = 'changed' THEN
        UPDATE sub_tasks t SET
            status = p_status,
            holder = p_holder,
            lease_expires_at = CASE WHEN p_status = 'started' THEN moment + make_interval(secs => p_lease_s) END,
            -- Begun again with inputs of which nothing is said, those of before say nothing either.
            inputs_hash = CASE WHEN p_status = 'started' THEN p_inputs_hash ELSE coalesce(p_inputs_hash, t.inputs_hash) END,
            artifacts = CASE
                WHEN p_status <> 'completed' THEN t.artifacts
                WHEN t.status = 'completed' THEN coalesce(p_artifacts, t.artifacts)
                ELSE coalesce(p_artifacts, '{}') END,
            version = t.version + 1,
            updated_at = moment,
            completed_at = CASE WHEN p_status = 'completed' THEN moment ELSE t.completed_at END
            WHERE t.step = of_step.id AND t.name = p_name RETURNING t.* INTO sub_task;
    END IF;
    RETURN NEXT;
END $$;
