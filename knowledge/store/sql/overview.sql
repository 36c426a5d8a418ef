-- name: told
-- Failures by day, by what they are known to be, and by what they were last told; the retries that they were spared are
-- told apart by what an attempt had cost. A failure is spared them when it was told to stop, or to hold in a storm, and
-- nothing shows that its run went on: no outcome, no later failure of the same step, no end in success. While a storm
-- lasted, for those that held. Of a failure that names no run nobody can see whether it went on: how many retries it was
-- spared is not known (null), as where it does not say how many were left. Whom a person called transient was stopped
-- wrongly, and is spared nothing.
SELECT date_bin('1 day', i.occurred_at, 'epoch')::date AS day, verdict_of_incident(i.verdict, p.verdict) AS verdict,
       told.verdict AS advised, told.decision, spared.how, spared.retries, spared.spent, count(*) AS number
FROM incidents i JOIN precedents p ON p.id = i.precedent_id
LEFT JOIN LATERAL last_told(i.id) told ON true
LEFT JOIN LATERAL (SELECT CASE WHEN i.storm_id IS NOT NULL THEN told.answer->'storm'->>'role' END AS role) part ON true
LEFT JOIN storms s ON s.id = i.storm_id
LEFT JOIN LATERAL (
    SELECT CASE WHEN told.decision = 'fail' THEN 'stopped' ELSE 'held' END AS how,
           CASE WHEN i.run_id IS NULL THEN NULL
                WHEN told.decision <> 'fail' THEN 1
                WHEN i.max_attempts IS NOT NULL THEN greatest(0, i.max_attempts - coalesce(i.attempt, 1)) END AS retries,
           i.spent
    WHERE (told.decision = 'fail' AND coalesce(p.verdict_override, i.verdict, '') <> 'transient' OR part.role = 'hold')
      AND NOT EXISTS (
          SELECT FROM outcomes o WHERE o.incident_id = i.id
              AND (told.decision = 'fail' OR o.created_at < s.ends_at))
      AND NOT EXISTS (
          SELECT FROM incidents l
          WHERE l.workspace_id = i.workspace_id AND hashtextextended(l.run_id, 0) = hashtextextended(i.run_id, 0)
            AND l.run_id = i.run_id AND l.step IS NOT DISTINCT FROM i.step AND l.pipeline IS NOT DISTINCT FROM i.pipeline
            AND l.occurred_at > i.occurred_at AND (told.decision = 'fail' OR l.occurred_at < s.ends_at))
      AND NOT EXISTS (
          SELECT FROM runs r
          WHERE r.workspace_id = i.workspace_id AND r.run_id = i.run_id AND r.pipeline = coalesce(i.pipeline, r.pipeline)
            AND r.status = 'succeeded' AND r.ended_at > i.occurred_at
            AND (told.decision = 'fail' OR r.ended_at < s.ends_at))
) spared ON true
WHERE i.workspace_id = %(workspace_id)s::int
  AND i.occurred_at >= %(since)s::timestamptz AND i.occurred_at < %(until)s::timestamptz
GROUP BY 1, 2, 3, 4, 5, 6, 7

-- name: by_hour
-- For the bars of a day.
SELECT date_bin('1 hour', i.occurred_at, 'epoch') AS at, verdict_of_incident(i.verdict, p.verdict) AS verdict,
       told.verdict AS advised, count(*) AS number
FROM incidents i JOIN precedents p ON p.id = i.precedent_id LEFT JOIN LATERAL last_told(i.id) told ON true
WHERE i.workspace_id = %(workspace_id)s::int
  AND i.occurred_at >= %(since)s::timestamptz AND i.occurred_at < %(until)s::timestamptz
GROUP BY 1, 2, 3

-- name: outcomes
-- How retries ended, by the day on which that was told and by what had been advised.
SELECT date_bin('1 day', o.created_at, 'epoch')::date AS day, told.decision, o.result, count(*) AS number
FROM outcomes o LEFT JOIN LATERAL last_told(o.incident_id) told ON true
WHERE o.workspace_id = %(workspace_id)s::int
  AND o.created_at >= %(since)s::timestamptz AND o.created_at < %(until)s::timestamptz
