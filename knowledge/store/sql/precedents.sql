-- name: known
-- The way of a known failure: at most two rows a fingerprint, the workspace's own and the starter's.
SELECT f.*, s.id AS signature_id, s.fingerprint, s.template, s.exceptions, s.codes, s.operations, s.embedding, s.model_id
FROM signatures s JOIN precedent_facts f ON f.id = s.precedent_id
WHERE s.fingerprint = ANY (%(fingerprints)s) AND s.workspace_id IN (%(workspace_id)s::int, 0) AND NOT s.retired

-- name: by_ids
-- One query for all evidence; what was merged answers with what it was merged into.
SELECT asked.id AS asked, f.*, s.id AS signature_id, s.fingerprint, s.template, s.exceptions, s.codes, s.operations
FROM unnest(%(ids)s::uuid[]) AS asked (id)
JOIN precedents a ON a.id = asked.id
JOIN precedent_facts f ON f.id = coalesce(a.merged_into, a.id)
JOIN LATERAL (
    SELECT * FROM signatures s WHERE s.precedent_id = f.id AND NOT s.retired ORDER BY s.created_at, s.id LIMIT 1
) s ON true
WHERE f.workspace_id IN (%(workspace_id)s::int, 0)

-- name: by_signatures
-- The index names signatures; which precedent they belong to now is known only here.
SELECT f.*, s.id AS signature_id, s.fingerprint, s.template, s.exceptions, s.codes, s.operations
FROM signatures s JOIN precedent_facts f ON f.id = s.precedent_id
WHERE s.id = ANY (%(ids)s) AND s.workspace_id IN (%(workspace_id)s::int, 0) AND NOT s.retired

-- name: signatures_of
-- What a split can name.
SELECT s.id AS signature_id, s.fingerprint, s.template, s.exceptions, s.codes, s.operations
FROM signatures s
WHERE s.precedent_id = %(id)s AND s.workspace_id IN (%(workspace_id)s::int, 0) AND NOT s.retired
ORDER BY s.created_at, s.id

-- name: own_workspace
-- Merge and split move what recording reads: nobody records in this workspace meanwhile.
SELECT own_workspace(%(workspace_id)s::int)

-- name: lock
-- In the order of ids, as everywhere, so that nobody waits in a circle.
SELECT id, source, version, merged_into, verdict_override, cause_override, action_override, resolution_summary,
       resolution_action, resolution_author
FROM precedents WHERE id = ANY (%(ids)s) AND workspace_id IN (%(workspace_id)s::int, 0)
ORDER BY id FOR NO KEY UPDATE

-- name: override
-- A person's word: it stays whatever recurs.
UPDATE precedents SET verdict_override = %(verdict)s, cause_override = %(cause)s, action_override = %(action)s,
       version = version + 1, updated_at = now()
WHERE id = %(id)s

-- name: add_resolution
-- Said of the precedent as a whole.
INSERT INTO resolutions (id, workspace_id, precedent_id, summary, action, author, created_at)
VALUES (%(resolution_id)s, %(workspace_id)s, %(id)s, %(summary)s, %(action)s, %(author)s, clock_timestamp())

-- name: show_resolution
-- The precedent shows the latest; a changed text needs a new vector.
UPDATE precedents SET
    stated_action = coalesce(%(action)s, stated_action),
    resolution_embedding = CASE WHEN resolution_summary = %(summary)s THEN resolution_embedding END,
    resolution_model_id = CASE WHEN resolution_summary = %(summary)s THEN resolution_model_id END,
    resolution_summary = %(summary)s, resolution_action = %(action)s, resolution_author = %(author)s,
    resolution_at = clock_timestamp()
WHERE id = %(id)s

-- name: touch_signatures
-- The index is to show them anew.
UPDATE signatures SET version = version + 1 WHERE precedent_id = ANY (%(ids)s)

-- name: move_signatures
-- All signatures of the sources.
UPDATE signatures SET precedent_id = %(into)s, version = version + 1 WHERE precedent_id = ANY (%(sources)s)

-- name: move_incidents
-- All incidents of the sources.
UPDATE incidents SET precedent_id = %(into)s WHERE precedent_id = ANY (%(sources)s)

-- name: move_resolutions
-- All resolutions of the sources.
UPDATE resolutions SET precedent_id = %(into)s WHERE precedent_id = ANY (%(sources)s)

-- name: move_outcomes
-- All outcomes of the sources.
UPDATE outcomes SET precedent_id = %(into)s WHERE precedent_id = ANY (%(sources)s)

-- name: mark_merged
-- Also what was merged into a source before: one step always leads to the precedent that lives.
UPDATE precedents SET merged_into = %(into)s, version = version + 1, updated_at = now()
WHERE id = ANY (%(sources)s) OR merged_into = ANY (%(sources)s)

-- name: inherit_overrides
-- People's corrections outlive a merge: the target's own first, then those of the first source that has any.
UPDATE precedents p SET
    verdict_override = coalesce(p.verdict_override, s.verdict_override),
    cause_override = coalesce(p.cause_override, s.cause_override),
    action_override = coalesce(p.action_override, s.action_override),
    version = p.version + 1, updated_at = now()
FROM (
    SELECT (array_agg(verdict_override ORDER BY nr) FILTER (WHERE verdict_override IS NOT NULL))[1] AS verdict_override,
           (array_agg(cause_override ORDER BY nr) FILTER (WHERE cause_override IS NOT NULL))[1] AS cause_override,
           (array_agg(action_override ORDER BY nr) FILTER (WHERE action_override IS NOT NULL))[1] AS action_override
    FROM unnest(%(sources)s::uuid[]) WITH ORDINALITY AS asked (id, nr) JOIN precedents USING (id)
) s
WHERE p.id = %(into)s

-- name: recount
-- Counts follow the incidents.
SELECT recount_precedent(%(id)s)

-- name: add
-- The precedent that a split makes.
INSERT INTO precedents (id, workspace_id) VALUES (%(id)s, %(workspace_id)s)

-- name: part_signatures
-- Those that a split names; how many tells whether all of them are there.
UPDATE signatures SET precedent_id = %(new)s, version = version + 1
WHERE precedent_id = %(id)s AND fingerprint = ANY (%(fingerprints)s)

-- name: part_incidents
-- Incidents go with their signature.
UPDATE incidents SET precedent_id = %(new)s
WHERE precedent_id = %(id)s AND signature_id IN (SELECT id FROM signatures WHERE precedent_id = %(new)s)

-- name: part_resolutions
-- Resolutions go with their incident; what was said of the whole stays.
UPDATE resolutions SET precedent_id = %(new)s
WHERE precedent_id = %(id)s AND incident_id IN (SELECT id FROM incidents WHERE precedent_id = %(new)s)

-- name: part_outcomes
-- Outcomes go with their incident.
UPDATE outcomes SET precedent_id = %(new)s
WHERE precedent_id = %(id)s AND incident_id IN (SELECT id FROM incidents WHERE precedent_id = %(new)s)

-- name: next_version
-- A split changes what is left, too.
UPDATE precedents SET version = version + 1 WHERE id = %(id)s
