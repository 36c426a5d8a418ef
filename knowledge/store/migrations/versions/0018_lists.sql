-- Lists of incidents by what they are asked for, each in the order in which it is shown: else a list of what is rare, or
-- was seen long ago, is looked for among all incidents.

DROP INDEX incidents_of_precedent;
CREATE INDEX incidents_of_precedent ON incidents (precedent_id, occurred_at DESC, id DESC);

-- What was said of the incident itself; of the others their precedent decides.
CREATE INDEX incidents_of_verdict ON incidents (workspace_id, verdict, occurred_at DESC, id DESC) WHERE verdict IS NOT NULL;
CREATE INDEX incidents_of_cause ON incidents (workspace_id, cause, occurred_at DESC, id DESC) WHERE cause IS NOT NULL;
