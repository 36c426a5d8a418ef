-- Of an idempotency key, only its SHA-256 is kept: callers put ids of their own into it, and nothing needs to read them.
-- Keys that are in use keep working: what they did must not be done a second time after an upgrade.

ALTER TABLE idempotency_keys DROP COLUMN key_hash;  -- and the primary key with it
ALTER TABLE idempotency_keys ADD COLUMN key_hash bytea;
UPDATE idempotency_keys SET key_hash = sha256(convert_to(key, 'UTF8'));
ALTER TABLE idempotency_keys DROP COLUMN key;
ALTER TABLE idempotency_keys ADD PRIMARY KEY (workspace_id, key_hash);
