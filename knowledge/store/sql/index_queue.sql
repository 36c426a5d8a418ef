-- name: missing_signature_embeddings
-- Three conditions that an index answers, for "differs from" is one that none does.
(SELECT id, embedding_text AS text FROM signatures WHERE model_id IS NULL AND NOT retired AND superseded_by IS NULL
    LIMIT %(limit)s)
UNION ALL
(SELECT id, embedding_text FROM signatures WHERE model_id < %(model_id)s AND NOT retired AND superseded_by IS NULL
    LIMIT %(limit)s)
UNION ALL
(SELECT id, embedding_text FROM signatures WHERE model_id > %(model_id)s AND NOT retired
    AND superseded_by IS NULL LIMIT %(limit)s)
LIMIT %(limit)s

-- name: missing_resolution_embeddings
-- As above; what was merged away or retired is not looked for any more.
(SELECT id, resolution_summary AS text FROM precedents WHERE resolution_summary IS NOT NULL AND merged_into IS NULL
    AND retired_at IS NULL AND resolution_model_id IS NULL LIMIT %(limit)s)
UNION ALL
(SELECT id, resolution_summary FROM precedents WHERE resolution_summary IS NOT NULL AND merged_into IS NULL
    AND retired_at IS NULL AND resolution_model_id < %(model_id)s LIMIT %(limit)s)
UNION ALL
(SELECT id, resolution_summary FROM precedents WHERE resolution_summary IS NOT NULL AND merged_into IS NULL
    AND retired_at IS NULL AND resolution_model_id > %(model_id)s LIMIT %(limit)s)
LIMIT %(limit)s

-- name: save_signature_embeddings
-- A new vector is something new for the index. Whoever changes signatures holds their precedents, in the order of all:
-- two who change several then never wait in a circle. One that went to another precedent meanwhile is asked for again,
-- and so is one whose text has changed.
WITH held AS (
    SELECT id FROM precedents
    WHERE id IN (SELECT precedent_id FROM signatures WHERE id = ANY (%(ids)s::uuid[])) AND merged_into IS NULL
    ORDER BY workspace_id, id FOR NO KEY UPDATE
)
UPDATE signatures s SET embedding = made.embedding, model_id = %(model_id)s, version = s.version + 1
FROM unnest(%(ids)s::uuid[], %(texts)s::text[], %(embeddings)s::bytea[]) AS made (id, text, embedding)
WHERE s.id = made.id AND s.embedding_text = made.text AND s.precedent_id IN (SELECT id FROM held)

-- name: save_resolution_embeddings
-- Only where the text is still the one that was embedded. What was merged away is held by whoever has its target.
WITH locked AS (
    SELECT id FROM precedents WHERE id = ANY (%(ids)s::uuid[]) AND merged_into IS NULL
    ORDER BY workspace_id, id FOR NO KEY UPDATE
), saved AS (
    UPDATE precedents p SET resolution_embedding = made.embedding, resolution_model_id = %(model_id)s
    FROM unnest(%(ids)s::uuid[], %(texts)s::text[], %(embeddings)s::bytea[]) AS made (id, text, embedding)
    WHERE p.id = made.id AND p.resolution_summary = made.text AND p.id IN (SELECT id FROM locked)
    RETURNING p.id
)
UPDATE signatures s SET version = s.version + 1 FROM saved WHERE s.precedent_id = saved.id

-- name: claim_pending
-- Several workers take different rows. Advisory locks rather than FOR UPDATE SKIP LOCKED: a worker holds its rows while
-- it writes to the index, and a report of the same failure, which moves the row's version, must not wait for that.
-- A row without a vector of this model waits for one. Starter precedents go first: every workspace needs them.
SELECT id FROM (
    SELECT id FROM signatures
    WHERE index_version < version AND (retired OR superseded_by IS NOT NULL OR model_id = %(model_id)s)
    ORDER BY workspace_id, id LIMIT 4 * %(limit)s::int
) candidates
WHERE pg_try_advisory_xact_lock(7303, hashtext(id::text))
LIMIT %(limit)s::int

-- name: read_claimed
-- A statement of its own: its snapshot is newer than the claims, so that no worker reads what another has just replaced.
SELECT s.id AS signature_id, s.precedent_id, s.workspace_id, s.version, s.retired OR s.superseded_by IS NOT NULL AS retired,
       s.embedding, s.fingerprint,
       CASE WHEN p.resolution_model_id = %(model_id)s THEN p.resolution_embedding END AS resolution_embedding,
       s.template, s.exceptions, s.codes, s.operations, s.terms, p.source, p.starter_key, p.title, p.verdict, p.cause,
       p.action, p.pipelines, p.occurrences, p.retries_succeeded, p.retries_failed,
       extract(epoch FROM p.first_seen)::float8 AS first_seen, extract(epoch FROM p.last_seen)::float8 AS last_seen,
       p.resolution_summary, p.resolution_action, p.latest_incident_id, p.latest_external_id AS external_id
FROM signatures s JOIN precedents p ON p.id = s.precedent_id
WHERE s.id = ANY (%(ids)s) ORDER BY s.id

-- name: mark_indexed
-- What changed meanwhile has a higher version and stays pending. So does what is being changed: this holds no precedents,
-- so it waits for nobody.
UPDATE signatures s SET index_version = greatest(s.index_version, done.version)
FROM unnest(%(ids)s::uuid[], %(versions)s::bigint[]) AS done (id, version)
WHERE s.id = done.id AND s.id IN (
    SELECT id FROM signatures WHERE id = ANY (%(ids)s::uuid[]) FOR NO KEY UPDATE SKIP LOCKED)

-- name: delete_retired
-- Out of the index: nothing needs it any more.
DELETE FROM signatures WHERE id IN (
    SELECT id FROM signatures WHERE id = ANY (%(ids)s::uuid[]) AND retired AND index_version >= version
    FOR UPDATE SKIP LOCKED)

-- name: pending_count
-- What `wait=indexed` waits for; without a workspace, all of it.
SELECT count(*) AS number FROM signatures
WHERE index_version < version AND (%(workspace_id)s::int IS NULL OR workspace_id = %(workspace_id)s::int)

-- name: mark_some_stale
-- A reindex: everything is pending, after a page of precedents the next. What moves to another meanwhile has a higher
-- version, and is pending with that.
WITH held AS (
    SELECT workspace_id, id FROM precedents
    WHERE (workspace_id, id) > (%(after_workspace)s::int, %(after)s::uuid) AND merged_into IS NULL
    ORDER BY workspace_id, id LIMIT %(limit)s FOR NO KEY UPDATE
), marked AS (
    UPDATE signatures s SET index_version = 0 FROM held WHERE s.precedent_id = held.id AND s.index_version > 0
    RETURNING s.id
)
SELECT workspace_id, id, (SELECT count(*) FROM marked) AS marked FROM held ORDER BY workspace_id DESC, id DESC LIMIT 1

-- name: mark_stale
-- What the index turned out not to have.
WITH held AS (
    SELECT id FROM precedents
    WHERE id IN (SELECT precedent_id FROM signatures WHERE id = ANY (%(ids)s::uuid[])) AND merged_into IS NULL
    ORDER BY workspace_id, id FOR NO KEY UPDATE
)
UPDATE signatures SET index_version = 0
WHERE id = ANY (%(ids)s::uuid[]) AND index_version > 0 AND precedent_id IN (SELECT id FROM held)

-- name: versions
-- By pages in the order of ids, beside which the index's own are laid.
SELECT id, index_version FROM signatures WHERE id > %(after)s AND superseded_by IS NULL ORDER BY id LIMIT %(limit)s
