/* ea-quiz: the item bank, quizzes, attempts, answers, results. One file per noun, each with its routes; what they share is here. */
#ifndef EA_QUIZ_H
#define EA_QUIZ_H

#include "fcgi/core/route.h"
#include "fcgi/quiz/question.h"

#include <libpq-fe.h>
#include <stdbool.h>

struct ea_batch;
struct ea_flight;
struct ea_redis;
struct ea_server;
struct quiz_gate;
struct quiz_pulse;

extern const struct ea_route quiz_item_routes[];          /* item.c */
extern const struct ea_route quiz_bank_routes[];          /* bank.c */
extern const struct ea_route quiz_routes[];               /* quiz.c */
extern const struct ea_route quiz_accommodation_routes[]; /* accommodation.c */
extern const struct ea_route quiz_announcement_routes[];  /* announcement.c */
extern const struct ea_route quiz_attempt_routes[];       /* attempt.c */
extern const struct ea_route quiz_answer_routes[];        /* answer.c */
extern const struct ea_route quiz_event_routes[];         /* event.c */
extern const struct ea_route quiz_submit_routes[];        /* submit.c */
extern const struct ea_route quiz_receipt_routes[];       /* receipt.c */
extern const struct ea_route quiz_grade_routes[];         /* grade.c */
extern const struct ea_route quiz_result_routes[];        /* result.c */
extern const struct ea_route quiz_results_routes[];       /* results.c */
extern const struct ea_route quiz_outage_routes[];        /* outage.c */
extern const struct ea_route quiz_performance_routes[];   /* performance.c */

struct quiz_service { /* ea_server_data; made by main.c, read-only afterwards */
    struct ea_server *server;
    struct ea_redis *redis;       /* the submits' batcher's own, to wake other processes' followers */
    struct ea_batch *answers;     /* writes what is saved: answer.c */
    struct ea_batch *submits;     /* writes what is handed in: submit.c */
    struct quiz_results *results; /* what is kept of graded attempts: result.c */
    struct quiz_gate *gate;       /* who may begin: admission.h */
    struct quiz_pulse *pulse;     /* measures outages: pulse.h */
    struct ea_flight *figures;    /* of courses, while they are worked out: performance.c */
};

/* Of an attempt whose end has passed and may still move: pulse.h. With EA_ERETRY. */
#define QUIZ_UNSETTLED    "Its end has passed, and may still move for an outage; try again."

#define QUIZ_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What every list takes: a query struct whose first member is this one. */
struct quiz_page {
    struct ea_int limit;
    struct ea_str cursor;
};
#define QUIZ_PAGE_FIELDS                                                                                     \
    { .name = "limit",                                                                                       \
      .type = EA_T_INT,                                                                                      \
      .offset = offsetof(struct quiz_page, limit),                                                           \
      .min = 1,                                                                                              \
      .max = EA_PAGE_MAX },                                                                                  \
    {                                                                                                        \
        .name = "cursor", .type = EA_T_STR, .offset = offsetof(struct quiz_page, cursor), .max = 256         \
    }
extern const struct ea_schema quiz_page_schema;

struct quiz_window {
    int64_t limit;
    const char *after, *fetch; /* the decoded cursor, "" at the start; limit + 1 as text */
};
enum ea_err quiz_page_read(struct ea_req *r, struct quiz_window *out) EA_MUST;

/* The reply's body and ETag from a row (JSON, version); EA_ENOTFOUND without one. */
enum ea_err quiz_reply(struct ea_req *r, const PGresult *res) EA_MUST;
bool quiz_marks(const struct ea_req *r, const struct ea_access *access); /* sees everybody's work */
const char *quiz_bool(bool v);                                           /* as a statement takes it */
/* A number as a statement takes it; NULL: no memory. */
const char *quiz_number(struct ea_req *r, int64_t v);
bool quiz_is_slot(const char *s); /* a slot as it is in an address: digits, no leading zero */

/* A row (kind, title, category, stem, feedback, points, tags as JSON, difficulty, definition) from column `first` on. item.c */
enum ea_err quiz_question_of_row(const PGresult *res, int row, int first, struct ea_arena *a,
                                 struct quiz_question *out) EA_MUST;

/* Running attempts of the quiz (of one student, or "" for all) whose end is later now get it, and their students are told. accommodation.c */
enum ea_err quiz_retime(struct ea_req *r, const char *quiz, const char *student) EA_MUST;

/* Inside the request's transaction: the job of grading an attempt that has just been submitted. attempt.c */
enum ea_err quiz_attempt_submitted(struct ea_req *r, const char *attempt) EA_MUST;
/* An attempt whose time was over when the request was received is submitted for its student, in a transaction of its own. attempt.c */
enum ea_err quiz_attempt_touch(struct ea_req *r, const char *attempt) EA_MUST;

/* What was received of an attempt, in the request's arena. receipt.c */
struct quiz_receipt {
    const char *submitted_at;
    const char *json; /* as lib/receipt.h signs it */
    const struct ea_receipt_part *parts;
    const char *const *texts; /* of which the parts hold the hashes */
    size_t parts_n;
};
/* Its submitted_at and parts are there: adds json. */
enum ea_err quiz_receipt_sign(struct ea_req *r, const char *attempt, const char *quiz, const char *user,
                              struct quiz_receipt *out) EA_MUST;
/* EA_ECONFLICT, with words, while the attempt is in progress. */
enum ea_err quiz_receipt_make(struct ea_req *r, const char *attempt, struct quiz_receipt *out) EA_MUST;

/* Made before the first request, freed after the last. NULL: no memory. result.c */
struct quiz_results *quiz_results_new(void);
void quiz_results_free(struct quiz_results *s);

/* The batchers behind PUT …/answers and POST …/submit. answer.c, submit.c */
enum ea_err quiz_answer_batch_new(struct quiz_service *service) EA_MUST;
enum ea_err quiz_submit_batch_new(struct quiz_service *service) EA_MUST;

#endif
