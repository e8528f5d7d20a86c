-- What chance decides for a slot, what its student sees of the item, and which ids an answer may name, for every kind of item. The same seed gives the same for ever:
-- ea_slot_draw never changes; a new way to draw would be a new function. plpgsql, because its plans are kept for the session and those of SQL functions are not.

ALTER TABLE attempt_slots ADD COLUMN draw jsonb NOT NULL DEFAULT '{}', ADD COLUMN names jsonb NOT NULL DEFAULT '[]';
UPDATE attempt_slots SET draw = jsonb_build_object('choices', choices), names = choices WHERE choices IS NOT NULL;
ALTER TABLE attempt_slots DROP COLUMN choices;

-- A slot that a person must mark has no score until then, and its attempt stays submitted.
ALTER TABLE attempts ADD COLUMN needs_grading boolean NOT NULL DEFAULT false;
ALTER TABLE attempt_slots ADD COLUMN graded_by uuid REFERENCES users (id), ADD COLUMN comment text, ADD COLUMN grades integer NOT NULL DEFAULT 0; -- marks that people gave, counted

-- A list's ids in an order of chance, or as they are.
CREATE FUNCTION ea_slot_order(list jsonb, shuffle boolean, seed bigint, thing text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ BEGIN
    RETURN (SELECT coalesce(jsonb_agg(x -> 'id' ORDER BY CASE WHEN shuffle THEN ea_chance(seed, thing || ' ' || (x ->> 'id')) END, n), '[]')
            FROM jsonb_array_elements(list) WITH ORDINALITY AS y (x, n));
END $$;

-- A list's entries in the order of their ids, without what only the key knows.
CREATE FUNCTION ea_slot_list(list jsonb, ids jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ BEGIN
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('id', x -> 'id', 'text', x -> 'text', 'html', x -> 'html') ORDER BY o.n), '[]')
            FROM jsonb_array_elements_text(ids) WITH ORDINALITY AS o (id, n) JOIN jsonb_array_elements(list) AS x ON x ->> 'id' = o.id);
END $$;

