#include "workers/relay/flight.h"

#define AT(f, seq) ((f)->ring[(seq) % RELAY_FLIGHT_MAX])

void relay_flight_init(struct relay_flight *f, uint64_t next, int64_t cursor)
{
    f->first = f->next = next;
    f->cursor = cursor;
}

bool relay_flight_full(const struct relay_flight *f)
{
    return relay_flight_count(f) == RELAY_FLIGHT_MAX;
}

size_t relay_flight_count(const struct relay_flight *f)
{
    return (size_t)(f->next - f->first);
}

void relay_flight_add(struct relay_flight *f, uint64_t seq, int64_t event_id)
{
    AT(f, seq).event_id = event_id;
    AT(f, seq).confirmed = AT(f, seq).returned = false;
    f->next = seq + 1;
}

bool relay_flight_confirm(struct relay_flight *f, uint64_t seq, bool multiple)
{
    uint64_t from = multiple ? f->first : seq, s;

    if (seq < f->first || seq >= f->next)
        return true;
    for (s = from; s <= seq; s++) {
        if (AT(f, s).returned)
            return false;
        AT(f, s).confirmed = true;
    }
    while (f->first < f->next && AT(f, f->first).confirmed) {
        f->cursor = AT(f, f->first).event_id;
        f->first++;
    }
    return true;
}

void relay_flight_returned(struct relay_flight *f, int64_t event_id)
{
    uint64_t s;

    for (s = f->first; s < f->next; s++) {
        if (AT(f, s).event_id == event_id)
            AT(f, s).returned = true;
    }
}

void relay_flight_examined(struct relay_flight *f, int64_t event_id)
{
    if (f->first == f->next && event_id > f->cursor)
        f->cursor = event_id;
}
