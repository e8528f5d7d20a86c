-- Answers as they are saved.

-- name: quiz_answer_save
-- in: uuid[], uuid[], int[], int[], text[], text[], text[], bigint[], timestamptz[]
-- Students, attempts, slots, the revisions they have seen, answers, their shapes, the ids they name, ages of the requests in microseconds, the clients' own times. A row for each that there
-- is, in any order: its number from 1, outcome, rev, saved_at, ends_at, and for a stale one the stored answer. Outcomes: saved;
-- again (a lost reply, or nginx's own retry: this very answer is stored and was made from the same revision); stale; missing; submitted; late; left (of an attempt that is walked through in
-- order); shape, name, single (not an answer to this item); unsettled (its end has passed and may still move). And one row of number 0, outcome "judged": how many were to be saved. Less than
-- that say "saved" when a row has moved since the statement began; then who has no row should try again. Otherwise no row means that there is no such slot for this student.
-- The rows come sorted by attempt and slot and are locked in that order; each is seen as it is once locked, whatever the statement's snapshot says: no save slips in
-- after a submit, which needs the attempt's row for itself, and of two savers from the same revision one is stale.
WITH judged AS MATERIALIZED (
    SELECT *, clock_timestamp() AS at, CASE
        WHEN stored_rev = rev + 1 AND stored = answer THEN 'again'
        WHEN state <> 'in_progress' THEN 'submitted'
        WHEN received > late_at THEN CASE WHEN ea_end_stands(quiz_id, late_at) THEN 'late' ELSE 'unsettled' END
        WHEN slot > at_slot THEN 'missing'
        WHEN slot < at_slot THEN 'left'
        WHEN shape <> 'none' AND shape IS DISTINCT FROM CASE kind
            WHEN 'choice' THEN 'choices' WHEN 'numeric' THEN 'value' WHEN 'short_text' THEN 'text' WHEN 'match' THEN 'pairs' WHEN 'order' THEN 'order'
            WHEN 'cloze' THEN 'gaps' WHEN 'formula' THEN 'value' WHEN 'essay' THEN 'text' END THEN 'shape'
        WHEN NOT named <@ names THEN 'name'
        WHEN kind = 'choice' AND NOT multiple AND jsonb_array_length(answer -> 'choices') > 1 THEN 'single'
        WHEN stored_rev <> rev THEN 'stale'
        ELSE 'saved' END AS outcome
    FROM (
        -- the attempt is there twice: as one column the planner would look up a slot by its attempt alone and read the whole paper
        SELECT k.n, k.attempt, k.slot, k.rev, k.answer::jsonb AS answer, k.shape, k.named::jsonb AS named, clock_timestamp() - k.age * interval '1 microsecond' AS received, k.client_at,
               a.state, a.quiz_id, a.ends_at, a.late_at, a.at_slot, s.ctid AS place, s.rev AS stored_rev, s.answer AS stored, s.saved_at, s.kind, s.names, s.multiple
        FROM unnest($1::uuid[], $2::uuid[], $2::uuid[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::timestamptz[])
             WITH ORDINALITY AS k (who, attempt, slot_of, slot, rev, answer, shape, named, age, client_at, n)
        JOIN attempts a ON a.id = k.attempt AND a.user_id = k.who
        JOIN course_members m ON m.user_id = k.who AND m.course_id = a.course_id
        JOIN attempt_slots s ON s.attempt_id = k.slot_of AND s.slot = k.slot
        ORDER BY k.n
        FOR SHARE OF a FOR UPDATE OF s
    ) AS held
), written AS (
    UPDATE attempt_slots s SET rev = j.rev + 1, answer = j.answer, saved_at = j.at
    FROM judged j WHERE j.outcome = 'saved' AND s.ctid = j.place
    RETURNING j.n, s.attempt_id, s.slot, s.rev, s.answer, s.saved_at, j.client_at, j.ends_at
), journal AS (
    INSERT INTO answer_events (attempt_id, slot, rev, answer, at, client_at)
    SELECT attempt_id, slot, rev, answer, saved_at, client_at FROM written
)
-- no join of the two: planned for a row or two it would compare each answer of a batch with each
SELECT n, 'saved', rev, ea_time(saved_at), ea_time(ends_at), NULL FROM written
UNION ALL
SELECT n, outcome, stored_rev, ea_time(saved_at), ea_time(ends_at), CASE WHEN outcome = 'stale' THEN coalesce(stored, 'null')::text END FROM judged WHERE outcome <> 'saved'
UNION ALL
SELECT 0, 'judged', count(*)::int, NULL, NULL, NULL FROM judged WHERE outcome = 'saved';
