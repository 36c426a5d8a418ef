-- What the pages ask: precedents seen last, searches that people keep, and whether a resolution helped.

-- Lists go by the time that the index was last told of: it moves seldom, so that most recurrences still stay within
-- their page, and a list hardly moves under its reader. What is filtered by is in an index of its own with that time.
CREATE INDEX precedents_latest ON precedents (workspace_id, announced_last_seen DESC, id DESC)
    WHERE source = 'incident' AND merged_into IS NULL AND announced_last_seen IS NOT NULL;
CREATE INDEX precedents_latest_verdict ON precedents (workspace_id, verdict, announced_last_seen DESC, id DESC)
    WHERE source = 'incident' AND merged_into IS NULL AND announced_last_seen IS NOT NULL;
CREATE INDEX precedents_latest_cause ON precedents (workspace_id, cause, announced_last_seen DESC, id DESC)
    WHERE source = 'incident' AND merged_into IS NULL AND announced_last_seen IS NOT NULL;
CREATE INDEX precedents_latest_resolved
    ON precedents (workspace_id, ((resolution_summary IS NOT NULL)::int), announced_last_seen DESC, id DESC)
    WHERE source = 'incident' AND merged_into IS NULL AND announced_last_seen IS NOT NULL;
CREATE INDEX precedents_pipelines ON precedents USING gin (pipelines)
    WHERE source = 'incident' AND merged_into IS NULL AND announced_last_seen IS NOT NULL;

CREATE TABLE saved_searches (
    id uuid PRIMARY KEY,
    workspace_id integer NOT NULL REFERENCES workspaces,
    name text NOT NULL,
    fields jsonb NOT NULL, -- those of the page's address
    saved_by text,
    saved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- A name again is the same search, said otherwise.
CREATE UNIQUE INDEX saved_searches_name ON saved_searches (workspace_id, md5(name));

-- One vote of each voter, who is known by a hash alone. It goes with the resolution, wherever that is moved.
CREATE TABLE resolution_votes (
    resolution_id uuid NOT NULL REFERENCES resolutions ON DELETE CASCADE,
    voter bytea NOT NULL,
    helped boolean NOT NULL,
    voted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (resolution_id, voter)
);
