/* wsgi_turn.h - the turnstile in front of a GIL.
 *
 * Many threads that wait for a GIL wake each other up for nothing. So they queue
 * here, and the one whose turn it is keeps it until its request is done with
 * Python. A holder that blocks gives up the GIL but not this. So one of those
 * who wait looks, after a moment, whether anybody had a turn meanwhile: if not,
 * it opens the turnstile to all, who go on to the GIL, until the holder is back.
 * The others sleep until it is their turn: were each to look, they would do
 * nothing else.
 *
 * One for each GIL; a thread is in one at a time. Included by wsgi_interp.c.
 */
#ifndef WSGI_TURN_H
#define WSGI_TURN_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef struct {
    uint32_t state;               /* all atomic: enum wsgi_turn_state */
    uint32_t turns;               /* that were taken; written by the holder */
    uint32_t open;                /* its holder is blocked */
    uint32_t watched;             /* somebody who waits looks after it */
} wsgi_turn;

enum wsgi_turn_state { WSGI_TURN_FREE = 0, WSGI_TURN_TAKEN, WSGI_TURN_AWAITED };

static inline void wsgi_turn_init(wsgi_turn *t)
{
    const wsgi_turn none = {0, 0, 0, 0};

    *t = none;
}

static inline uint64_t wsgi_turn_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

#ifdef __linux__
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Microseconds without any turn after which the holder is taken to be blocked,
 * and after which who waits goes to the GIL whatever happens. */
#define WSGI_TURN_MOMENT_US 100
#define WSGI_TURN_LONGEST_US 2000
#define WSGI_TURN_SPINS 60

static inline int wsgi_turn_try(wsgi_turn *t)
{
    uint32_t is_free = WSGI_TURN_FREE;

    return __atomic_load_n(&t->state, __ATOMIC_RELAXED) == WSGI_TURN_FREE
        && __atomic_compare_exchange_n(&t->state, &is_free, WSGI_TURN_TAKEN, 0,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void wsgi_turn_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Sleep until somebody gives the turn, or for US microseconds: 0 if so. */
static inline int wsgi_turn_sleep(wsgi_turn *t, uint32_t us)
{
    const struct timespec wait = {0, (long)us * 1000};

    return syscall(SYS_futex, &t->state, FUTEX_WAIT_PRIVATE, WSGI_TURN_AWAITED, &wait, NULL, 0) == 0
        || errno != ETIMEDOUT;
}

static inline void wsgi_turn_wake(wsgi_turn *t, int n)
{
    syscall(SYS_futex, &t->state, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

/* Wait for a turn that somebody else has. 1 if it came, 0 to go to the GIL. */
static inline int wsgi_turn_wait(wsgi_turn *t)
{
    uint32_t seen = __atomic_load_n(&t->turns, __ATOMIC_RELAXED);
    int mine = 0, got = 0, rounds = 0;

    while (!__atomic_load_n(&t->open, __ATOMIC_ACQUIRE)) {
        if (!mine)
            mine = !__atomic_exchange_n(&t->watched, 1, __ATOMIC_ACQ_REL);
        if (__atomic_exchange_n(&t->state, WSGI_TURN_AWAITED, __ATOMIC_ACQUIRE) == WSGI_TURN_FREE) {
            got = 1;
            break;
        }
        if (wsgi_turn_sleep(t, mine ? WSGI_TURN_MOMENT_US : WSGI_TURN_LONGEST_US) == 0) {
            uint32_t turns = __atomic_load_n(&t->turns, __ATOMIC_RELAXED);

            if (!mine || ++rounds > WSGI_TURN_LONGEST_US / WSGI_TURN_MOMENT_US)
                break;
            if (turns == seen) {
                __atomic_store_n(&t->open, 1, __ATOMIC_RELEASE);
                wsgi_turn_wake(t, INT_MAX);
                break;
            }
            seen = turns;
        }
    }
    if (mine)
        __atomic_store_n(&t->watched, 0, __ATOMIC_RELEASE);
    return got;
}

/* Wait for the calling thread's turn. 1 if it has it. If it was not alone
 * *FROM_US gets the time by the monotonic clock; a thread that is alone pays for
 * no look at it. */
static inline int wsgi_turn_take(wsgi_turn *t, uint64_t *from_us)
{
    int i;

    if (wsgi_turn_try(t))
        return 1;
    *from_us = wsgi_turn_now_us();
    for (i = 0; i < WSGI_TURN_SPINS; i++) {
        if (__atomic_load_n(&t->open, __ATOMIC_RELAXED))
            return 0;
        wsgi_turn_relax();
        if (wsgi_turn_try(t))
            return 1;
    }
    return wsgi_turn_wait(t);
}

/* By the thread whose turn it is. */
static inline void wsgi_turn_give(wsgi_turn *t)
{
    __atomic_store_n(&t->turns, t->turns + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&t->open, 0, __ATOMIC_RELAXED);
    if (__atomic_exchange_n(&t->state, WSGI_TURN_FREE, __ATOMIC_RELEASE) == WSGI_TURN_AWAITED)
        wsgi_turn_wake(t, 1);
}
#else
static inline int wsgi_turn_take(wsgi_turn *t, uint64_t *from_us)
{
    (void)t;
    (void)from_us;
    return 0;
}

static inline void wsgi_turn_give(wsgi_turn *t)
{
    (void)t;
}
#endif

#endif
