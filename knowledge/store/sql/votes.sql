-- name: vote
-- Of a resolution of this workspace; a voter's second vote takes the place of the first.
INSERT INTO resolution_votes (resolution_id, voter, helped)
SELECT r.id, %(voter)s, %(helped)s FROM resolutions r
WHERE r.id = %(id)s AND r.workspace_id = %(workspace_id)s::int AND r.precedent_id = %(precedent_id)s
ON CONFLICT (resolution_id, voter) DO UPDATE SET helped = excluded.helped, voted_at = clock_timestamp()
RETURNING resolution_id

-- name: withdraw
-- A vote is taken back, also of others of the same words.
DELETE FROM resolution_votes v USING resolutions r, resolutions same
WHERE r.id = %(id)s AND r.workspace_id = %(workspace_id)s::int AND r.precedent_id = %(precedent_id)s
  AND same.precedent_id = r.precedent_id AND md5(same.summary) = md5(r.summary)
  AND v.resolution_id = same.id AND v.voter = %(voter)s

-- name: voted
-- A precedent's resolutions, those of the same words as one: what helped most first, and of those as good the latest.
-- Of a voter the last vote counts; `own` is that of the one who looks.
WITH said AS (
    SELECT DISTINCT ON (md5(summary)) id, md5(summary) AS words, incident_id, summary, action, author, fixed_in,
           regressed_at, created_at, count(*) OVER (PARTITION BY md5(summary)) AS times
    FROM resolutions WHERE precedent_id = %(precedent_id)s AND workspace_id = %(workspace_id)s::int
    ORDER BY md5(summary), created_at DESC, id DESC
), votes AS (
    SELECT DISTINCT ON (md5(r.summary), v.voter) md5(r.summary) AS words, v.voter, v.helped
    FROM resolutions r JOIN resolution_votes v ON v.resolution_id = r.id
    WHERE r.precedent_id = %(precedent_id)s AND r.workspace_id = %(workspace_id)s::int
    ORDER BY md5(r.summary), v.voter, v.voted_at DESC
), counted AS (
    SELECT words, count(*) FILTER (WHERE helped) AS helped, count(*) FILTER (WHERE NOT helped) AS not_helped,
           bool_or(helped) FILTER (WHERE voter = %(voter)s) AS own
    FROM votes GROUP BY words
)
SELECT s.id, s.incident_id, s.summary, s.action, s.author, s.fixed_in, s.regressed_at, s.created_at, s.times,
       coalesce(c.helped, 0) AS helped, coalesce(c.not_helped, 0) AS not_helped, c.own
FROM said s LEFT JOIN counted c ON c.words = s.words
ORDER BY coalesce(c.helped - c.not_helped, 0) DESC, s.created_at DESC, s.id DESC LIMIT %(limit)s
