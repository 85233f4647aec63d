/* wsgi_tally.h - what the requests of this process cost: counted by the thread
 * that runs them, read and drained by anybody.
 *
 * Each thread owns a record that only it writes, with relaxed atomics: counters
 * that only grow, and the extremes of the current window in one of two banks. The
 * reader keeps what it has seen of each, so a window ends without a word to the
 * writers. Nothing is counted, and no clock is read, before wsgi_tally_start.
 *
 * Plain tier.
 */
#ifndef WSGI_TALLY_H
#define WSGI_TALLY_H

#include <stdint.h>
#include <stddef.h>

#define WSGI_BUCKETS 65           /* 16 octaves from 1 ms in 4 steps each, then what is longer */

/* What the time of a request is made of. */
enum wsgi_phase { WSGI_PHASE_SERVER, WSGI_PHASE_QUEUE, WSGI_PHASE_DAEMON, WSGI_PHASE_APPLICATION,
                  WSGI_PHASE_REQUEST, WSGI_PHASE_GIL, WSGI_PHASE_INPUT, WSGI_PHASE_OUTPUT, WSGI_PHASES };

/* One request, as it goes; written by its thread, relaxed. Times of day in
 * microseconds since the epoch, 0 is not known, or not yet. */
typedef struct {
    int on;                       /* somebody wants to know */
    uint64_t received_us, queued_us, taken_us;   /* by httpd; queued and taken 0 in embedded mode */
    uint64_t began_us;            /* on this thread */
    uint64_t started_us;          /* just before the callable */
    uint64_t finished_us;
    uint64_t gil_ns, gil_waits;
    uint64_t input_ns, input_reads, input_bytes;
    uint64_t output_ns, output_writes, output_bytes;
    uint64_t cpu_user_us, cpu_system_us;         /* at first of the thread, then of the request */
    uint32_t active;              /* requests under way when it began, itself included */
} wsgi_measure;

/* All zero, and on. CPU time is read. */
void wsgi_measure_begin(wsgi_measure *m, uint64_t received_us, uint64_t queued_us,
                        uint64_t taken_us);
/* It is over: finished_us, and CPU times of the request. */
void wsgi_measure_finish(wsgi_measure *m);
/* Nanoseconds of a clock that nobody sets. */
uint64_t wsgi_lap_ns(void);
static inline void wsgi_measure_set(uint64_t *to, uint64_t n)
{
    __atomic_store_n(to, n, __ATOMIC_RELAXED);
}
static inline void wsgi_measure_add(uint64_t *to, uint64_t n)
{
    __atomic_store_n(to, *to + n, __ATOMIC_RELAXED);
}

typedef struct {                  /* nothing but uint64_t */
    uint64_t count, busy_us, cpu_user_us, cpu_system_us;
    uint64_t gil_waits, input_bytes, input_reads, output_bytes, output_writes;
    uint64_t status[5];           /* 1xx to 5xx */
    uint64_t sum_us[WSGI_PHASES];
    uint64_t buckets[WSGI_PHASES][WSGI_BUCKETS];
} wsgi_totals;

typedef struct wsgi_tally wsgi_tally;            /* of one thread; opaque */

/* Count from now on, with at most MAXIMUM threads; the first call counts. */
void wsgi_tally_start(uint32_t maximum);
extern int wsgi_tally_started;                   /* atomic */
static inline int wsgi_tally_wanted(void)
{
    return __atomic_load_n(&wsgi_tally_started, __ATOMIC_RELAXED);
}

/* The record of request thread NUMBER, kept until let go of; NULL without
 * memory. Records of threads that are gone are used again. */
wsgi_tally *wsgi_tally_take(uint32_t number);
void wsgi_tally_let_go(wsgi_tally *t);
/* Its thread runs a request / has run it; STATUS 0: no response was started; M
 * NULL: it was not for us. */
void wsgi_tally_begin(wsgi_tally *t, wsgi_measure *m);
void wsgi_tally_end(wsgi_tally *t, const wsgi_measure *m, int status);
/* Duration of a phase by now, in microseconds. */
uint64_t wsgi_phase_us(const wsgi_measure *m, enum wsgi_phase p);
/* Where a duration counts. */
unsigned wsgi_bucket_of(uint64_t us);
/* Threads that run a request. */
uint32_t wsgi_tally_active(void);

/* ---- reading ------------------------------------------------------------------ */

typedef struct {                  /* one thread in the window */
    uint32_t number;              /* of the thread; 0: none has been here */
    uint64_t completed, busy_us, cpu_us, current_us, longest_us;
    uint64_t lifetime;            /* requests since the start */
} wsgi_slot_sample;

typedef struct {
    uint64_t start_us, stop_us;   /* of the window */
    uint32_t maximum, started, active;
    wsgi_totals totals;           /* of the window */
    uint64_t min_us[WSGI_PHASES], max_us[WSGI_PHASES];   /* if totals.count > 0 */
    double cpu_user, cpu_system;  /* CPU seconds per second, of the process */
    uint32_t nslots;
    wsgi_slot_sample *slots;      /* malloc */
} wsgi_sample;

/* What has come together since the last call, or since the start. 0, or -1
 * without memory; OUT is to be freed after 0. */
int  wsgi_tally_drain(wsgi_sample *out);
/* All since the start: totals, threads and slots alone; nothing is drained. */
int  wsgi_tally_lifetime(wsgi_sample *out);
void wsgi_sample_free(wsgi_sample *s);

/* Bytes of memory of this process that are in use, and at most were. */
void wsgi_memory_of_self(uint64_t *rss, uint64_t *max_rss);

#endif
