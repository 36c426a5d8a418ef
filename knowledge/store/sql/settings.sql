-- name: get
-- One value.
SELECT value FROM settings WHERE key = %(key)s

-- name: put
-- The last one who writes wins.
INSERT INTO settings (key, value) VALUES (%(key)s, %(value)s::jsonb)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now()
