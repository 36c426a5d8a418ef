-- Resolutions that were proposed and wait for a person. They are kept apart from `resolutions`, so that nothing that
-- counts, judges, learns or is indexed can meet one: what is accepted becomes a resolution then, under the same id.

CREATE TABLE proposed_resolutions (
    id uuid PRIMARY KEY,
    workspace_id integer NOT NULL REFERENCES workspaces,
    incident_id uuid NOT NULL, -- its precedent is the incident's, whatever is merged or split meanwhile
    summary text NOT NULL,
    action text,
    verdict text,
    cause text,
    fixed_in jsonb,
    proposed_by text,
    proposed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'accepted', 'rejected')),
    decided_by text,
    decided_at timestamptz,
    reason text,
    CHECK ((state = 'proposed') = (decided_at IS NULL)),
    CHECK ((state = 'proposed') = (decided_by IS NULL))
);
-- The same said again is the same proposal, also once it was decided about.
CREATE UNIQUE INDEX proposed_resolutions_once ON proposed_resolutions (incident_id, md5(summary));
CREATE INDEX proposed_resolutions_page ON proposed_resolutions (workspace_id, state, proposed_at DESC, id DESC);
