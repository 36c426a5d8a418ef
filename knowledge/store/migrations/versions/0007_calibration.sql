-- What was judged of each failure, held against what came out, and what workspaces learn from it.

-- An advice carries what its confidence was made of under `judged`, which readers of the answer do not see. Advice of
-- before has none of it and is not held against anything.
ALTER TABLE advice
    ADD COLUMN odds double precision GENERATED ALWAYS AS ((answer->'judged'->>'odds')::double precision) STORED,
    ADD COLUMN nearest double precision GENERATED ALWAYS AS ((answer->'judged'->>'nearest')::double precision) STORED,
    ADD COLUMN verdict text GENERATED ALWAYS AS (answer->>'verdict') STORED,
    ADD COLUMN confidence double precision GENERATED ALWAYS AS ((answer->>'confidence')::double precision) STORED,
    ADD COLUMN decision text GENERATED ALWAYS AS (answer->'decision'->>'action') STORED;

-- A person's word about a precedent is the truth of the advice given before anybody had said one, of it or of what was
-- merged into it: later advice only repeats what was said, and goes on to do so where it is taken away and said again.
-- So the first time stays.
ALTER TABLE precedents ADD COLUMN verdict_override_at timestamptz;
UPDATE precedents SET verdict_override_at = now() WHERE verdict_override IS NOT NULL;

CREATE FUNCTION note_override() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.verdict_override_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER precedents_override BEFORE UPDATE ON precedents
    FOR EACH ROW WHEN (NEW.verdict_override IS NOT NULL AND NEW.verdict_override_at IS NULL)
    EXECUTE FUNCTION note_override();

-- Where truth comes from, the latest first.
CREATE INDEX precedents_overridden ON precedents (workspace_id, verdict_override_at DESC)
    WHERE verdict_override IS NOT NULL;
CREATE INDEX outcomes_recent ON outcomes (workspace_id, created_at DESC);
CREATE INDEX resolutions_stating ON resolutions (workspace_id, created_at DESC)
    WHERE verdict IS NOT NULL AND incident_id IS NOT NULL;

-- What a workspace learned: `fit` is nothing while there is too little to learn from.
CREATE TABLE calibrations (
    workspace_id integer PRIMARY KEY REFERENCES workspaces,
    looked_at timestamptz NOT NULL,
    fit jsonb, -- {"slope", "intercept", "judged", "wrong_fails": [a share for each threshold]}
    fitted_at timestamptz
);
