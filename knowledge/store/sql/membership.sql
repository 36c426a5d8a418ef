-- name: own_workspace
-- What belongs where is what recording reads: nobody records in this workspace meanwhile.
SELECT own_workspace(%(workspace_id)s::int)

-- name: lock
-- In one order, as everywhere, so that nobody waits in a circle.
SELECT id, workspace_id, source, version, merged_into, verdict_override, cause_override, action_override,
       resolution_summary, occurrences, created_at
FROM precedents WHERE id = ANY (%(ids)s) AND workspace_id IN (%(workspace_id)s::int, 0)
ORDER BY workspace_id, id FOR NO KEY UPDATE

-- name: contents
-- What a merge moves, so that taking it back can move the same; incidents go with their signatures.
SELECT p.id,
       ARRAY(SELECT s.id FROM signatures s WHERE s.precedent_id = p.id) AS signatures,
       ARRAY(SELECT r.id FROM resolutions r WHERE r.precedent_id = p.id AND r.incident_id IS NULL) AS resolutions,
       ARRAY(SELECT t.id FROM storms t WHERE t.precedent_id = p.id) AS storms,
       ARRAY(SELECT m.id FROM precedents m WHERE m.merged_into = p.id) AS followers
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS asked (id, nr) JOIN precedents p USING (id) ORDER BY asked.nr

-- name: end_storms
-- Two that go on at once become one: the latest.
UPDATE storms s SET state = 'expired', ends_at = least(s.ends_at, clock_timestamp()), version = s.version + 1
WHERE s.state = 'active' AND s.precedent_id = ANY (%(sources)s || %(into)s::uuid) AND s.id <> (
    SELECT t.id FROM storms t WHERE t.state = 'active' AND t.precedent_id = ANY (%(sources)s || %(into)s::uuid)
    ORDER BY t.since DESC, t.id DESC LIMIT 1)

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

-- name: move_storms
-- All storms of the sources.
UPDATE storms SET precedent_id = %(into)s WHERE precedent_id = ANY (%(sources)s)

-- name: mark_merged
-- Also what was merged into a source before: one step always leads to the precedent that lives.
UPDATE precedents SET merged_into = %(into)s, version = version + 1, updated_at = now()
WHERE id = ANY (%(sources)s) OR merged_into = ANY (%(sources)s)

-- name: add
-- The precedent that a split makes. What was advised of it repeats what was said of the whole.
INSERT INTO precedents (id, workspace_id, verdict_override_at)
SELECT %(id)s, workspace_id, verdict_override_at FROM precedents WHERE id = %(whole)s

-- name: revive
-- One that was merged away lives again, and leads those to it that had been merged into it before.
UPDATE precedents SET merged_into = CASE WHEN id <> %(id)s THEN %(id)s::uuid END, version = version + 1, updated_at = now()
WHERE id = %(id)s OR id = ANY (%(followers)s)

-- name: named
-- Signatures by fingerprint, with those of older versions that they followed.
WITH RECURSIVE named (id) AS (
    SELECT id FROM signatures WHERE precedent_id = %(id)s AND fingerprint = ANY (%(fingerprints)s)
    UNION SELECT s.id FROM signatures s JOIN named n ON s.superseded_by = n.id WHERE s.precedent_id = %(id)s
)
SELECT id FROM named

-- name: descendants
-- Signatures and what came of them by re-signing since; what stayed with the other side stays with it.
WITH RECURSIVE line (id) AS (
    SELECT unnest(%(ids)s::uuid[])
    UNION SELECT s.id FROM signatures s JOIN line n ON s.resigned_from = n.id WHERE s.id <> ALL (%(staying)s::uuid[])
)
SELECT id FROM line

-- name: part_signatures
-- Those that leave.
UPDATE signatures SET precedent_id = %(new)s, version = version + 1
WHERE precedent_id = %(id)s AND id = ANY (%(signatures)s)

-- name: part_incidents
-- Incidents go with their signature.
UPDATE incidents SET precedent_id = %(new)s
WHERE precedent_id = %(id)s AND signature_id IN (SELECT id FROM signatures WHERE precedent_id = %(new)s)

-- name: part_resolutions
-- Resolutions go with their incident; of those said of a whole, the ones that are named.
UPDATE resolutions SET precedent_id = %(new)s
WHERE precedent_id = %(id)s
  AND (incident_id IN (SELECT id FROM incidents WHERE precedent_id = %(new)s) OR id = ANY (%(resolutions)s))

-- name: part_outcomes
-- Outcomes go with their incident.
UPDATE outcomes SET precedent_id = %(new)s
WHERE precedent_id = %(id)s AND incident_id IN (SELECT id FROM incidents WHERE precedent_id = %(new)s)

-- name: part_storms
-- Those that are named.
UPDATE storms SET precedent_id = %(new)s WHERE precedent_id = %(id)s AND id = ANY (%(storms)s)

-- name: heal
-- A signature whose successor went elsewhere is shown again.
UPDATE signatures s SET superseded_by = NULL, version = s.version + 1
FROM signatures n
WHERE n.id = s.superseded_by AND n.precedent_id <> s.precedent_id AND s.precedent_id = ANY (%(ids)s)

-- name: next_version
-- A split changes what is left, too.
UPDATE precedents SET version = version + 1 WHERE id = %(id)s

-- name: recount
-- Counts follow the incidents.
SELECT recount_precedent(%(id)s)

-- name: touch_signatures
-- The index is to show them anew.
UPDATE signatures SET version = version + 1 WHERE precedent_id = ANY (%(ids)s)
