-- name: known
-- The way of a known failure: at most two rows a fingerprint, the workspace's own and the starter's. How retries fared
-- after each cause comes with one of them.
SELECT f.*, s.id AS signature_id, s.fingerprint, s.template, s.exceptions, s.codes, s.operations, s.embedding, s.model_id,
       (SELECT t.ends_at FROM storms t WHERE t.precedent_id = f.id ORDER BY t.since DESC LIMIT 1) AS storm_ends_at,
       r.counts AS retry_counts, r.lately_failed, x.fixed_in, x.fixed_at, x.regressed_at,
       CASE WHEN row_number() OVER () = 1
            THEN (SELECT w.by_cause FROM workspace_retries w WHERE w.workspace_id = %(workspace_id)s::int)
       END AS retries_by_cause
FROM signatures s JOIN precedent_facts f ON f.id = s.precedent_id
LEFT JOIN precedent_retries r ON r.precedent_id = f.id
LEFT JOIN LATERAL fix_of(f.id) x ON true
WHERE s.fingerprint = ANY (%(fingerprints)s) AND s.workspace_id IN (%(workspace_id)s::int, 0) AND NOT s.retired

-- name: by_ids
-- One query for all evidence; what was merged answers with what it was merged into. How retries fared after each cause
-- comes with one row.
SELECT asked.id AS asked, f.*, s.id AS signature_id, s.fingerprint, s.template, s.exceptions, s.codes, s.operations,
       r.counts AS retry_counts, r.lately_failed, x.fixed_in, x.fixed_at, x.regressed_at,
       CASE WHEN row_number() OVER () = 1
            THEN (SELECT w.by_cause FROM workspace_retries w WHERE w.workspace_id = %(workspace_id)s::int)
       END AS retries_by_cause
FROM unnest(%(ids)s::uuid[]) AS asked (id)
JOIN precedents a ON a.id = asked.id
JOIN precedent_facts f ON f.id = coalesce(a.merged_into, a.id)
JOIN LATERAL (
    SELECT * FROM signatures s WHERE s.precedent_id = f.id AND NOT s.retired
    ORDER BY s.superseded_by IS NOT NULL, s.created_at, s.id LIMIT 1
) s ON true
LEFT JOIN precedent_retries r ON r.precedent_id = f.id
LEFT JOIN LATERAL fix_of(f.id) x ON true
WHERE f.workspace_id IN (%(workspace_id)s::int, 0)

-- name: signatures_of
-- What a split can name; those of older versions go with the ones that followed them.
SELECT s.id AS signature_id, s.fingerprint, s.template, s.exceptions, s.codes, s.operations
FROM signatures s
WHERE s.precedent_id = %(id)s AND s.workspace_id IN (%(workspace_id)s::int, 0) AND NOT s.retired
  AND s.superseded_by IS NULL
ORDER BY s.created_at, s.id
