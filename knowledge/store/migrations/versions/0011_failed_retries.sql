-- Failed retries alone settle no verdict any more: three of them may be one run's, which fail of one trouble. What
-- they say is weighed with all else where advice is given, those of one run once.
CREATE OR REPLACE FUNCTION judged_verdict(
    override text, stated_transient integer, stated_genuine integer, retries_succeeded integer, retries_failed integer
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN override IS NOT NULL THEN override
        WHEN stated_transient + stated_genuine > 0 THEN CASE
            WHEN 3 * stated_transient >= 2 * (stated_transient + stated_genuine) THEN 'transient'
            WHEN 3 * stated_genuine >= 2 * (stated_transient + stated_genuine) THEN 'genuine'
            ELSE 'unknown' END
        WHEN retries_succeeded >= 2 AND 10 * retries_succeeded >= 7 * (retries_succeeded + retries_failed)
            THEN 'transient'
        ELSE 'unknown' END
$$;

-- The column is generated: it is made again where a row is written.
WITH changed AS (
    UPDATE precedents SET updated_at = now()
    WHERE verdict = 'genuine' AND verdict_override IS NULL AND stated_transient + stated_genuine = 0
    RETURNING id
)
UPDATE signatures SET version = version + 1 FROM changed WHERE precedent_id = changed.id;
