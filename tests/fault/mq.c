/* mq purge | mq publish QUEUE EVENT KIND ATTEMPT BODY: a test's hand in RabbitMQ, at the address in EA_AMQP. */
#include "lib/mq.h"
#include "lib/cfg.h"
#include "lib/mq_topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum ea_err empty(struct ea_mq *mq, const char *name)
{
    struct ea_mq_in in;
    enum ea_err err;

    while ((err = ea_mq_get(mq, name, &in)) == EA_OK && (err = ea_mq_ack(mq, in.job.tag, false)) == EA_OK)
        ;
    return err == EA_ENOTFOUND ? EA_OK : err;
}

static enum ea_err purge(struct ea_mq *mq, const char *delays)
{
    char name[EA_MQ_NAME_SIZE];
    struct ea_mq_delays d;
    enum ea_err err = ea_mq_topology_delays(delays, &d);
    const char *queue;
    size_t i;
    int step;

    if (err == EA_OK)
        err = empty(mq, ea_mq_topology_dead(EA_MQ_UNROUTED, name));
    for (i = 0; err == EA_OK && (queue = ea_mq_topology_queue(i)) != NULL; i++) {
        for (step = 0; err == EA_OK && step < d.n; step++)
            err = empty(mq, ea_mq_topology_delay(queue, d.seconds[step], name));
        if (err == EA_OK)
            err = empty(mq, ea_mq_topology_jobs(queue, name));
        if (err == EA_OK)
            err = empty(mq, ea_mq_topology_dead(queue, name));
    }
    return err;
}

static enum ea_err publish(struct ea_mq *mq, char **argv)
{
    struct ea_mq_message m = { .queue = argv[0],
                               .event_id = strtoll(argv[1], NULL, 10),
                               .kind = argv[2],
                               .attempt = (int)strtol(argv[3], NULL, 10),
                               .body = argv[4],
                               .body_len = strlen(argv[4]) };
    uint64_t seq;
    enum ea_err err = ea_mq_publish(mq, &m, &seq);

    return err == EA_OK ? ea_mq_confirmed(mq, seq, 5000) : err;
}

int main(int argc, char **argv)
{
    const struct ea_cfg *cfg;
    struct ea_mq *mq = NULL;
    enum ea_err err;

    if (argc != 2 && argc != 7)
        return 2;
    err = ea_cfg_load(EA_FOR_QUEUES, &cfg);
    if (err == EA_OK)
        err = ea_mq_new(cfg->amqp, cfg->mq_delays, &mq);
    if (err == EA_OK)
        err = ea_mq_connect(mq);
    if (err == EA_OK)
        err = argc == 2 ? purge(mq, cfg->mq_delays) : publish(mq, argv + 2);
    if (err != EA_OK && mq != NULL)
        fprintf(stderr, "mq: %s\n", ea_mq_error(mq));
    ea_mq_free(mq);
    return err == EA_OK ? 0 : 1;
}
