-- name: find
-- Asked with every first request of a workspace.
SELECT id FROM workspaces WHERE name = %(name)s

-- name: add
-- Two may add the same at once: the second finds the first's.
INSERT INTO workspaces (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING
