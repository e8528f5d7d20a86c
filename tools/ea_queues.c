/* ea-queues: how many jobs wait in RabbitMQ, and the dead letters with their reasons, which can be replayed or dropped.
 * Exit status: 0 done, 1 RabbitMQ is not reachable or refused, 2 the call or the configuration is wrong, 3 no such dead letter. */
#include "lib/cfg.h"
#include "lib/log.h"
#include "lib/mq.h"
#include "lib/mq_topology.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0, FAILED = 1, BAD_CALL = 2, NOT_THERE = 3 };

#define CONFIRM_MS 5000

static const char usage[] =
    "usage: ea-queues [list]                            how many messages are where\n"
    "       ea-queues dead [QUEUE]                      dead letters: event, kind, attempts, time, reason\n"
    "       ea-queues replay QUEUE --event ID | --all   puts dead letters back to work\n"
    "       ea-queues drop QUEUE --event ID | --all     forgets dead letters\n";

struct choice { /* which dead letters */
    bool all;
    int64_t event_id;
};

EA_PRINTF(2, 3) static int stop(int status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)fputs("ea-queues: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    return status;
}

static int unreachable(const struct ea_mq *mq)
{
    return stop(FAILED, "RabbitMQ is not reachable, or refused: %s", ea_mq_error(mq));
}

static int print_depth(struct ea_mq *mq, const char *name)
{
    int64_t messages, consumers;

    if (ea_mq_depth(mq, name, &messages, &consumers) != EA_OK)
        return unreachable(mq);
    printf("%-28s %10" PRId64 " %10" PRId64 "\n", name, messages, consumers);
    return DONE;
}

static int list_delays(struct ea_mq *mq, const char *queue, const struct ea_mq_delays *delays)
{
    char name[EA_MQ_NAME_SIZE];
    int status = DONE, i, j;

    for (i = 0; status == DONE && i < delays->n; i++) {
        for (j = 0; j < i && delays->seconds[j] != delays->seconds[i]; j++)
            ;
        if (j == i)
            status = print_depth(mq, ea_mq_topology_delay(queue, delays->seconds[i], name));
    }
    return status;
}

static int list(struct ea_mq *mq, const struct ea_cfg *cfg)
{
    struct ea_mq_delays delays;
    char name[EA_MQ_NAME_SIZE];
    const char *queue;
    int status = DONE;
    size_t i;

    if (ea_mq_topology_delays(cfg->mq_delays, &delays) != EA_OK)
        return BAD_CALL;
    printf("%-28s %10s %10s\n", "QUEUE", "MESSAGES", "CONSUMERS");
    for (i = 0; status == DONE && (queue = ea_mq_topology_queue(i)) != NULL; i++) {
        status = print_depth(mq, ea_mq_topology_jobs(queue, name));
        if (status == DONE)
            status = list_delays(mq, queue, &delays);
        if (status == DONE)
            status = print_depth(mq, ea_mq_topology_dead(queue, name));
    }
    return status == DONE ? print_depth(mq, ea_mq_topology_dead(EA_MQ_UNROUTED, name)) : status;
}

/* What a text from a message may do to a terminal: nothing. */
static void print_text(const char *s)
{
    for (; *s != '\0'; s++)
        putchar((unsigned char)*s < ' ' || *s == 127 ? ' ' : *s);
}

static void print_letter(const struct ea_mq_message *m)
{
    printf("event %" PRId64 "  ", m->event_id);
    print_text(m->kind);
    printf("  attempts %d  ", m->attempt);
    print_text(m->at);
    printf("  ");
    print_text(m->reason[0] != '\0' ? m->reason : "no reason given");
    putchar('\n');
}

static int replay(struct ea_mq *mq, const struct ea_mq_message *letter, const char *queue)
{
    struct ea_mq_message m = *letter;
    uint64_t seq;
    enum ea_err err;

    m.queue = ea_mq_known(letter->queue) ? letter->queue : queue;
    m.attempt = 0;
    m.reason = "";
    if (!ea_mq_known(m.queue))
        return stop(FAILED, "event %" PRId64 " was for the queue \"%.40s\", which this version does not know",
                    m.event_id, letter->queue);
    err = ea_mq_publish(mq, &m, &seq);
    if (err == EA_OK)
        err = ea_mq_confirmed(mq, seq, CONFIRM_MS);
    if (err == EA_EOVERLOAD)
        return stop(FAILED, "RabbitMQ takes no messages just now: it has an alarm");
    return err == EA_OK ? DONE : unreachable(mq);
}

static bool is_chosen(const struct choice *choice, const struct ea_mq_message *m)
{
    return choice != NULL && (choice->all || m->event_id == choice->event_id);
}

static int settle_one(struct ea_mq *mq, const struct ea_mq_message *m, const char *queue, bool put_back)
{
    uint64_t tag = m->tag; /* the message is the connection's, which publishes in between */
    int64_t event_id = m->event_id;
    int status = put_back ? replay(mq, m, queue) : DONE;

    if (status != DONE)
        return status;
    if (ea_mq_ack(mq, tag, false) != EA_OK)
        return unreachable(mq);
    printf("%s event %" PRId64 "\n", put_back ? "replayed" : "dropped", event_id);
    return DONE;
}

/* Before this ends, so that who looks next finds them: what a closed connection leaves, the broker gets round to some time later. All at once, for of many it would keep some to itself for a
 * while; and it has taken that when it answers once more. */
static int give_back(struct ea_mq *mq, const char *name, uint64_t last)
{
    int64_t messages, consumers;

    if (last == 0)
        return DONE;
    if (ea_mq_give_back(mq, last) != EA_OK || ea_mq_depth(mq, name, &messages, &consumers) != EA_OK)
        return unreachable(mq);
    return DONE;
}

