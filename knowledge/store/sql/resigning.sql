-- name: pending_count
-- Signatures that an older version of the signing made, and that were not looked at for this one.
SELECT count(*) AS number FROM signatures
WHERE greatest(signature_version, resigned_for) < %(version)s::int AND superseded_by IS NULL AND NOT retired
  AND workspace_id <> 0

-- name: claim
-- Several processes take different ones. Claimed by advisory locks, that reports of the same failure do not wait for.
SELECT id, workspace_id, fingerprint FROM (
    SELECT id, workspace_id, fingerprint FROM signatures
    WHERE greatest(signature_version, resigned_for) < %(version)s::int AND superseded_by IS NULL AND NOT retired
      AND workspace_id <> 0
    ORDER BY greatest(signature_version, resigned_for), id LIMIT 4 * %(limit)s::int
) candidates
WHERE pg_try_advisory_xact_lock(7306, hashtext(id::text))
LIMIT %(limit)s::int

-- name: samples
-- The latest incidents of a signature, which say best how it is reported today.
SELECT id, occurred_at, error, text FROM incidents
WHERE signature_id = %(id)s ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s

-- name: still_pending
-- Behind the workspace's lock: another process may have done it meanwhile.
SELECT precedent_id FROM signatures
WHERE id = %(id)s AND greatest(signature_version, resigned_for) < %(version)s::int AND superseded_by IS NULL
  AND NOT retired

-- name: precedent_of
-- It may have been merged with another.
SELECT precedent_id FROM signatures WHERE id = %(id)s

-- name: by_fingerprints
-- Who has them already.
SELECT id, fingerprint, precedent_id FROM signatures
WHERE workspace_id = %(workspace_id)s AND fingerprint = ANY (%(fingerprints)s)

-- name: add
-- The new signature, at the precedent of the old one.
INSERT INTO signatures (id, workspace_id, precedent_id, fingerprint, signature_version, template, exceptions, codes,
                        operations, embedding_text, terms, resigned_from)
SELECT r.id, %(workspace_id)s, r.precedent_id, r.fingerprint, r.signature_version, r.template, r.exceptions, r.codes,
       r.operations, r.embedding_text, r.terms, %(origin)s::uuid
FROM jsonb_populate_record(NULL::signature_input, %(signature)s::jsonb) r

-- name: renew
-- The fingerprint stays, what it stands for is said anew; a vector stays as long as its text does.
UPDATE signatures s SET
    signature_version = r.signature_version, template = r.template, exceptions = r.exceptions, codes = r.codes,
    operations = r.operations, terms = r.terms,
    embedding = CASE WHEN s.embedding_text = r.embedding_text THEN s.embedding END,
    model_id = CASE WHEN s.embedding_text = r.embedding_text THEN s.model_id END,
    embedding_text = r.embedding_text, version = s.version + 1
FROM jsonb_populate_record(NULL::signature_input, %(signature)s::jsonb) r
WHERE s.id = r.id

-- name: two
-- Whose wording a fingerprint is, of two precedents, the older first. `others` is what each has beside it.
SELECT p.id, p.occurrences, kept_apart(%(one)s, %(other)s) AS apart, p.verdict_override, p.cause_override,
       p.action_override,
       (SELECT count(*) FROM signatures s WHERE s.precedent_id = p.id AND s.id <> %(signature)s AND NOT s.retired
            AND (s.superseded_by IS NULL OR s.superseded_by = %(signature)s)) AS others
FROM precedents p WHERE p.id IN (%(one)s, %(other)s) ORDER BY p.created_at, p.id

-- name: move_incidents
-- Those whose own wording has another fingerprint than most of their signature.
UPDATE incidents SET signature_id = %(to)s
WHERE signature_id = %(id)s AND id = ANY (%(ids)s) AND occurred_at = ANY (%(times)s)

-- name: done
-- Looked at.
UPDATE signatures SET resigned_for = %(version)s WHERE id = %(id)s

-- name: supersede
-- It has a successor, and so have those that it had followed itself: they leave the index.
UPDATE signatures SET superseded_by = %(successor)s, version = version + 1 WHERE id = %(id)s OR superseded_by = %(id)s
