/* wsgi_tally.c - see wsgi_tally.h.
 *
 * Lock: over the list of records and what the reader has seen. Writers take it
 * once in the life of their thread.
 */
#include "wsgi_tally.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WORDS (sizeof(wsgi_totals) / sizeof(uint64_t))

/* Of the requests that ended in one window. */
typedef struct {
    uint32_t window;
    uint64_t longest_us;
    uint64_t min_us[WSGI_PHASES], max_us[WSGI_PHASES];
    uint64_t count;
} extremes;

struct wsgi_tally {
    struct wsgi_tally *next;
    uint32_t slot, number;
    int free;                     /* its thread is gone */
    uint64_t active_since;        /* atomic; 0: idle */
    wsgi_totals now;              /* the thread's */
    extremes banks[2];            /* the thread's: of window % 2 */
    wsgi_totals seen;             /* the reader's */
};

int wsgi_tally_started;

static struct {
    pthread_mutex_t lock;
    wsgi_tally *all;
    uint32_t slots, maximum;
    uint32_t window;              /* atomic */
    uint64_t start_us, window_us;
    uint64_t user_us, system_us;  /* CPU time of the process when the window began */
} tallies = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- clocks --------------------------------------------------------------------- */

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t wsgi_lap_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void cpu_time(int who, uint64_t *user_us, uint64_t *system_us)
{
    struct rusage u;

    *user_us = *system_us = 0;
    if (getrusage(who, &u) != 0)
        return;
    *user_us = (uint64_t)u.ru_utime.tv_sec * 1000000 + (uint64_t)u.ru_utime.tv_usec;
    *system_us = (uint64_t)u.ru_stime.tv_sec * 1000000 + (uint64_t)u.ru_stime.tv_usec;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;     /* the wall clock may be set back */
}

void wsgi_memory_of_self(uint64_t *rss, uint64_t *max_rss)
{
    unsigned long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    struct rusage u;

    if (f != NULL && fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f != NULL)
        fclose(f);
    *rss = (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
    *max_rss = getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)u.ru_maxrss * 1024 : 0;
}

/* ---- one request ------------------------------------------------------------------ */

void wsgi_measure_begin(wsgi_measure *m, uint64_t received_us, uint64_t queued_us, uint64_t taken_us)
{
    memset(m, 0, sizeof(*m));
    m->on = 1;
    m->received_us = received_us;
    m->queued_us = queued_us;
    m->taken_us = taken_us;
    m->began_us = taken_us != 0 ? taken_us : now_us();
    cpu_time(RUSAGE_THREAD, &m->cpu_user_us, &m->cpu_system_us);
}

void wsgi_measure_finish(wsgi_measure *m)
{
    uint64_t user, system;

    wsgi_measure_set(&m->finished_us, now_us());
    cpu_time(RUSAGE_THREAD, &user, &system);
    m->cpu_user_us = less(user, m->cpu_user_us);
    m->cpu_system_us = less(system, m->cpu_system_us);
}

uint64_t wsgi_phase_us(const wsgi_measure *m, enum wsgi_phase p)
{
    uint64_t started = m->started_us != 0 ? m->started_us : m->finished_us;

    switch (p) {
    case WSGI_PHASE_SERVER:
        return less(m->taken_us != 0 ? m->queued_us : started, m->received_us);
    case WSGI_PHASE_QUEUE:
        return less(m->taken_us, m->queued_us);
    case WSGI_PHASE_DAEMON:
        return m->taken_us != 0 ? less(started, m->taken_us) : 0;
    case WSGI_PHASE_APPLICATION:
        return less(m->finished_us, started);
    case WSGI_PHASE_REQUEST:
        return less(m->finished_us, m->received_us);
    case WSGI_PHASE_GIL:
        return m->gil_ns / 1000;
    case WSGI_PHASE_INPUT:
        return m->input_ns / 1000;
    default:
        return m->output_ns / 1000;
    }
}

unsigned wsgi_bucket_of(uint64_t us)
{
    unsigned octave = 0;
    uint64_t low = 1000;

    if (us < low)
        return 0;
    while (octave < 16 && us >= low * 2) {
        low *= 2;
        octave++;
    }
    return octave == 16 ? WSGI_BUCKETS - 1 : octave * 4 + (unsigned)((us - low) * 4 / low);
}

/* ---- writing ------------------------------------------------------------------------ */

