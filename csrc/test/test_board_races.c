/* The promise of the cells under threads: a request runs at most once, and
 * never once it was given up. Two hosts try every ticket they have heard of,
 * old ones too; the relay sends again and gives up as it likes. Built with
 * ASan and with TSan. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "../src/wsgi_board.h"

#define ROUNDS 300000              /* at most */
#define ENOUGH 300                  /* of either outcome */
#define HOSTS  2

static wsgi_board *board;
static uint32_t cell;
static uint32_t announced;          /* the newest ticket, as a packet would carry it */
static unsigned runs[ROUNDS * 3];   /* by ticket */
static int finished;

static uint32_t load(uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void *host(void *arg)
{
    uint32_t slot = (uint32_t)(size_t)arg, back = 0, idle = 0;

    while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
        uint32_t ticket = load(&announced);

        if (ticket > back)              /* now the newest, now a stale copy */
            ticket -= back;
        back = (back + 1) % 3;
        if (ticket != 0 && wsgi_cell_take(board, cell, ticket, slot, 1)) {
            __atomic_fetch_add(&runs[ticket], 1, __ATOMIC_RELAXED);
            wsgi_thread_busy(board, slot, 0, ticket);
            wsgi_thread_done(board, slot, 0, ticket);
        } else if (++idle % 256 == 0) {
            sched_yield();              /* four threads, perhaps on one core */
        }
    }
    return NULL;
}

static void *supervisor(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
        uint16_t inc = wsgi_slot_begin(board, 2);

        wsgi_slot_state(board, 2, inc, WSGI_SLOT_READY);
        if (!wsgi_slot_lives(board, 2, inc))
            abort();
        wsgi_slot_end(board, 2, WSGI_DEATH_EXIT, 0);
        sched_yield();
    }
    return NULL;
}

static void at_most_once(void)
{
    pthread_t threads[HOSTS + 1];
    unsigned given_up = 0, ran = 0, too_late = 0, sent_again = 0, rounds;
    uint64_t counted = 0, count;
    wsgi_slot_view view;
    int fd, i, k;

    CHECK(wsgi_board_create(3, 1, 1, &board, &fd) == 0);
    cell = wsgi_cell_claim(board, getpid());
    for (i = 0; i < HOSTS; i++)
        CHECK(pthread_create(&threads[i], NULL, host, (void *)(size_t)i) == 0);
    CHECK(pthread_create(&threads[HOSTS], NULL, supervisor, NULL) == 0);
    for (i = 0; i < ROUNDS && (given_up < ENOUGH || too_late < ENOUGH); i++) {
        uint32_t ticket = wsgi_cell_queue(board, cell), slot, newer;
        uint16_t inc;

        __atomic_store_n(&announced, ticket, __ATOMIC_RELEASE);
        if (i % 3 == 0 && (newer = wsgi_cell_requeue(board, cell, ticket)) != 0) {
            CHECK_INT(runs[ticket], 0);
            ticket = newer;
            sent_again++;
            __atomic_store_n(&announced, ticket, __ATOMIC_RELEASE);
        }
        for (k = i % 97; k > 0; k--)        /* give up sooner or later, so that either may win */
            wsgi_cell_read(board, cell, &slot, &inc);
        if (i % 2 == 0 && wsgi_cell_abandon(board, cell, ticket)) {
            given_up++;
            CHECK_INT(__atomic_load_n(&runs[ticket], __ATOMIC_RELAXED), 0);
        } else {
            while (wsgi_cell_read(board, cell, &slot, &inc) != WSGI_CELL_TAKEN)
                sched_yield();
            CHECK(slot < HOSTS && inc == 1);
            ran++;
            too_late += i % 2 == 0;
        }
        wsgi_cell_done(board, cell);
        wsgi_slot_read(board, 2, &view);
        CHECK(view.state <= WSGI_SLOT_GONE);
    }
    rounds = (unsigned)i;
    __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
    for (i = 0; i <= HOSTS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (i = 0; i < ROUNDS * 3; i++) {
        if (runs[i] > 1)
            CHECK_INT(runs[i], 1);
        ran -= runs[i];
    }
    CHECK_INT(ran, 0);                  /* as many ran as were seen to be taken */
    for (i = 0; i < HOSTS; i++) {
        wsgi_thread_read(board, (uint32_t)i, 0, NULL, &count);
        counted += count;
    }
    CHECK(counted + given_up == rounds);
    printf("# %u rounds: %u given up, %u taken first, %u sent again\n", rounds, given_up, too_late,
           sent_again);
    wsgi_board_unmap(board);
    close(fd);
}

int main(void)
{
    RUN(at_most_once);
    return TEST_DONE();
}
