-- name: say
-- Where resolutions are to be had. Said otherwise, it is another fix: nothing has shown yet that it does not hold.
UPDATE resolutions r SET fixed_in = said.fixed_in,
       regressed_at = CASE WHEN r.fixed_in = said.fixed_in THEN r.regressed_at END,
       regressed_incident_id = CASE WHEN r.fixed_in = said.fixed_in THEN r.regressed_incident_id END,
       seen_in = CASE WHEN r.fixed_in = said.fixed_in THEN r.seen_in END
FROM unnest(%(ids)s::uuid[], %(fixes)s::jsonb[]) AS said (id, fixed_in)
WHERE r.id = said.id

-- name: holding
-- The fixes of these precedents that nothing has shown not to hold.
SELECT p.id, x.fix_id, x.fixed_in, x.fixed_at
FROM unnest(%(ids)s::uuid[]) AS p (id) CROSS JOIN LATERAL fix_of(p.id) x WHERE x.regressed_at IS NULL

-- name: regress
-- The first incident that shows it; of two at once, one.
UPDATE resolutions SET regressed_at = %(at)s, regressed_incident_id = %(incident_id)s, seen_in = %(seen_in)s::jsonb
WHERE id = %(id)s AND regressed_at IS NULL
