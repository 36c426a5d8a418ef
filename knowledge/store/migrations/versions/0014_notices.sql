-- Notices: which channel of a chat was told of which new precedents and storms, and what its message says.
--
-- Locks: a channel's row, then its notices; nothing else is locked with them.

CREATE TABLE notice_channels (
    workspace_id integer NOT NULL REFERENCES workspaces,
    channel text NOT NULL,
    seen_until timestamptz NOT NULL DEFAULT now(), -- precedents made by then have a notice, or were none to tell of
    free_at timestamptz NOT NULL DEFAULT now(), -- nothing is sent before: our own pace, or as the chat has asked
    PRIMARY KEY (workspace_id, channel)
);

CREATE TABLE notices (
    workspace_id integer NOT NULL,
    channel text NOT NULL,
    subject text NOT NULL CHECK (subject IN ('precedent', 'storm')),
    subject_id uuid NOT NULL,
    incident_id uuid NOT NULL, -- of which the details are
    message text, -- the chat's own id; none: not sent yet
    detailed boolean NOT NULL DEFAULT false, -- whether the message's thread has its details
    told jsonb, -- what the message says
    due_at timestamptz DEFAULT now(), -- none: there is nothing more to say
    taken_until timestamptz, -- somebody is at it
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, channel, subject, subject_id),
    FOREIGN KEY (workspace_id, channel) REFERENCES notice_channels ON DELETE CASCADE
);
CREATE INDEX notices_due ON notices (workspace_id, channel, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX precedents_new ON precedents (workspace_id, created_at, id) WHERE source = 'incident';
