-- Decision records: why an agent chose something, kept with the run, found by meaning and by word.

CREATE TABLE decision_records (
    id uuid PRIMARY KEY, -- by time
    workspace_id integer NOT NULL REFERENCES workspaces,
    run uuid NOT NULL REFERENCES runs,
    step text,
    agent text NOT NULL,
    kind text NOT NULL,
    choice jsonb NOT NULL,
    rationale text NOT NULL,
    reasons jsonb NOT NULL DEFAULT '[]', -- [{"metric", "observed", "comparison", "threshold"}]
    incident_id uuid, -- of a release that was refused
    embedding bytea, -- of what it says, float32 little endian; none, or of another model, until a worker has made it
    model_id text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Words as they are, for rationales are of any language; the rationale's count most. PostgreSQL takes a megabyte of
    -- them: the service bounds what it writes, `left` what somebody else does.
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', left(rationale, 20000)), 'A')
        || setweight(to_tsvector('simple', left(kind, 200)), 'B')
        || setweight(jsonb_to_tsvector('simple', choice, '["key", "string", "numeric"]'), 'C')
    ) STORED
);
CREATE INDEX decision_records_of_run ON decision_records (run, created_at, id);
CREATE INDEX decision_records_latest ON decision_records (workspace_id, id DESC);
CREATE INDEX decision_records_search ON decision_records USING gin (search);
-- Which are to be embedded: those of another model than the one in use.
CREATE INDEX decision_records_model ON decision_records (model_id, id DESC);
