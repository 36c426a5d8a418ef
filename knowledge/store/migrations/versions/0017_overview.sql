-- Days of a workspace, counted for the overview: a quarter of them is read in a millisecond and counted in seconds. What
-- is counted is in `knowledge/store/overview.py`; days are UTC's, and are stored once they are over.

CREATE TABLE overview_days (
    workspace_id integer NOT NULL REFERENCES workspaces,
    day date NOT NULL,
    counts jsonb NOT NULL,
    counted_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, day)
);
