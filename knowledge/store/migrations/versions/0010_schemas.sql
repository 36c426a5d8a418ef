-- Schemas of attributes that workspaces registered, beside those that ship.

-- A version is never changed: its digest tells whether it is given again or given anew.
CREATE TABLE state_schemas (
    workspace_id integer NOT NULL REFERENCES workspaces,
    domain text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    run jsonb NOT NULL,
    step jsonb,
    upcast jsonb NOT NULL, -- how attributes of the version before are brought to this one
    digest bytea NOT NULL, -- SHA-256 of the three
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, domain, version)
);
