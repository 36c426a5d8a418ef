-- name: add
-- With what makes it found. No row: the run is not there.
INSERT INTO decision_records (id, workspace_id, run, step, agent, kind, choice, rationale, reasons, incident_id, embedding,
                              model_id)
SELECT %(id)s::uuid, r.workspace_id, r.id, %(step)s, %(agent)s, %(kind)s, %(choice)s::jsonb, %(rationale)s,
       %(reasons)s::jsonb, %(incident_id)s, %(embedding)s, %(model_id)s
FROM runs r WHERE r.workspace_id = %(workspace_id)s AND r.run_id = %(run_id)s
RETURNING created_at

-- name: of_run
-- In the order in which they were made; none for a run that is not there.
SELECT d.id, r.run_id, r.pipeline, d.step, d.agent, d.kind, d.choice, d.rationale, d.reasons, d.incident_id, d.created_at
FROM runs r JOIN decision_records d ON d.run = r.id
WHERE r.workspace_id = %(workspace_id)s AND r.run_id = %(run_id)s
  AND (%(after_time)s::timestamptz IS NULL
       OR (d.created_at, d.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY d.created_at, d.id LIMIT %(limit)s

-- name: by_ids
-- What a search shows.
SELECT d.id, r.run_id, r.pipeline, d.step, d.agent, d.kind, d.choice, d.rationale, d.reasons, d.incident_id, d.created_at
FROM decision_records d JOIN runs r ON r.id = d.run
WHERE d.id = ANY(%(ids)s) AND d.workspace_id = %(workspace_id)s

-- name: ids
-- The latest, of the index alone: those who search by meaning have most of their vectors already.
SELECT id FROM decision_records
WHERE workspace_id = %(workspace_id)s AND id >= %(since)s ORDER BY id DESC LIMIT %(limit)s

-- name: vectors
-- Without a vector where it is of another model.
SELECT d.id, d.kind, d.agent, r.pipeline, CASE WHEN d.model_id = %(model_id)s THEN d.embedding END AS embedding
FROM decision_records d JOIN runs r ON r.id = d.run
WHERE d.id = ANY(%(ids)s) AND d.workspace_id = %(workspace_id)s

-- name: by_words
-- Any of the words, but for those that tell nothing: they stand in more than a third of what there is, or in a thousand
-- and more. Words are quoted as the query's own syntax wants it; those that would need more than that are left out.
WITH asked AS (
    SELECT ('''' || lexeme || '''')::tsquery AS word FROM unnest(to_tsvector('simple', %(text)s::text))
    WHERE lexeme !~ '[''\\]' LIMIT 40
), size AS (
    SELECT count(*) AS number FROM (
        SELECT FROM decision_records WHERE workspace_id = %(workspace_id)s LIMIT 3 * %(usual)s) counted
), telling AS (
    SELECT word FROM asked, size WHERE (
        SELECT count(*) FROM (
            SELECT FROM decision_records WHERE workspace_id = %(workspace_id)s AND search @@ word LIMIT %(usual)s + 1) hit
    ) <= greatest(5, least(size.number / 3, %(usual)s))
), wanted AS (
    SELECT string_agg(word::text, ' | ')::tsquery AS words FROM telling
)
SELECT d.id FROM decision_records d JOIN runs r ON r.id = d.run, wanted
WHERE d.workspace_id = %(workspace_id)s AND d.search @@ wanted.words
  AND (%(kind)s::text IS NULL OR d.kind = %(kind)s::text)
  AND (%(agent)s::text IS NULL OR d.agent = %(agent)s::text)
  AND (%(pipeline)s::text IS NULL OR r.pipeline = %(pipeline)s::text)
ORDER BY ts_rank_cd(d.search, wanted.words, 1) DESC, d.id DESC LIMIT %(limit)s

-- name: latest
-- Without a question: the newest.
SELECT d.id FROM decision_records d JOIN runs r ON r.id = d.run
WHERE d.workspace_id = %(workspace_id)s
  AND (%(kind)s::text IS NULL OR d.kind = %(kind)s::text)
  AND (%(agent)s::text IS NULL OR d.agent = %(agent)s::text)
  AND (%(pipeline)s::text IS NULL OR r.pipeline = %(pipeline)s::text)
ORDER BY d.id DESC LIMIT %(limit)s

-- name: unembedded
-- Of another model, or of none: the latest first, for they are searched. Three looks at an index of models.
SELECT d.id, r.run_id, r.pipeline, d.step, d.agent, d.kind, d.choice, d.rationale, d.reasons, d.incident_id, d.created_at
FROM (
    (SELECT * FROM decision_records WHERE model_id IS NULL ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM decision_records WHERE model_id < %(model_id)s ORDER BY model_id, id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM decision_records WHERE model_id > %(model_id)s ORDER BY model_id, id DESC LIMIT %(limit)s)
) d JOIN runs r ON r.id = d.run
ORDER BY d.id DESC LIMIT %(limit)s

-- name: embed
-- Waits for nobody: what another embeds or forgets just now is theirs.
UPDATE decision_records d SET embedding = made.embedding, model_id = %(model_id)s
FROM unnest(%(ids)s::uuid[], %(embeddings)s::bytea[]) AS made (id, embedding)
WHERE d.id = made.id AND d.id IN (
    SELECT id FROM decision_records WHERE id = ANY (%(ids)s::uuid[]) FOR NO KEY UPDATE SKIP LOCKED)
