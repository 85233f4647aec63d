/* test_turn.c - the turnstile: one at a time, nobody for ever, open when its
 * holder blocks. Run under TSan too. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "test.h"
#include "wsgi_turn.h"

#define THREADS 8
#define TURNS   20000

static wsgi_turn turn;
static atomic_int inside;
static long counted;              /* by whoever has the turn */
static atomic_long passed;        /* those who went on without */
static atomic_int together;       /* two had a turn at once */

static void *visitor(void *arg)
{
    int i;

    (void)arg;
    for (i = 0; i < TURNS; i++) {
        uint64_t from = 0;

        if (wsgi_turn_take(&turn, &from)) {
            if (atomic_fetch_add(&inside, 1) != 0)
                atomic_fetch_add(&together, 1);
            counted++;
            atomic_fetch_sub(&inside, 1);
            wsgi_turn_give(&turn);
        }
        else
            atomic_fetch_add(&passed, 1);
    }
    return NULL;
}

/* Whatever the order, no two have a turn together and each comes through. */
static void one_at_a_time(void)
{
    pthread_t t[THREADS];
    int i;

    wsgi_turn_init(&turn);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, visitor, NULL) == 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    CHECK(counted + atomic_load(&passed) == (long)THREADS * TURNS);
    CHECK(counted > 0);
    CHECK_INT(atomic_load(&together), 0);
}

#ifdef __linux__
static atomic_int went;

static void *passer(void *arg)
{
    uint64_t from = 0;

    (void)arg;
    if (wsgi_turn_take(&turn, &from) == 0 && from != 0)
        atomic_fetch_add(&went, 1);
    return NULL;
}

/* A holder that does not come back: all who wait go on, and those who come later
 * do not wait at all. When it is back, there are turns again. */
static void holder_blocks(void)
{
    pthread_t t[THREADS];
    uint64_t from = 0;
    int i;

    wsgi_turn_init(&turn);
    CHECK(wsgi_turn_take(&turn, &from) == 1 && from == 0);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, passer, NULL) == 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    CHECK(atomic_load(&went) == THREADS);
    CHECK(__atomic_load_n(&turn.open, __ATOMIC_RELAXED) == 1);
    CHECK(wsgi_turn_take(&turn, &from) == 0);
    wsgi_turn_give(&turn);
    CHECK(wsgi_turn_take(&turn, &from) == 1);
    wsgi_turn_give(&turn);
}
#endif

int main(void)
{
    RUN(one_at_a_time);
#ifdef __linux__
    RUN(holder_blocks);
#endif
    return TEST_DONE();
}
