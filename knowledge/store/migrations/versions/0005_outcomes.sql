-- What outcomes teach about retrying: counts by wait and attempt, for each precedent and for each cause of a workspace.
--
-- Triggers keep them, so that whoever writes, moves or corrects outcomes need not think of it. A precedent's counts are
-- always made anew from its latest outcomes; the counts of a cause move by the difference.
--
-- Locks: behind those that 0002 names, and last, the counts of a workspace's causes (an advisory lock).

-- A step of a run, so that the retries of this very run are known: `knowledge.retries.run_key` makes the same.
ALTER TABLE outcomes ADD COLUMN run_key text;
-- The latest failures of a precedent whose retries nearly all pass are found without reading through those that passed.
CREATE INDEX outcomes_lately_failed ON outcomes (precedent_id, created_at)
    WHERE result = 'failed' AND run_key IS NOT NULL;

CREATE FUNCTION run_key(run_id text, step text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(encode(sha256(convert_to(run_id || chr(31) || coalesce(step, ''), 'UTF8')), 'hex'), 32)
$$;

UPDATE outcomes o SET run_key = run_key(i.run_id, i.step)
    FROM incidents i WHERE i.id = o.incident_id AND i.run_id IS NOT NULL;

CREATE FUNCTION set_run_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT run_key(i.run_id, i.step) INTO NEW.run_key FROM incidents i
        WHERE i.id = NEW.incident_id AND i.workspace_id = NEW.workspace_id;
    RETURN NEW;
END $$;
CREATE TRIGGER outcomes_run_key BEFORE INSERT ON outcomes FOR EACH ROW EXECUTE FUNCTION set_run_key();

CREATE TABLE precedent_retries (
    precedent_id uuid PRIMARY KEY REFERENCES precedents,
    counts jsonb NOT NULL, -- {"bucket/attempt": [succeeded, failed]}
    lately_failed jsonb NOT NULL -- [[run key, attempt, waited_s, seconds since 1970]]
);

CREATE TABLE cause_retries (
    workspace_id integer NOT NULL REFERENCES workspaces,
    cause text NOT NULL,
    cell text NOT NULL, -- bucket/attempt
    succeeded integer NOT NULL,
    failed integer NOT NULL,
    PRIMARY KEY (workspace_id, cause, cell)
) WITH (fillfactor = 80);

-- The bucket of a wait and the attempt, as `knowledge.retries` has them. An attempt that nobody numbered was the first
-- retry, most likely.
CREATE FUNCTION retry_cell(waited_s double precision, attempt integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(width_bucket(waited_s, '{15,60,240,900,3600}'::double precision[])::text, '-')
        || '/' || least(greatest(coalesce(attempt, 2), 2), 5)
$$;

-- The latest 200: what has changed since shows soon, and a hot precedent costs no more than others. Those of a storm
-- tell of an outage: they are passed over (and read for it, where they are among the latest).
CREATE FUNCTION retry_counts_of(precedent uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(c.cell, jsonb_build_array(c.succeeded, c.failed)), '{}')
    FROM (
        SELECT retry_cell(o.waited_s, o.attempt) AS cell, count(*) FILTER (WHERE o.result = 'succeeded') AS succeeded,
               count(*) FILTER (WHERE o.result = 'failed') AS failed
        FROM (
            SELECT * FROM outcomes WHERE precedent_id = precedent AND storm_id IS NULL
            ORDER BY created_at DESC LIMIT 200
        ) o
        GROUP BY 1
    ) c
$$;

-- Storms or not: an attempt of this very run has failed. At most 50 rows are read, by `outcomes_lately_failed`.
CREATE FUNCTION lately_failed_of(precedent uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_array(o.run_key, o.attempt, o.waited_s, extract(epoch FROM o.created_at))
                              ORDER BY o.created_at), '[]')
    FROM (
        SELECT * FROM outcomes WHERE precedent_id = precedent AND result = 'failed' AND run_key IS NOT NULL
        ORDER BY created_at DESC LIMIT 50
    ) o
$$;

CREATE FUNCTION add_to_cause(p_workspace integer, p_cause text, p_before jsonb, p_after jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_cause IS NULL OR p_before = p_after THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7305, p_workspace);
    INSERT INTO cause_retries (workspace_id, cause, cell, succeeded, failed)
        SELECT p_workspace, p_cause, c.cell, sum(c.sign * (c.counts->>0)::int), sum(c.sign * (c.counts->>1)::int)
        FROM (
            SELECT key AS cell, value AS counts, 1 AS sign FROM jsonb_each(p_after)
            UNION ALL
            SELECT key, value, -1 FROM jsonb_each(p_before)
        ) c
        GROUP BY c.cell
        ON CONFLICT (workspace_id, cause, cell) DO UPDATE SET
            succeeded = cause_retries.succeeded + excluded.succeeded, failed = cause_retries.failed + excluded.failed;
END $$;

-- A precedent's counts made anew from its outcomes, and the counts of its cause with them.
CREATE FUNCTION recount_retries(p_precedent uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    subject precedents;
    before jsonb;
    after jsonb := retry_counts_of(p_precedent);
BEGIN
    SELECT * INTO subject FROM precedents p WHERE p.id = p_precedent;
    SELECT r.counts INTO before FROM precedent_retries r WHERE r.precedent_id = p_precedent;
    INSERT INTO precedent_retries (precedent_id, counts, lately_failed)
        VALUES (p_precedent, after, lately_failed_of(p_precedent))
        ON CONFLICT (precedent_id) DO UPDATE SET counts = excluded.counts, lately_failed = excluded.lately_failed;
    PERFORM add_to_cause(subject.workspace_id, subject.cause, coalesce(before, '{}'), after);
END $$;

CREATE FUNCTION outcomes_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM recount_retries(c.precedent_id)
            FROM (SELECT DISTINCT precedent_id FROM after_rows ORDER BY 1) c;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM recount_retries(c.precedent_id)
            FROM (SELECT DISTINCT precedent_id FROM before_rows ORDER BY 1) c;
    ELSE
        PERFORM recount_retries(c.precedent_id)
            FROM (SELECT precedent_id FROM before_rows UNION SELECT precedent_id FROM after_rows ORDER BY 1) c;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER outcomes_added AFTER INSERT ON outcomes
    REFERENCING NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION outcomes_changed();
CREATE TRIGGER outcomes_corrected AFTER UPDATE ON outcomes
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows FOR EACH STATEMENT EXECUTE FUNCTION outcomes_changed();
CREATE TRIGGER outcomes_removed AFTER DELETE ON outcomes
    REFERENCING OLD TABLE AS before_rows FOR EACH STATEMENT EXECUTE FUNCTION outcomes_changed();

-- A precedent of another cause takes its counts along.
CREATE FUNCTION cause_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted jsonb;
BEGIN
    SELECT r.counts INTO counted FROM precedent_retries r WHERE r.precedent_id = NEW.id;
    IF FOUND THEN
        PERFORM add_to_cause(NEW.workspace_id, OLD.cause, counted, '{}');
        PERFORM add_to_cause(NEW.workspace_id, NEW.cause, '{}', counted);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER precedents_cause AFTER UPDATE ON precedents
    FOR EACH ROW WHEN (OLD.cause IS DISTINCT FROM NEW.cause) EXECUTE FUNCTION cause_changed();

-- All causes of a workspace: {cause: {"bucket/attempt": [succeeded, failed]}}.
CREATE VIEW workspace_retries AS
    SELECT c.workspace_id, jsonb_object_agg(c.cause, c.cells) AS by_cause
    FROM (
        SELECT workspace_id, cause, jsonb_object_agg(cell, jsonb_build_array(succeeded, failed)) AS cells
        FROM cause_retries WHERE succeeded + failed > 0
        GROUP BY workspace_id, cause
    ) c
    GROUP BY c.workspace_id;

-- What was recorded before this migration.
SELECT recount_retries(o.precedent_id) FROM (SELECT DISTINCT precedent_id FROM outcomes ORDER BY 1) o;
