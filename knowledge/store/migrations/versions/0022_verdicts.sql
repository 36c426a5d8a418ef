-- What an incident is and what was told of it, each said in one place: the API, the pages and the counts read these.

-- Its verdict: what was stated of it, else what is known of its precedent. What was told is not part of it: an answer that
-- counted as knowledge would prove itself. Lists that an index finds ask for the two apart.
CREATE FUNCTION verdict_of_incident(stated text, of_precedent text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT coalesce(stated, of_precedent) $$;

-- What was told of it last, if anybody asked.
CREATE FUNCTION last_told(p_incident uuid) RETURNS TABLE (verdict text, decision text, answer jsonb)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT a.verdict, a.decision, a.answer FROM advice a
    WHERE a.incident_id = p_incident ORDER BY a.created_at DESC, a.id DESC LIMIT 1
$$;

-- Days were counted by another rule.
DELETE FROM overview_days;
