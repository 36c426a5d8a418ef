-- name: override
-- A person's word: it stays whatever recurs.
UPDATE precedents SET verdict_override = %(verdict)s, cause_override = %(cause)s, action_override = %(action)s,
       version = version + 1, updated_at = now()
WHERE id = %(id)s

-- name: add_resolution
-- Said of the precedent as a whole; brought back as it was.
INSERT INTO resolutions (id, workspace_id, precedent_id, summary, action, author, fixed_in, created_at)
VALUES (%(resolution_id)s, %(workspace_id)s, %(id)s, %(summary)s, %(action)s, %(author)s, %(fixed_in)s::jsonb,
        coalesce(%(at)s::timestamptz, clock_timestamp()))
RETURNING created_at

-- name: remove_resolution
-- Said by mistake.
DELETE FROM resolutions WHERE id = %(id)s

-- name: show_resolution
-- The precedent shows the latest; a changed text needs a new vector.
UPDATE precedents SET
    stated_action = coalesce(%(action)s, stated_action),
    resolution_embedding = CASE WHEN resolution_summary = %(summary)s THEN resolution_embedding END,
    resolution_model_id = CASE WHEN resolution_summary = %(summary)s THEN resolution_model_id END,
    resolution_summary = %(summary)s, resolution_action = %(action)s, resolution_author = %(author)s,
    resolution_at = %(at)s
WHERE id = %(id)s

-- name: inherit_overrides
-- People's corrections outlive a merge: the target's own first, then those of the first source that has any. A verdict
-- is said since the first of them said one.
UPDATE precedents p SET
    verdict_override = coalesce(p.verdict_override, s.verdict_override),
    verdict_override_at = least(p.verdict_override_at, s.verdict_override_at),
    cause_override = coalesce(p.cause_override, s.cause_override),
    action_override = coalesce(p.action_override, s.action_override), updated_at = now()
FROM (
    SELECT (array_agg(verdict_override ORDER BY nr) FILTER (WHERE verdict_override IS NOT NULL))[1] AS verdict_override,
           min(verdict_override_at) AS verdict_override_at,
           (array_agg(cause_override ORDER BY nr) FILTER (WHERE cause_override IS NOT NULL))[1] AS cause_override,
           (array_agg(action_override ORDER BY nr) FILTER (WHERE action_override IS NOT NULL))[1] AS action_override
    FROM unnest(%(sources)s::uuid[]) WITH ORDINALITY AS asked (id, nr) JOIN precedents USING (id)
) s
WHERE p.id = %(into)s
RETURNING p.verdict_override, p.cause_override, p.action_override, p.resolution_summary

-- name: keep
-- With its entry in the audit log, whose id it has.
INSERT INTO corrections (id, workspace_id, kind, precedents, fields, state, root)
VALUES (%(id)s, %(workspace_id)s, %(kind)s, %(precedents)s, %(fields)s, %(state)s::jsonb, %(root)s)

-- name: find
-- A change of this precedent, with the one that it takes or brings back (itself, if it is no undo).
SELECT c.id, c.root, c.precedents, c.undone_by, r.kind, r.state, r.effective, a.action, a.before, a.after
FROM corrections c JOIN corrections r ON r.id = c.root JOIN audit_log a ON a.id = r.id
WHERE c.id = %(id)s AND c.workspace_id = %(workspace_id)s AND %(precedent)s = ANY (c.precedents)

-- name: in_the_way
-- What touches the same precedents and does not hold now as it held when the change was made. Patches of different
-- fields do not mind each other.
WITH change AS (
    SELECT c.number AS made, r.id, r.kind, r.precedents, r.fields
    FROM corrections c JOIN corrections r ON r.id = c.root WHERE c.id = %(id)s
), others AS (
    SELECT r.id, r.number, r.effective, r.number <= change.made AND (
               SELECT count(*) FROM corrections u WHERE u.root = r.id AND u.id <> r.id AND u.number <= change.made
           ) %% 2 = 0 AS held
    FROM change JOIN corrections r ON r.root = r.id AND r.id <> change.id AND r.precedents && change.precedents
    WHERE r.kind <> 'patch' OR change.kind <> 'patch' OR r.fields && change.fields
)
SELECT o.id, a.action, a.at FROM others o JOIN audit_log a ON a.id = o.id
WHERE o.effective <> o.held ORDER BY o.number DESC LIMIT 1

-- name: toggle
-- Taken back or brought back.
UPDATE corrections SET effective = CASE WHEN id = %(root)s THEN NOT effective ELSE effective END,
       state = CASE WHEN id = %(root)s THEN %(state)s::jsonb END,
       undone_by = CASE WHEN id = %(change)s THEN %(by)s::uuid ELSE undone_by END
WHERE id IN (%(root)s, %(change)s)

-- name: history
-- What was done to a precedent, newest first: entries about it, and those about others that touched it.
SELECT a.id, a.at, a.actor, a.action, a.subject_id, a.also, a.reason, a.before, a.after, c.undone_by,
       c.undone_by IS NULL AND r.state IS NOT NULL AS undoable
FROM (
    (SELECT * FROM audit_log
     WHERE workspace_id = %(workspace_id)s AND subject_id = %(id)s
       AND (%(after_time)s::timestamptz IS NULL OR (at, id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
     ORDER BY at DESC, id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM audit_log
     WHERE workspace_id = %(workspace_id)s AND also <> '{}' AND also @> ARRAY[%(id)s::uuid]
       AND (%(after_time)s::timestamptz IS NULL OR (at, id) < (%(after_time)s::timestamptz, %(after_id)s::uuid))
     ORDER BY at DESC, id DESC LIMIT %(limit)s)
) a
LEFT JOIN corrections c ON c.id = a.id LEFT JOIN corrections r ON r.id = c.root
ORDER BY a.at DESC, a.id DESC LIMIT %(limit)s

-- name: exists
-- Whether a workspace can see a precedent, merged away or not.
SELECT id FROM precedents WHERE id = %(id)s AND workspace_id IN (%(workspace_id)s::int, 0)