GROUP BY 1, 2, 3

-- name: unresolved
-- Of each day the precedents that hit the most runs, without those that somebody has said what fixes; which ones that is,
-- is asked of the first few hundred alone. A failure without a run counts as one.
WITH hit AS (
    SELECT day, precedent_id, sum(failures) AS failures, sum(CASE WHEN run_id IS NULL THEN failures ELSE 1 END) AS runs
    FROM (
        SELECT date_bin('1 day', i.occurred_at, 'epoch')::date AS day, i.precedent_id, i.pipeline, i.run_id,
               count(*) AS failures
        FROM incidents i
        WHERE i.workspace_id = %(workspace_id)s::int
          AND i.occurred_at >= %(since)s::timestamptz AND i.occurred_at < %(until)s::timestamptz
        GROUP BY 1, 2, 3, 4
    ) of_run GROUP BY 1, 2
), first AS (
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY day ORDER BY runs DESC, failures DESC, precedent_id) AS place FROM hit
    ) placed WHERE place <= 10 * %(most)s
)
SELECT day, precedent_id, runs::int, failures::int FROM (
    SELECT first.*, row_number() OVER (PARTITION BY day ORDER BY place) AS nr
    FROM first JOIN precedents p ON p.id = first.precedent_id WHERE p.resolution_summary IS NULL
) unresolved WHERE nr <= %(most)s ORDER BY day, nr

-- name: stored
-- Days that were counted.
SELECT day, counts, counted_at FROM overview_days
WHERE workspace_id = %(workspace_id)s AND day >= %(since)s::date AND day < %(until)s::date

-- name: store
-- The latest count stays.
INSERT INTO overview_days AS d (workspace_id, day, counts, counted_at)
SELECT %(workspace_id)s, (c.key)::date, c.value, %(at)s FROM jsonb_each(%(counts)s::jsonb) c
ON CONFLICT (workspace_id, day) DO UPDATE SET counts = excluded.counts, counted_at = excluded.counted_at
WHERE d.counted_at <= excluded.counted_at

-- name: to_count
-- Workspaces with so many incidents of which not all days were counted.
SELECT w.id FROM workspaces w
WHERE w.id <> 0
  AND (SELECT count(*) FROM overview_days d
       WHERE d.workspace_id = w.id AND d.day >= %(since)s::date AND d.day < %(until)s::date)
      < %(until)s::date - %(since)s::date
  AND (SELECT count(*) FROM (
          SELECT FROM incidents i WHERE i.workspace_id = w.id AND i.occurred_at >= %(since)s::date LIMIT %(least)s) counted)
      >= %(least)s
ORDER BY w.id

-- name: busy
-- Workspaces with more incidents than that.
SELECT w.id FROM workspaces w
WHERE w.id <> 0
  AND (SELECT count(*) FROM (
          SELECT FROM incidents i WHERE i.workspace_id = w.id AND i.occurred_at >= %(since)s::timestamptz
          LIMIT %(more_than)s + 1) counted)
      > %(more_than)s
ORDER BY w.id

-- name: precedents
-- As they are now: what somebody has meanwhile said a resolution of falls away.
SELECT p.id, p.title, p.verdict, p.cause, p.last_seen, g.template
FROM precedents p JOIN LATERAL (
    SELECT left(template, 500) AS template FROM signatures g WHERE g.precedent_id = p.id AND NOT g.retired
    ORDER BY g.created_at, g.id LIMIT 1
) g ON true
WHERE p.id = ANY (%(ids)s::uuid[]) AND p.resolution_summary IS NULL AND p.merged_into IS NULL

-- name: plainly
-- Until the transaction ends: compiling these statements takes longer than running them.
SELECT set_config('jit', 'off', true)
