-- name: lock
-- Two processes that start at once load one after the other; nobody looks at the starter workspace alone meanwhile.
SELECT own_workspace(0)

-- name: hold
-- All at once in the order of ids, before anything is written: the index worker holds them in that order.
SELECT id FROM precedents WHERE workspace_id = 0 ORDER BY id FOR NO KEY UPDATE

-- name: put_precedents
-- A key keeps its id for ever. What counts as said of it is its catalogue entry, once.
INSERT INTO precedents (id, workspace_id, source, starter_key, component, title, sources, stated_transient,
                        stated_genuine, stated_cause, stated_action, resolution_summary, resolution_action)
SELECT r.id, 0, 'starter', r.starter_key, r.component, r.title, r.sources, (r.verdict = 'transient')::int,
       (r.verdict = 'genuine')::int, r.cause, r.action, r.resolution, r.action
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    id uuid, starter_key text, component text, title text, sources text[], verdict text, cause text, action text,
    resolution text)
ON CONFLICT (id) DO UPDATE SET
    component = excluded.component, title = excluded.title, sources = excluded.sources,
    stated_transient = excluded.stated_transient, stated_genuine = excluded.stated_genuine,
    stated_cause = excluded.stated_cause, stated_action = excluded.stated_action,
    resolution_embedding = CASE WHEN precedents.resolution_summary = excluded.resolution_summary
        THEN precedents.resolution_embedding END,
    resolution_model_id = CASE WHEN precedents.resolution_summary = excluded.resolution_summary
        THEN precedents.resolution_model_id END,
    resolution_summary = excluded.resolution_summary, resolution_action = excluded.resolution_action,
    version = precedents.version + 1, retired_at = NULL, updated_at = now()

-- name: put_signatures
-- A vector stays as long as its text does.
INSERT INTO signatures (id, workspace_id, precedent_id, fingerprint, signature_version, template, exceptions, codes,
                        operations, embedding_text, terms)
SELECT r.id, 0, r.precedent_id, r.fingerprint, r.signature_version, r.template, r.exceptions, r.codes, r.operations,
       r.embedding_text, r.terms
FROM jsonb_populate_recordset(NULL::signature_input, %(rows)s::jsonb) r
ON CONFLICT (id) DO UPDATE SET
    precedent_id = excluded.precedent_id, signature_version = excluded.signature_version, template = excluded.template,
    exceptions = excluded.exceptions, codes = excluded.codes, operations = excluded.operations, terms = excluded.terms,
    embedding = CASE WHEN signatures.embedding_text = excluded.embedding_text THEN signatures.embedding END,
    model_id = CASE WHEN signatures.embedding_text = excluded.embedding_text THEN signatures.model_id END,
    embedding_text = excluded.embedding_text, version = signatures.version + 1, retired = false

-- name: retire_precedents
-- Advice that was given names them: the rows stay.
UPDATE precedents SET retired_at = now(), version = version + 1, updated_at = now()
WHERE workspace_id = 0 AND retired_at IS NULL AND id <> ALL (%(ids)s)

-- name: retire_signatures
-- The index worker takes them out of the index, then deletes them.
UPDATE signatures SET retired = true, version = version + 1
WHERE workspace_id = 0 AND NOT retired AND id <> ALL (%(ids)s)

-- name: wordings
-- What the advisor holds in memory.
SELECT s.precedent_id, s.template, s.exceptions, s.codes, s.operations, s.terms, s.embedding,
       p.title, p.verdict, p.cause, p.action, p.resolution_summary
FROM signatures s JOIN precedents p ON p.id = s.precedent_id
WHERE s.workspace_id = 0 AND NOT s.retired AND s.embedding IS NOT NULL ORDER BY s.id

-- name: vectors
-- What this model made of their texts; a store that is begun anew takes it from a file. What users have said is no part.
SELECT embedding_text AS text, embedding AS vector FROM signatures
WHERE workspace_id = 0 AND NOT retired AND embedding IS NOT NULL AND model_id = %(model_id)s
UNION ALL
SELECT resolution_summary, resolution_embedding FROM precedents
WHERE workspace_id = 0 AND retired_at IS NULL AND resolution_embedding IS NOT NULL
    AND resolution_model_id = %(model_id)s
