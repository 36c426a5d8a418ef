-- name: open
-- A channel that is new is told of what comes from now on.
INSERT INTO notice_channels (workspace_id, channel) VALUES (%(workspace_id)s, %(channel)s) ON CONFLICT DO NOTHING

-- name: lock
-- One replica at a time looks for what is new.
SELECT seen_until, now() AS at FROM notice_channels
WHERE workspace_id = %(workspace_id)s AND channel = %(channel)s FOR UPDATE

-- name: add_precedents
-- By keyset, from a while before the last look on: a transaction that began earlier may have ended later, and what has
-- a notice gets no second one. What is imported from long ago is no news. What people have only asked about is none yet:
-- its notice is due never, until it fails.
INSERT INTO notices (workspace_id, channel, subject, subject_id, incident_id, due_at)
SELECT %(workspace_id)s::int, %(channel)s, 'precedent', p.id, i.id, CASE WHEN i.asked THEN timestamptz 'infinity' ELSE now() END
FROM precedents p JOIN LATERAL (
    SELECT i.id, coalesce(i.external_id, '') LIKE ANY (%(asked)s::text[]) AS asked FROM incidents i
    WHERE i.precedent_id = p.id AND i.occurred_at > now() - %(lately)s::interval
    ORDER BY asked, i.occurred_at DESC, i.id DESC LIMIT 1
) i ON true
WHERE p.workspace_id = %(workspace_id)s::int AND p.source = 'incident' AND p.merged_into IS NULL
  AND p.created_at > %(since)s::timestamptz - %(overlap)s::interval AND p.last_seen > now() - %(lately)s::interval
  AND NOT EXISTS (
      SELECT FROM notices n WHERE n.workspace_id = p.workspace_id AND n.channel = %(channel)s
          AND n.subject = 'precedent' AND n.subject_id = p.id)
ORDER BY p.created_at, p.id LIMIT %(most)s
ON CONFLICT DO NOTHING
RETURNING (SELECT p.created_at FROM precedents p WHERE p.id = subject_id) AS made_at, isfinite(due_at) AS is_news

-- name: begin_failing
-- What was only asked about has failed, for the first time: it is news now, but where that was long ago.
UPDATE notices n SET incident_id = i.id, due_at = CASE WHEN i.lately THEN now() END
FROM notices held JOIN LATERAL (
    SELECT i.id, i.occurred_at > now() - %(lately)s::interval AS lately FROM incidents i
    WHERE i.precedent_id = held.subject_id AND NOT coalesce(i.external_id, '') LIKE ANY (%(asked)s::text[])
    ORDER BY i.occurred_at DESC, i.id DESC LIMIT 1
) i ON true
WHERE held.workspace_id = %(workspace_id)s::int AND held.channel = %(channel)s AND held.due_at = 'infinity'
  AND held.subject = 'precedent'
  AND (n.workspace_id, n.channel, n.subject, n.subject_id)
      = (held.workspace_id, held.channel, held.subject, held.subject_id)
RETURNING i.lately AS is_news

-- name: seen
-- The place to go on from.
UPDATE notice_channels SET seen_until = %(until)s WHERE workspace_id = %(workspace_id)s AND channel = %(channel)s

-- name: add_storms
-- Those that go on, and those that came and went between two looks.
INSERT INTO notices (workspace_id, channel, subject, subject_id, incident_id)
SELECT s.workspace_id, %(channel)s, 'storm', s.id, i.id
FROM storms s JOIN LATERAL (
    SELECT i.id FROM incidents i WHERE i.storm_id = s.id AND i.precedent_id = s.precedent_id AND i.occurred_at >= s.since
    ORDER BY i.occurred_at DESC, i.id DESC LIMIT 1
) i ON true
WHERE s.workspace_id = %(workspace_id)s::int AND s.since > now() - interval '2 days'
  AND s.ends_at > now() - %(lately)s::interval
ON CONFLICT DO NOTHING

-- name: free
-- Whether the channel may be sent to: behind its lock, so that two replicas do not both think so. And whether many wait.
SELECT (SELECT count(*) FROM (
            SELECT FROM notices n WHERE n.workspace_id = c.workspace_id AND n.channel = c.channel
                AND n.subject = 'precedent' AND n.message IS NULL AND n.due_at <= now()
                AND (n.taken_until IS NULL OR n.taken_until <= now())
            LIMIT %(many)s + 1) waiting) > %(many)s AS crowded
FROM notice_channels c
WHERE c.workspace_id = %(workspace_id)s AND c.channel = %(channel)s AND c.free_at <= now()
FOR UPDATE SKIP LOCKED

-- name: take
-- What has waited longest, storms first. Whoever takes it and dies leaves it to others after a while.
UPDATE notices n SET taken_until = now() + %(lease)s::interval
FROM (
    SELECT workspace_id, channel, subject, subject_id FROM notices
    WHERE workspace_id = %(workspace_id)s AND channel = %(channel)s AND due_at <= now()
      AND (taken_until IS NULL OR taken_until <= now())
      AND (NOT %(together)s::bool OR (subject = 'precedent' AND message IS NULL))
    ORDER BY subject = 'storm' DESC, due_at, subject_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
) t
WHERE (n.workspace_id, n.channel, n.subject, n.subject_id) = (t.workspace_id, t.channel, t.subject, t.subject_id)
RETURNING n.subject, n.subject_id, n.incident_id, n.message, n.detailed, n.told

-- name: pause
-- Nothing is sent to the channel for so long.
UPDATE notice_channels SET free_at = greatest(free_at, now() + %(wait)s::interval)
WHERE workspace_id = %(workspace_id)s AND channel = %(channel)s

-- name: posted
-- At once after the message was sent: another try would send a second one.
UPDATE notices SET message = %(message)s, told = %(told)s::jsonb
WHERE workspace_id = %(workspace_id)s AND channel = %(channel)s AND subject = %(subject)s AND subject_id = %(subject_id)s

-- name: posted_together
-- One message for all of them, with which they are done.
UPDATE notices SET message = %(message)s, taken_until = NULL, due_at = NULL
WHERE workspace_id = %(workspace_id)s AND channel = %(channel)s AND subject = 'precedent' AND subject_id = ANY (%(ids)s)

-- name: detailed
-- Its thread has the details.
UPDATE notices SET detailed = true
WHERE workspace_id = %(workspace_id)s AND channel = %(channel)s AND subject = %(subject)s AND subject_id = %(subject_id)s

-- name: give_back
-- Done for now, and due again then; without a time, done for ever.
UPDATE notices SET taken_until = NULL, told = coalesce(%(told)s::jsonb, told), due_at = now() + %(wait)s::interval
WHERE workspace_id = %(workspace_id)s AND channel = %(channel)s AND subject = %(subject)s AND subject_id = %(subject_id)s
