#include "lib/id.h"

#include "lib/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#define COUNTER_BITS 12

/* Milliseconds and counter of the newest id. It only grows, so ids sort as made even when the clock steps back or the counter runs over. */
static _Atomic uint64_t newest;

static void random_bytes(void *p, size_t n)
{
    while (getrandom(p, n, 0) != (ssize_t)n)
        if (errno != EINTR)
            abort(); /* ids that can be guessed or repeat are worse than no service */
}

/* The counter starts in its lower half, which leaves room to count within a millisecond. */
static uint64_t next_moment(uint16_t random)
{
    uint64_t ms = (uint64_t)ea_clock_wall_us() / 1000;
    uint64_t now = ms << COUNTER_BITS | (random & ((1u << (COUNTER_BITS - 1)) - 1));
    uint64_t seen = atomic_load_explicit(&newest, memory_order_relaxed);
    uint64_t next;
    do
        next = now > seen ? now : seen + 1;
    while (!atomic_compare_exchange_weak_explicit(&newest, &seen, next, memory_order_relaxed,
                                                  memory_order_relaxed));
    return next;
}

void ea_id_new(struct ea_id *id)
{
    struct {
        uint64_t low;
        uint16_t counter;
    } random;
    random_bytes(&random, sizeof random);
    uint64_t moment = next_moment(random.counter);
    uint64_t half[2] = {
        moment >> COUNTER_BITS << 16 | UINT64_C(7) << 12 | (moment & ((1u << COUNTER_BITS) - 1)),
        UINT64_C(2) << 62 | random.low >> 2,
    };
    char *s = id->s;
    for (unsigned nibble = 0; nibble < 32; nibble++) {
        if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20)
            *s++ = '-';
        *s++ = "0123456789abcdef"[half[nibble / 16] >> (60 - 4 * (nibble % 16)) & 15];
    }
    *s = '\0';
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool ea_id_valid(const char *s)
{
    for (unsigned i = 0; i < EA_ID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !is_hex(s[i]))
            return false;
    }
    return s[EA_ID_LEN] == '\0';
}
