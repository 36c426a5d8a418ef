-- Precedents in the order in which everybody takes them, so that a reindex takes them page by page. How that order goes
-- on is told in `knowledge/store/contention.py`.

CREATE INDEX precedents_in_order ON precedents (workspace_id, id);
