-- name: latest
-- Asked with every write and read that names no version: another replica may have added one.
SELECT domain, max(version) AS version FROM state_schemas
WHERE workspace_id = %(workspace_id)s AND domain = ANY(%(domains)s) GROUP BY domain

-- name: of_domain
-- All of a domain: one version cannot be reached without those before it.
SELECT domain, version, run, step, upcast, digest, created_at FROM state_schemas
WHERE workspace_id = %(workspace_id)s AND domain = %(domain)s ORDER BY version

-- name: domains
-- Names and numbers only: the schemas themselves may be large.
SELECT domain, array_agg(version ORDER BY version) AS versions FROM state_schemas
WHERE workspace_id = %(workspace_id)s GROUP BY domain ORDER BY domain

-- name: add
-- Nothing is added where the version is there, or the one before it is not.
INSERT INTO state_schemas (workspace_id, domain, version, run, step, upcast, digest)
SELECT %(workspace_id)s, %(domain)s, %(version)s, %(run)s::jsonb, %(step)s::jsonb, %(upcast)s::jsonb, %(digest)s
WHERE %(version)s = 1 + (SELECT coalesce(max(version), 0) FROM state_schemas
                         WHERE workspace_id = %(workspace_id)s AND domain = %(domain)s)
ON CONFLICT DO NOTHING
