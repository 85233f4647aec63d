/* wsgi_numbers.c - see wsgi_numbers.h. */
#include "wsgi_board_inner.h"

#include <string.h>

#define ADD(p, n) __atomic_fetch_add((p), (n), __ATOMIC_RELAXED)

const uint64_t wsgi_histogram_bounds[WSGI_HISTOGRAM_BOUNDS] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 5000000, 10000000, 30000000, 60000000
};

static unsigned bucket_of(uint64_t us)
{
    unsigned i = 0;

    while (i < WSGI_HISTOGRAM_BOUNDS && us > wsgi_histogram_bounds[i])
        i++;
    return i;
}

void wsgi_histogram_add(wsgi_histogram *h, uint64_t us)
{
    WSGI_COUNT(&h->sum_us, us);
    WSGI_COUNT(&h->buckets[bucket_of(us)], 1);
}

static void histogram_sum(wsgi_histogram *to, const wsgi_histogram *h)
{
    unsigned i;

    to->sum_us += WSGI_LOAD(&h->sum_us);
    for (i = 0; i < WSGI_HISTOGRAM_BUCKETS; i++)
        to->buckets[i] += WSGI_LOAD(&h->buckets[i]);
}

/* Without a status there was no answer: as Apache's own error. */
static unsigned class_of(int status)
{
    return status >= 100 && status < 100 * (WSGI_CLASSES + 1) ? (unsigned)status / 100 - 1 : WSGI_CLASSES - 1;
}

/* One that has no cell. */
static void count_shared(wsgi_board_tally *t, const wsgi_outcome *o)
{
    ADD(&t->classes[class_of(o->status)], 1);
    ADD(&t->bytes_in, o->bytes_in);
    ADD(&t->bytes_out, o->bytes_out);
    ADD(&t->duration.sum_us, o->duration_us);
    ADD(&t->duration.buckets[bucket_of(o->duration_us)], 1);
}

void wsgi_numbers_count(wsgi_board *b, uint32_t cell, const wsgi_outcome *o)
{
    wsgi_board_tally *t;

    if (cell >= b->cells) {
        count_shared(&b->shared->tally, o);
        return;
    }
    t = &b->tally[cell];
    WSGI_COUNT(&t->classes[class_of(o->status)], 1);
    WSGI_COUNT(&t->bytes_in, o->bytes_in);
    WSGI_COUNT(&t->bytes_out, o->bytes_out);
    wsgi_histogram_add(&t->duration, o->duration_us);
}

void wsgi_numbers_lose(wsgi_board *b, enum wsgi_loss kind)
{
    if ((uint32_t)kind < WSGI_LOSSES)
        ADD(&b->header->losses[kind], 1);
}

int wsgi_board_local(const wsgi_board *b)
{
    return b->slots == 1 && b->threads == b->cells;
}

static uint32_t cells_used(const wsgi_board *b)
{
    uint32_t used = WSGI_LOAD_ACQUIRE(&b->header->cells_used);

    return used < b->cells ? used : b->cells;
}

static void add_tally(const wsgi_board_tally *t, wsgi_sums *out)
{
    unsigned i;

    for (i = 0; i < WSGI_CLASSES; i++)
        out->classes[i] += WSGI_LOAD(&t->classes[i]);
    out->bytes_in += WSGI_LOAD(&t->bytes_in);
    out->bytes_out += WSGI_LOAD(&t->bytes_out);
    histogram_sum(&out->duration, &t->duration);
}

static void add_thread(const wsgi_board_thread *t, wsgi_sums *out)
{
    out->busy_us += WSGI_LOAD(&t->busy_us);
    out->gil_us += WSGI_LOAD(&t->gil_us);
    out->gil_waits += WSGI_LOAD(&t->gil_waits);
    histogram_sum(&out->wait, &t->wait);
}

void wsgi_numbers_add(const wsgi_board *b, wsgi_sums *out)
{
    uint32_t i, k, used = cells_used(b);

    for (i = 0; i < used; i++)
        add_tally(&b->tally[i], out);
    for (i = 0; i < b->slots; i++)
        for (k = 0; k < (wsgi_board_local(b) ? used : b->threads); k++)
            add_thread(wsgi_board_thread_at(b, i, k), out);
    add_tally(&b->shared->tally, out);
    out->busy_us += WSGI_LOAD(&b->shared->busy_us);
    out->gil_us += WSGI_LOAD(&b->shared->gil_us);
    out->gil_waits += WSGI_LOAD(&b->shared->gil_waits);
    histogram_sum(&out->wait, &b->shared->wait);
    for (i = 0; i < WSGI_LOSSES; i++)
        out->losses[i] += WSGI_LOAD(&b->header->losses[i]);
    for (i = 0; i < WSGI_DEATH_KINDS; i++)
        out->deaths[i] += WSGI_LOAD(&b->header->deaths_of[i]);
}

static void histogram_inherit(wsgi_histogram *to, const wsgi_histogram *h)
{
    unsigned i;

    ADD(&to->sum_us, h->sum_us);
    for (i = 0; i < WSGI_HISTOGRAM_BUCKETS; i++)
        ADD(&to->buckets[i], h->buckets[i]);
}

void wsgi_numbers_inherit(wsgi_board *b, const wsgi_sums *t)
{
    wsgi_board_shared *s = b->shared;
    uint32_t i;

    for (i = 0; i < WSGI_CLASSES; i++)
        ADD(&s->tally.classes[i], t->classes[i]);
    ADD(&s->tally.bytes_in, t->bytes_in);
    ADD(&s->tally.bytes_out, t->bytes_out);
    histogram_inherit(&s->tally.duration, &t->duration);
    histogram_inherit(&s->wait, &t->wait);
    ADD(&s->busy_us, t->busy_us);
    ADD(&s->gil_us, t->gil_us);
    ADD(&s->gil_waits, t->gil_waits);
    for (i = 0; i < WSGI_LOSSES; i++)
        ADD(&b->header->losses[i], t->losses[i]);
    for (i = 0; i < WSGI_DEATH_KINDS; i++)
        ADD(&b->header->deaths_of[i], (uint32_t)t->deaths[i]);
}

uint32_t wsgi_numbers_places(const wsgi_board *b)
{
    return cells_used(b);
}

pid_t wsgi_numbers_owner(const wsgi_board *b, uint32_t cell)
{
    uint32_t owner = cell < b->cells ? WSGI_LOAD(&b->cell[cell].owner) : 0;

    return owner <= INT32_MAX ? (pid_t)owner : 0;
}

uint32_t wsgi_numbers_queued(const wsgi_board *b)
{
    uint32_t i, n = 0, used = cells_used(b);

    for (i = 0; i < used; i++)
        n += wsgi_cell_read(b, i, NULL, NULL) == WSGI_CELL_QUEUED;
    return n;
}

void wsgi_numbers_memory(wsgi_board *b, uint32_t slot, uint64_t rss, uint64_t pss)
{
    if (slot >= b->slots)
        return;
    WSGI_STORE(&b->slot[slot].rss, rss);
    WSGI_STORE(&b->slot[slot].pss, pss);
}