-- One of the values min, min + step … max, as an exact decimal without needless zeros.
CREATE FUNCTION ea_slot_value(variable jsonb, seed bigint, thing text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ DECLARE
    low numeric := (variable ->> 'min')::numeric;
    step numeric := (variable ->> 'step')::numeric;
    n bigint := div((variable ->> 'max')::numeric - low, step) + 1;
BEGIN
    RETURN trim_scale(low + step * (((ea_chance(seed, thing) % n) + n) % n))::text;
END $$;

CREATE FUNCTION ea_slot_draw(kind text, definition jsonb, seed bigint, item_id uuid) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ BEGIN
    CASE kind
    WHEN 'choice' THEN
        RETURN jsonb_build_object('choices', ea_slot_order(definition -> 'choices', (definition ->> 'shuffle')::boolean, seed, item_id::text));
    WHEN 'match' THEN
        RETURN jsonb_build_object('options', ea_slot_order(definition -> 'options', (definition ->> 'shuffle')::boolean, seed, item_id || ' option'));
    WHEN 'order' THEN
        RETURN jsonb_build_object('entries', ea_slot_order(definition -> 'entries', true, seed, item_id || ' entry'));
    WHEN 'cloze' THEN
        RETURN jsonb_build_object('gaps', (
            SELECT coalesce(jsonb_object_agg(name, ea_slot_order(gap -> 'choices', (gap ->> 'shuffle')::boolean, seed, item_id || ' gap ' || name)), '{}')
            FROM jsonb_each(definition -> 'gaps') AS x (name, gap) WHERE gap ? 'choices'));
    WHEN 'formula' THEN
        RETURN jsonb_build_object('values', (
            SELECT coalesce(jsonb_object_agg(name, ea_slot_value(variable, seed, item_id || ' variable ' || name)), '{}')
            FROM jsonb_each(definition -> 'variables') AS x (name, variable)));
    ELSE
        RETURN '{}';
    END CASE;
END $$;

-- {a} in the stem of a formula item stands for the value of a, in text and HTML alike: a value is digits, a point and a minus.
CREATE FUNCTION ea_slot_stem(kind text, stem text, draw jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ DECLARE
    name text;
    value text;
BEGIN
    IF kind = 'formula' THEN
        FOR name, value IN SELECT * FROM jsonb_each_text(draw -> 'values') LOOP
            stem := replace(stem, '{' || name || '}', value);
        END LOOP;
    END IF;
    RETURN stem;
END $$;

-- What stands beside kind, points and stem: no key, no fractions, no feedback.
CREATE FUNCTION ea_slot_view(kind text, definition jsonb, draw jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ BEGIN
    CASE kind
    WHEN 'choice' THEN
        RETURN jsonb_build_object('multiple', definition -> 'multiple', 'choices', ea_slot_list(definition -> 'choices', draw -> 'choices'));
    WHEN 'match' THEN
        RETURN jsonb_build_object('prompts', ea_slot_list(definition -> 'prompts', jsonb_path_query_array(definition, '$.prompts[*].id')),
                                  'options', ea_slot_list(definition -> 'options', draw -> 'options'));
    WHEN 'order' THEN
        RETURN jsonb_build_object('entries', ea_slot_list(definition -> 'entries', draw -> 'entries'));
    WHEN 'cloze' THEN
        RETURN jsonb_build_object('text', definition -> 'text', 'html', definition -> 'html', 'gaps', (
            SELECT jsonb_object_agg(name, CASE WHEN gap ? 'choices'
                THEN jsonb_build_object('kind', gap -> 'kind', 'multiple', gap -> 'multiple', 'choices', ea_slot_list(gap -> 'choices', draw -> 'gaps' -> name))
                ELSE jsonb_build_object('kind', gap -> 'kind') END)
            FROM jsonb_each(definition -> 'gaps') AS x (name, gap)));
    WHEN 'formula' THEN
        RETURN jsonb_build_object('values', draw -> 'values');
    WHEN 'essay' THEN
        RETURN jsonb_build_object('min_words', definition -> 'min_words', 'max_words', definition -> 'max_words');
    ELSE
        RETURN '{}';
    END CASE;
END $$;

-- As ea_answer_names of lib/answer.h writes those of an answer.
CREATE FUNCTION ea_slot_names(kind text, definition jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ BEGIN
    CASE kind
    WHEN 'choice' THEN
        RETURN jsonb_path_query_array(definition, '$.choices[*].id');
    WHEN 'match' THEN
        RETURN jsonb_path_query_array(definition, '$.prompts[*].id') ||
               (SELECT jsonb_agg('=' || (x ->> 'id')) FROM jsonb_array_elements(definition -> 'options') AS x);
    WHEN 'order' THEN
        RETURN jsonb_path_query_array(definition, '$.entries[*].id');
    WHEN 'cloze' THEN
        RETURN (SELECT jsonb_agg(name || ':' || CASE gap ->> 'kind' WHEN 'choice' THEN 'choices' WHEN 'numeric' THEN 'value' ELSE 'text' END)
                FROM jsonb_each(definition -> 'gaps') AS x (name, gap)) ||
               (SELECT coalesce(jsonb_agg(name || '=' || (choice ->> 'id')), '[]')
                FROM jsonb_each(definition -> 'gaps') AS x (name, gap), jsonb_array_elements(gap -> 'choices') AS choice);
    ELSE
        RETURN '[]';
    END CASE;
END $$;

-- What is right, as a result shows it once the key may be seen.
CREATE FUNCTION ea_slot_key(kind text, definition jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ BEGIN
    CASE kind
    WHEN 'choice' THEN
        RETURN jsonb_build_object('choices', jsonb_path_query_array(definition, '$.choices[*] ? (@.correct == true).id'));
    WHEN 'numeric' THEN
        RETURN jsonb_build_object('answers', (SELECT jsonb_agg(x - '{feedback,feedback_html}'::text[]) FROM jsonb_array_elements(definition -> 'answers') AS x));
    WHEN 'short_text' THEN
        RETURN jsonb_build_object('accept', (SELECT jsonb_agg(x - '{feedback,feedback_html}'::text[]) FROM jsonb_array_elements(definition -> 'accept') AS x));
    WHEN 'match' THEN
        RETURN jsonb_build_object('pairs', definition -> 'key');
    WHEN 'order' THEN
        RETURN jsonb_build_object('order', jsonb_path_query_array(definition, '$.entries[*].id'));
    WHEN 'cloze' THEN
        RETURN jsonb_build_object('gaps', (SELECT jsonb_object_agg(name, ea_slot_key(gap ->> 'kind', gap)) FROM jsonb_each(definition -> 'gaps') AS x (name, gap)));
    WHEN 'formula' THEN
        RETURN jsonb_strip_nulls(jsonb_build_object('answer', definition -> 'answer', 'tolerance', definition -> 'tolerance', 'relative', definition -> 'relative',
                                                    'unit', definition -> 'unit'));
    ELSE
        RETURN NULL;
    END CASE;
END $$;

-- The feedback of what an answer picked or fits, as HTML; explanation as the grader writes it.
CREATE FUNCTION ea_slot_feedback(definition jsonb, explanation jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$ BEGIN
    RETURN (SELECT coalesce(jsonb_agg(entry -> 'feedback_html' ORDER BY name, k), '[]')
            FROM (SELECT NULL AS name, definition AS item, explanation -> 'matched' AS matched
                  UNION ALL
                  SELECT key, definition -> 'gaps' -> key, value FROM jsonb_each(coalesce(explanation -> 'matched_gaps', '{}'))) AS x,
                 jsonb_array_elements_text(matched) WITH ORDINALITY AS y (m, k),
                 LATERAL (SELECT coalesce(item -> 'choices', item -> 'answers', item -> 'accept') -> m::integer AS entry) AS e
            WHERE entry ? 'feedback_html');
END $$;
