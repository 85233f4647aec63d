/* The numbers under threads: nothing that is counted is lost, sums never go
 * backwards while processes come and go, and no text is ever seen half written.
 * Built with ASan and with TSan. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "../src/wsgi_numbers.h"

#define RELAYS 2
#define LIVES  40                   /* of the process that comes and goes */
#define EACH   500                  /* requests of a life, and of a relay meanwhile */

static wsgi_board *board;
static int finished, failures;

static void *relay(void *arg)
{
    uint32_t cell = arg != NULL ? wsgi_cell_claim(board, getpid()) : WSGI_CELL_INVALID;
    wsgi_outcome o = { .status = 200, .bytes_out = 3 };
    int i;

    for (i = 0; i < LIVES * EACH; i++) {
        o.duration_us = (uint64_t)i;
        wsgi_numbers_count(board, cell, &o);
        if (i % 64 == 0)
            wsgi_numbers_lose(board, WSGI_LOSS_REFUSED);
    }
    return NULL;
}

static void *life(void *arg)
{
    char letters[100];
    int i;

    (void)arg;
    for (i = 0; i < EACH; i++) {
        size_t n = 1 + (size_t)(i % 97);

        memset(letters, 'a' + i % 26, sizeof(letters));
        wsgi_thread_busy(board, 0, 0, 100);
        wsgi_thread_what(board, 0, 0, 99, letters, 1, letters, n);
        wsgi_thread_waited(board, 0, 0, (uint64_t)i);
        wsgi_thread_gil(board, 0, 0, 1, 1);
        wsgi_thread_done(board, 0, 0, 102);
    }
    return NULL;
}

/* One life after the other, each on a thread of its own. */
static void *supervisor(void *arg)
{
    pthread_t t;
    int i;

    (void)arg;
    for (i = 0; i < LIVES; i++) {
        wsgi_slot_begin(board, 0);
        if (pthread_create(&t, NULL, life, NULL) != 0)
            abort();
        pthread_join(t, NULL);
        wsgi_slot_end(board, 0, WSGI_DEATH_SIGNAL, 9);
        sched_yield();
    }
    return NULL;
}

/* "x xxxxx": all of one letter. */
static int whole(const char *what)
{
    size_t n = strlen(what), i;

    if (n == 0)
        return 1;
    if (n < 3 || what[1] != ' ')
        return 0;
    for (i = 2; i < n; i++)
        if (what[i] != what[0])
            return 0;
    return 1;
}

static void *reader(void *arg)
{
    wsgi_sums before, now;
    wsgi_thread_view v;
    size_t i, seen = 0;

    (void)arg;
    memset(&before, 0, sizeof(before));
    while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
        memset(&now, 0, sizeof(now));
        wsgi_numbers_add(board, &now);
        for (i = 0; i < sizeof(now) / sizeof(uint64_t); i++)
            if (((uint64_t *)&now)[i] < ((uint64_t *)&before)[i])
                __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
        before = now;
        wsgi_thread_look(board, 0, 0, &v);
        if (!whole(v.what))
            __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
        seen += v.what[0] != '\0';
        wsgi_numbers_queued(board);
    }
    return (void *)seen;
}

static void nothing_is_lost(void)
{
    pthread_t relays[RELAYS + 1], others[2];
    uint64_t total = 0;
    wsgi_sums s;
    void *seen;
    int fd, i;

    CHECK_INT(wsgi_board_create(1, 1, RELAYS + 1, &board, &fd), 0);
    CHECK(pthread_create(&others[0], NULL, reader, NULL) == 0);
    CHECK(pthread_create(&others[1], NULL, supervisor, NULL) == 0);
    for (i = 0; i <= RELAYS; i++)               /* the first has no cell */
        CHECK(pthread_create(&relays[i], NULL, relay, i > 0 ? &relays[i] : NULL) == 0);
    for (i = 0; i <= RELAYS; i++)
        CHECK(pthread_join(relays[i], NULL) == 0);
    CHECK(pthread_join(others[1], NULL) == 0);
    __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(others[0], &seen) == 0);
    memset(&s, 0, sizeof(s));
    wsgi_numbers_add(board, &s);
    CHECK_INT(s.classes[1], (RELAYS + 1) * LIVES * EACH);
    CHECK_INT(s.bytes_out, 3 * (RELAYS + 1) * LIVES * EACH);
    CHECK_INT(s.losses[WSGI_LOSS_REFUSED], (RELAYS + 1) * ((LIVES * EACH + 63) / 64));
    CHECK_INT(s.busy_us, 2 * LIVES * EACH);
    CHECK_INT(s.gil_waits, LIVES * EACH);
    for (i = 0; i < WSGI_HISTOGRAM_BUCKETS; i++)
        total += s.wait.buckets[i];
    CHECK_INT(total, LIVES * EACH);
    CHECK_INT(s.deaths[WSGI_DEATH_SIGNAL], LIVES);
    CHECK_INT(failures, 0);
    printf("# %zu texts seen\n", (size_t)seen);
    wsgi_board_unmap(board);
    close(fd);
}

int main(void)
{
    RUN(nothing_is_lost);
    return TEST_DONE();
}
