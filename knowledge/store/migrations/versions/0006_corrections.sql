-- Corrections that can be taken back and outlive a new masking, and fixes that say where they are.
--
-- Locks: as in 0002; corrections and re-signing take the workspace alone, then precedents by id.

-- An entry tells of one precedent and may touch others: a merge all that it joined.
ALTER TABLE audit_log ADD COLUMN also uuid[] NOT NULL DEFAULT '{}';
CREATE INDEX audit_log_also ON audit_log USING gin (also) WHERE also <> '{}';

-- What people (and re-signing) said of precedents, with all that taking it back needs. An undo is a correction as well;
-- `root` is the one that it takes back or brings back, and `effective` tells, at the root, whether it holds now.
-- What holds is a constraint: a split, and a merge taken back, keep their precedents apart.
CREATE TABLE corrections (
    id uuid PRIMARY KEY REFERENCES audit_log,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE, -- in the order in which they were made
    workspace_id integer NOT NULL REFERENCES workspaces,
    kind text NOT NULL CHECK (kind IN ('patch', 'merge', 'split', 'undo')),
    precedents uuid[] NOT NULL,
    fields text[] NOT NULL DEFAULT '{}', -- those that a patch has set
    state jsonb, -- of a root; without it (made before this migration) it cannot be taken back
    root uuid NOT NULL REFERENCES corrections,
    effective boolean NOT NULL DEFAULT true,
    undone_by uuid REFERENCES corrections
);
CREATE INDEX corrections_precedents ON corrections USING gin (precedents);
CREATE INDEX corrections_root ON corrections (root, number);

INSERT INTO corrections (id, workspace_id, kind, precedents, root)
SELECT a.id, a.workspace_id, 'split', ARRAY[a.subject_id, (a.after->>'new')::uuid], a.id
FROM audit_log a
WHERE a.action = 'precedent.split' AND a.subject_id IS NOT NULL AND a.after ? 'new' ORDER BY a.at, a.id;

-- Whether what holds keeps two living precedents apart.
CREATE FUNCTION kept_apart(one uuid, other uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM corrections c
        WHERE c.root = c.id AND (c.kind = 'split' AND c.effective OR c.kind = 'merge' AND NOT c.effective)
          AND c.precedents && ARRAY(
              SELECT p.id FROM precedents p WHERE p.id IN (one, other) OR p.merged_into IN (one, other))
          AND (SELECT count(DISTINCT coalesce(p.merged_into, p.id)) FROM precedents p
               WHERE p.id = ANY (c.precedents) AND coalesce(p.merged_into, p.id) IN (one, other)) = 2
    )
$$;

-- A signature of an older version stays, so that its incidents keep it, and is followed by one of the new version:
-- `superseded_by` its first successor; it leaves the index then. `resigned_from` is whence a successor comes.
-- `resigned_for` is the version that a signature was looked at for.
ALTER TABLE signatures ADD COLUMN superseded_by uuid;
ALTER TABLE signatures ADD COLUMN resigned_from uuid;
ALTER TABLE signatures ADD COLUMN resigned_for integer NOT NULL DEFAULT 0;
CREATE INDEX signatures_to_resign ON signatures (greatest(signature_version, resigned_for), id)
    WHERE superseded_by IS NULL AND NOT retired AND workspace_id <> 0;
CREATE INDEX signatures_superseded ON signatures (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX signatures_resigned_from ON signatures (resigned_from) WHERE resigned_from IS NOT NULL;

-- Where a resolution is a fix that can be had: {"torch": "2.13"}; and the first incident that shows that it does not hold.
ALTER TABLE resolutions ADD COLUMN fixed_in jsonb;
ALTER TABLE resolutions ADD COLUMN regressed_at timestamptz;
ALTER TABLE resolutions ADD COLUMN regressed_incident_id uuid;
ALTER TABLE resolutions ADD COLUMN seen_in jsonb;
CREATE INDEX resolutions_fixes ON resolutions (precedent_id, created_at DESC, id DESC) WHERE fixed_in IS NOT NULL;

-- The fix that counts: the latest.
CREATE FUNCTION fix_of(precedent uuid) RETURNS TABLE (
    fix_id uuid, fixed_in jsonb, fixed_at timestamptz, regressed_at timestamptz
) LANGUAGE sql STABLE AS $$
    SELECT r.id, r.fixed_in, r.created_at, r.regressed_at FROM resolutions r
    WHERE r.precedent_id = precedent AND r.fixed_in IS NOT NULL
    ORDER BY r.created_at DESC, r.id DESC LIMIT 1
$$;