/* Goes through the dead letters of a queue, `most` at most; without a choice it tells what they are. Those that are not chosen are given back. The end is where
 * ea_mq_get has no more; ea_mq_depth may say so before. */
static int walk(struct ea_mq *mq, const char *name, const char *queue, const struct choice *choice,
                bool put_back, int64_t most, int64_t *found)
{
    uint64_t last = 0;
    int status = DONE;

    for (int64_t i = 0; status == DONE && i < most; i++) {
        struct ea_mq_in in;
        enum ea_err err = ea_mq_get(mq, name, &in);

        if (err == EA_ENOTFOUND)
            break;
        if (err != EA_OK)
            return unreachable(mq);
        if (is_chosen(choice, &in.job)) {
            ++*found;
            status = settle_one(mq, &in.job, queue, put_back);
            continue;
        }
        last = in.job.tag;
        if (choice == NULL) {
            ++*found;
            print_letter(&in.job);
        }
    }
    return status == DONE ? give_back(mq, name, last) : status;
}

/* Those that are there now, for what is replayed may be back before the end is reached. */
static int count(struct ea_mq *mq, const char *name, int64_t *n)
{
    uint64_t last = 0;
    struct ea_mq_in in;
    enum ea_err err;

    for (*n = 0; (err = ea_mq_get(mq, name, &in)) == EA_OK; ++*n)
        last = in.job.tag;
    return err == EA_ENOTFOUND ? give_back(mq, name, last) : unreachable(mq);
}

static bool is_queue(const char *name)
{
    return ea_mq_known(name) || strcmp(name, EA_MQ_UNROUTED) == 0;
}

static int show_dead(struct ea_mq *mq, const char *only)
{
    const char *queue;
    char name[EA_MQ_NAME_SIZE];
    int64_t found = 0;
    int status = DONE;
    size_t i = 0;

    do {
        queue = ea_mq_topology_queue(i++);
        if (queue == NULL)
            queue = EA_MQ_UNROUTED;
        if (only != NULL && strcmp(only, queue) != 0)
            continue;
        found = 0;
        printf("%s:\n", queue);
        status = walk(mq, ea_mq_topology_dead(queue, name), queue, NULL, false, INT64_MAX, &found);
        if (status == DONE && found == 0)
            printf("no dead letters\n");
    } while (status == DONE && strcmp(queue, EA_MQ_UNROUTED) != 0);
    return status;
}

static bool read_choice(int argc, char **argv, struct choice *out)
{
    char *end;

    memset(out, 0, sizeof(*out));
    if (argc == 1 && strcmp(argv[0], "--all") == 0) {
        out->all = true;
        return true;
    }
    if (argc != 2 || strcmp(argv[0], "--event") != 0)
        return false;
    out->event_id = strtoll(argv[1], &end, 10);
    return end != argv[1] && *end == '\0';
}

static int settle(struct ea_mq *mq, const char *queue, const struct choice *choice, bool put_back)
{
    char name[EA_MQ_NAME_SIZE];
    int64_t there, found = 0;
    int status = count(mq, ea_mq_topology_dead(queue, name), &there);

    if (status == DONE)
        status = walk(mq, name, queue, choice, put_back, there, &found);
    if (status == DONE && found == 0 && !choice->all)
        return stop(NOT_THERE, "%s has no dead letter of event %" PRId64, queue, choice->event_id);
    if (status == DONE)
        printf("%" PRId64 " %s\n", found, put_back ? "replayed" : "dropped");
    return status;
}

static int run(struct ea_mq *mq, const struct ea_cfg *cfg, int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "list";
    bool put_back = strcmp(verb, "replay") == 0;
    struct choice choice;

    if (strcmp(verb, "list") == 0 && argc <= 2)
        return list(mq, cfg);
    if (strcmp(verb, "dead") == 0 && argc <= 3)
        return show_dead(mq, argc == 3 ? argv[2] : NULL);
    (void)read_choice(argc - 3, argv + 3, &choice);
    return settle(mq, argv[2], &choice, put_back);
}

/* Before anything is connected. */
static bool understood(int argc, char **argv)
{
    struct choice choice;

    if (argc == 1 || (argc == 2 && (strcmp(argv[1], "list") == 0 || strcmp(argv[1], "dead") == 0)))
        return true;
    if (argc == 3 && strcmp(argv[1], "dead") == 0)
        return is_queue(argv[2]);
    return argc > 3 && (strcmp(argv[1], "replay") == 0 || strcmp(argv[1], "drop") == 0) &&
           is_queue(argv[2]) && read_choice(argc - 3, argv + 3, &choice);
}

int main(int argc, char **argv)
{
    const struct ea_cfg *cfg;
    struct ea_cfg quiet;
    struct ea_mq *mq = NULL;
    int status;

    if (!understood(argc, argv)) {
        (void)fputs(usage, stderr);
        return BAD_CALL;
    }
    if (ea_cfg_load(EA_FOR_QUEUES, &cfg) != EA_OK)
        return BAD_CALL;
    quiet = *cfg;
    quiet.log_level = "error"; /* what fails is said in plain words */
    if (ea_log_start(&quiet) != EA_OK || ea_mq_new(cfg->amqp, cfg->mq_delays, &mq) != EA_OK)
        return BAD_CALL;
    status = ea_mq_connect(mq) == EA_OK ? run(mq, cfg, argc, argv) : unreachable(mq);
    ea_mq_free(mq);
    return status;
}