void wsgi_tally_start(uint32_t maximum)
{
    pthread_mutex_lock(&tallies.lock);
    if (!wsgi_tally_started) {
        tallies.maximum = maximum > 0 ? maximum : 1;
        tallies.start_us = tallies.window_us = now_us();
        cpu_time(RUSAGE_SELF, &tallies.user_us, &tallies.system_us);
        __atomic_store_n(&wsgi_tally_started, 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&tallies.lock);
}

/* Lock held. */
static wsgi_tally *at_slot(uint32_t slot)
{
    wsgi_tally *t;

    for (t = tallies.all; t != NULL && t->slot != slot; t = t->next)
        ;
    return t;
}

/* Lock held. */
static wsgi_tally *any_free(void)
{
    wsgi_tally *t;

    for (t = tallies.all; t != NULL && !t->free; t = t->next)
        ;
    return t;
}

/* Lock held. */
static wsgi_tally *make(uint32_t slot)
{
    wsgi_tally *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->slot = slot;
    if (slot > tallies.slots)
        tallies.slots = slot;
    t->next = tallies.all;
    __atomic_store_n(&tallies.all, t, __ATOMIC_RELEASE);
    return t;
}

/* The slot of its number if that is one and nobody has it; else one that a
 * thread has left; else the first that nobody has had. */
wsgi_tally *wsgi_tally_take(uint32_t number)
{
    wsgi_tally *t = NULL;
    uint32_t slot = number;

    pthread_mutex_lock(&tallies.lock);
    if (number >= 1 && number <= tallies.maximum) {
        t = at_slot(number);
        if (t == NULL)
            t = make(number);
        else if (!t->free)
            t = NULL;
    }
    if (t == NULL && (t = any_free()) == NULL) {
        for (slot = 1; at_slot(slot) != NULL; slot++)
            ;
        t = make(slot);
    }
    if (t != NULL) {
        t->free = 0;
        t->number = number;
    }
    pthread_mutex_unlock(&tallies.lock);
    return t;
}

void wsgi_tally_let_go(wsgi_tally *t)
{
    if (t == NULL)
        return;
    pthread_mutex_lock(&tallies.lock);
    t->free = 1;
    __atomic_store_n(&t->active_since, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&tallies.lock);
}

uint32_t wsgi_tally_active(void)
{
    const wsgi_tally *t = __atomic_load_n(&tallies.all, __ATOMIC_ACQUIRE);
    uint32_t n = 0;

    for (; t != NULL; t = t->next)
        n += __atomic_load_n(&t->active_since, __ATOMIC_RELAXED) != 0;
    return n;
}

void wsgi_tally_begin(wsgi_tally *t, wsgi_measure *m)
{
    __atomic_store_n(&t->active_since, m->began_us, __ATOMIC_RELAXED);
}

static void add(uint64_t *to, uint64_t n)
{
    wsgi_measure_add(to, n);
}

static void note_extremes(wsgi_tally *t, const uint64_t us[WSGI_PHASES])
{
    uint32_t window = __atomic_load_n(&tallies.window, __ATOMIC_ACQUIRE);
    extremes *e = &t->banks[window % 2];
    int fresh = __atomic_load_n(&e->window, __ATOMIC_RELAXED) != window || e->count == 0, i;

    for (i = 0; i < WSGI_PHASES; i++) {
        if (fresh || us[i] < e->min_us[i])
            __atomic_store_n(&e->min_us[i], us[i], __ATOMIC_RELAXED);
        if (fresh || us[i] > e->max_us[i])
            __atomic_store_n(&e->max_us[i], us[i], __ATOMIC_RELAXED);
    }
    if (fresh || us[WSGI_PHASE_APPLICATION] > e->longest_us)
        __atomic_store_n(&e->longest_us, us[WSGI_PHASE_APPLICATION], __ATOMIC_RELAXED);
    __atomic_store_n(&e->count, fresh ? 1 : e->count + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&e->window, window, __ATOMIC_RELEASE);
}

void wsgi_tally_end(wsgi_tally *t, const wsgi_measure *m, int status)
{
    wsgi_totals *n = &t->now;
    uint64_t us[WSGI_PHASES];
    int i;

    if (m == NULL) {
        __atomic_store_n(&t->active_since, 0, __ATOMIC_RELAXED);
        return;
    }
    for (i = 0; i < WSGI_PHASES; i++) {
        uint64_t *bucket;

        us[i] = wsgi_phase_us(m, (enum wsgi_phase)i);
        bucket = &n->buckets[i][wsgi_bucket_of(us[i])];
        add(&n->sum_us[i], us[i]);
        add(bucket, 1);
    }
    note_extremes(t, us);
    add(&n->busy_us, less(m->finished_us, m->began_us));
    add(&n->cpu_user_us, m->cpu_user_us);
    add(&n->cpu_system_us, m->cpu_system_us);
    add(&n->gil_waits, m->gil_waits);
    add(&n->input_bytes, m->input_bytes);
    add(&n->input_reads, m->input_reads);
    add(&n->output_bytes, m->output_bytes);
    add(&n->output_writes, m->output_writes);
    add(&n->status[status >= 100 && status < 600 ? status / 100 - 1 : 4], 1);
    add(&n->count, 1);
    __atomic_store_n(&t->active_since, 0, __ATOMIC_RELAXED);
}

/* ---- reading ------------------------------------------------------------------------- */

static void load(const wsgi_totals *from, wsgi_totals *to)
{
    const uint64_t *a = (const uint64_t *)(const void *)from;
    uint64_t *b = (uint64_t *)(void *)to;
    size_t i;

    for (i = 0; i < WORDS; i++)
        b[i] = __atomic_load_n(&a[i], __ATOMIC_RELAXED);
}

/* TO += A - B, or A alone. */
static void accumulate(wsgi_totals *to, const wsgi_totals *a, const wsgi_totals *b)
{
    const uint64_t *p = (const uint64_t *)(const void *)a, *q = (const uint64_t *)(const void *)b;
    uint64_t *out = (uint64_t *)(void *)to;
    size_t i;

    for (i = 0; i < WORDS; i++)
        out[i] += q == NULL ? p[i] : less(p[i], q[i]);
}

/* Busy time counts up to now, of requests that run as well. It is part of what
 * has been seen, so that it does not count again when they end. */
static void look(wsgi_tally *t, uint64_t now, wsgi_totals *totals, uint64_t *current_us)
{
    uint64_t since = __atomic_load_n(&t->active_since, __ATOMIC_RELAXED);

    load(&t->now, totals);
    *current_us = since != 0 ? less(now, since) : 0;
    totals->busy_us += *current_us;
}

static void take_extremes(const wsgi_tally *t, uint32_t window, wsgi_sample *out, wsgi_slot_sample *slot,
                          int *any)
{
    const extremes *e = &t->banks[window % 2];
    int i;

    if (__atomic_load_n(&e->window, __ATOMIC_ACQUIRE) != window
        || __atomic_load_n(&e->count, __ATOMIC_RELAXED) == 0)
        return;
    slot->longest_us = __atomic_load_n(&e->longest_us, __ATOMIC_RELAXED);
    for (i = 0; i < WSGI_PHASES; i++) {
        uint64_t low = __atomic_load_n(&e->min_us[i], __ATOMIC_RELAXED);
        uint64_t high = __atomic_load_n(&e->max_us[i], __ATOMIC_RELAXED);

        if (!*any || low < out->min_us[i])
            out->min_us[i] = low;
        if (!*any || high > out->max_us[i])
            out->max_us[i] = high;
    }
    *any = 1;
}

/* One thread of a sample; the totals it adds are those since SEEN, or all. Lock
 * held. */
static void read_tally(wsgi_tally *t, wsgi_sample *out, wsgi_totals *seen)
{
    wsgi_slot_sample *slot = &out->slots[t->slot - 1];
    uint64_t current;
    wsgi_totals now;

    look(t, out->stop_us, &now, &current);
    slot->number = t->number;
    slot->lifetime = now.count;
    slot->current_us = current;
    out->started += !t->free;
    out->active += current > 0 || __atomic_load_n(&t->active_since, __ATOMIC_RELAXED) != 0;
    accumulate(&out->totals, &now, seen);
    slot->completed = less(now.count, seen != NULL ? seen->count : 0);
    slot->busy_us = less(now.busy_us, seen != NULL ? seen->busy_us : 0);
    slot->cpu_us = less(now.cpu_user_us + now.cpu_system_us,
                        seen != NULL ? seen->cpu_user_us + seen->cpu_system_us : 0);
    if (seen != NULL)
        *seen = now;
}

/* Lock held. 0 or -1. */
static int open_sample(wsgi_sample *out)
{
    memset(out, 0, sizeof(*out));
    out->stop_us = now_us();
    out->maximum = tallies.maximum;
    out->nslots = tallies.slots > tallies.maximum ? tallies.slots : tallies.maximum;
    out->slots = calloc(out->nslots > 0 ? out->nslots : 1, sizeof(*out->slots));
    return out->slots == NULL ? -1 : 0;
}

static void read_cpu(wsgi_sample *out)
{
    uint64_t user, system;
    double period = (double)less(out->stop_us, out->start_us) / 1e6;

    cpu_time(RUSAGE_SELF, &user, &system);
    if (period > 0) {
        out->cpu_user = (double)less(user, tallies.user_us) / 1e6 / period;
        out->cpu_system = (double)less(system, tallies.system_us) / 1e6 / period;
    }
    tallies.user_us = user;
    tallies.system_us = system;
}

int wsgi_tally_drain(wsgi_sample *out)
{
    wsgi_tally *t;
    uint32_t window;
    int rv, any = 0;

    pthread_mutex_lock(&tallies.lock);
    rv = open_sample(out);
    if (rv == 0) {
        window = __atomic_fetch_add(&tallies.window, 1, __ATOMIC_ACQ_REL);
        out->start_us = tallies.window_us;
        for (t = tallies.all; t != NULL; t = t->next) {
            read_tally(t, out, &t->seen);
            take_extremes(t, window, out, &out->slots[t->slot - 1], &any);
        }
        read_cpu(out);
        tallies.window_us = out->stop_us;
    }
    pthread_mutex_unlock(&tallies.lock);
    return rv;
}

int wsgi_tally_lifetime(wsgi_sample *out)
{
    wsgi_tally *t;
    int rv;

    pthread_mutex_lock(&tallies.lock);
    rv = open_sample(out);
    if (rv == 0) {
        out->start_us = tallies.start_us;
        for (t = tallies.all; t != NULL; t = t->next)
            read_tally(t, out, NULL);
    }
    pthread_mutex_unlock(&tallies.lock);
    return rv;
}

void wsgi_sample_free(wsgi_sample *s)
{
    free(s->slots);
    s->slots = NULL;
}
