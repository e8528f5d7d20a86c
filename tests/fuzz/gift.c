/* Any bytes as a GIFT file: no crash, errors inside the file, and whatever was read goes out and comes in as the same. The entry point is libFuzzer's
 * (./dev fuzz gift); `make check` runs it over its corpus (replay.c). */
#include "fcgi/quiz/gift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

static size_t lines_of(const char *p, size_t n)
{
    size_t lines = 1;

    for (size_t i = 0; i < n; i++)
        lines += p[i] == '\n' || p[i] == '\r';
    return lines;
}

static void write_json(struct quiz_question *q, struct ea_arena *a, struct ea_buf *out)
{
    struct ea_jw w;

    ea_buf_reset(out);
    ea_jw_init(&w, out);
    require(quiz_question_write(q, a, &w) == EA_OK && !out->failed, "a question cannot be written");
}

/* An arrow that was made of HTML, or stands in a single short answer, GIFT cannot say; all else that it said it can. */
static bool may_be_refused(const struct quiz_question *q)
{
    return q->item.kind == EA_ITEM_SHORT_TEXT || q->item.kind == EA_ITEM_MATCH;
}

/* What GIFT said, GIFT can say: import(export(x)) == x. */
static void round_trip(struct quiz_gift *file, struct ea_arena *a)
{
    struct ea_buf text = { 0 }, one = { 0 }, two = { 0 };
    struct quiz_gift again;
    const char *category = "", *why;
    size_t n = 0;

    for (size_t i = 0; i < file->n; i++) {
        require(quiz_gift_why_not(&file->questions[i], a, &why) == EA_OK, "no memory");
        require(!why || may_be_refused(&file->questions[i]), "what was read cannot be written");
        quiz_gift_write(&file->questions[i], &category, a, &text);
        if (!why)
            file->questions[n++] = file->questions[i];
    }
    require(!text.failed, "no memory");
    require(quiz_gift_read(text.p ? text.p : "", text.len, a, &again) == EA_OK,
            "what was written is no text");
    require(again.errors_n == 0 && again.n == n, "what was written is not read");
    for (size_t i = 0; i < n; i++) {
        write_json(&file->questions[i], a, &one);
        write_json(&again.questions[i], a, &two);
        require(strcmp(one.p, two.p) == 0, "what was written is read as something else");
    }
    ea_buf_free(&text);
    ea_buf_free(&one);
    ea_buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ea_arena *a = ea_arena_new();
    struct quiz_gift file;
    enum ea_err err = a ? quiz_gift_read((const char *)data, n, a, &file) : EA_ENOMEM;

    if (err == EA_ENOMEM) {
        ea_arena_free(a);
        return 0;
    }
    require(err == EA_OK || err == EA_EMEDIA, "another error than those of the contract");
    for (size_t i = 0; i < file.errors_n; i++)
        require(file.errors[i].line >= 1 && file.errors[i].line <= lines_of((const char *)data, n) &&
                    file.errors[i].column >= 1,
                "an error outside the file");
    if (err == EA_OK)
        round_trip(&file, a);
    ea_arena_free(a);
    return 0;
}
