/* What a scoreboard counts: histograms, sums over processes that come and go,
 * boards that follow one another, and what a thread does now. */
#include "test.h"

#include <unistd.h>

#include "../src/wsgi_numbers.h"

static wsgi_board *board;
static int fd;

static void make(uint32_t slots, uint32_t threads, uint32_t cells)
{
    CHECK_INT(wsgi_board_create(slots, threads, cells, &board, &fd), 0);
}

static void drop(void)
{
    wsgi_board_unmap(board);
    close(fd);
}

static wsgi_sums sums_of(const wsgi_board *b)
{
    wsgi_sums s;

    memset(&s, 0, sizeof(s));
    wsgi_numbers_add(b, &s);
    return s;
}

static uint64_t count_of(const wsgi_histogram *h)
{
    uint64_t n = 0;
    int i;

    for (i = 0; i < WSGI_HISTOGRAM_BUCKETS; i++)
        n += h->buckets[i];
    return n;
}

static void bounds(void)
{
    wsgi_outcome o = { .status = 200 };
    wsgi_sums s;
    int i;

    make(1, 1, 1);
    for (i = 1; i < WSGI_HISTOGRAM_BOUNDS; i++)
        CHECK(wsgi_histogram_bounds[i - 1] < wsgi_histogram_bounds[i]);
    for (i = 0; i < WSGI_HISTOGRAM_BOUNDS; i++) {       /* a bound belongs to its bucket */
        o.duration_us = wsgi_histogram_bounds[i];
        wsgi_numbers_count(board, 0, &o);
        o.duration_us++;
        wsgi_numbers_count(board, 0, &o);
    }
    s = sums_of(board);
    CHECK_INT(s.duration.buckets[0], 0);                /* the cell was never claimed */
    wsgi_cell_claim(board, getpid());
    s = sums_of(board);
    CHECK_INT(s.duration.buckets[0], 1);
    for (i = 1; i < WSGI_HISTOGRAM_BOUNDS; i++)
        CHECK_INT(s.duration.buckets[i], 2);
    CHECK_INT(s.duration.buckets[WSGI_HISTOGRAM_BOUNDS], 1);
    drop();
}

static void statuses(void)
{
    static const struct { int status, class; } table[] = {
        { 101, 0 }, { 200, 1 }, { 299, 1 }, { 301, 2 }, { 404, 3 }, { 500, 4 }, { 599, 4 }, { 600, 4 }, { 0, 4 }, { -1, 4 }
    };
    wsgi_outcome o = { .duration_us = 7, .bytes_in = 3, .bytes_out = 5 };
    size_t i;
    int k;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        wsgi_sums s;

        make(4, 2, 3);
        CHECK_INT(wsgi_cell_claim(board, getpid()), 0);
        o.status = table[i].status;
        wsgi_numbers_count(board, 0, &o);
        wsgi_numbers_count(board, WSGI_CELL_INVALID, &o);        /* who has no cell counts as well */
        s = sums_of(board);
        for (k = 0; k < WSGI_CLASSES; k++)
            CHECK_INT(s.classes[k], k == table[i].class ? 2 : 0);
        CHECK(s.bytes_in == 6 && s.bytes_out == 10 && s.duration.sum_us == 14 && count_of(&s.duration) == 2);
        drop();
    }
}

/* A process that is killed takes nothing with it, and its successor's numbers
 * begin with itself. */
static void incarnations(void)
{
    wsgi_slot_view v;
    wsgi_sums s;
    int i, round;

    make(2, 2, 1);
    for (round = 1; round <= 3; round++) {
        wsgi_slot_begin(board, 1);
        for (i = 0; i < 5; i++) {
            wsgi_thread_busy(board, 1, 1, 1000);
            wsgi_thread_done(board, 1, 1, 1010);
            wsgi_thread_waited(board, 1, 1, 50);
        }
        wsgi_thread_gil(board, 1, 1, 8, 2);
        wsgi_thread_busy(board, 1, 0, 1000);    /* in the midst of this one */
        wsgi_numbers_memory(board, 1, 4096, 2048);
        wsgi_slot_read(board, 1, &v);
        CHECK(v.requests == 5 && v.rss == 4096 && v.pss == 2048);
        wsgi_slot_end(board, 1, WSGI_DEATH_SIGNAL, 9);
        wsgi_slot_end(board, 0, WSGI_DEATH_OOM, 0);
        s = sums_of(board);
        CHECK_INT(s.busy_us, 50 * round);
        CHECK_INT(count_of(&s.wait), 5 * round);
        CHECK(s.wait.sum_us == 250u * (unsigned)round && s.gil_us == 8u * (unsigned)round &&
              s.gil_waits == 2u * (unsigned)round);
        CHECK(s.deaths[WSGI_DEATH_SIGNAL] == (unsigned)round && s.deaths[WSGI_DEATH_OOM] == (unsigned)round);
    }
    wsgi_slot_begin(board, 1);
    wsgi_slot_read(board, 1, &v);
    CHECK(v.requests == 0 && v.rss == 0);
    wsgi_thread_busy(board, 1, 1, 1000);
    wsgi_thread_done(board, 1, 1, 900);         /* the clock was set back: no time, but a request */
    s = sums_of(board);
    CHECK_INT(s.busy_us, 150);
    wsgi_numbers_memory(board, 2, 1, 1);        /* outside: nothing */
    wsgi_thread_waited(board, 2, 0, 1);
    wsgi_thread_gil(board, 0, 2, 1, 1);
    drop();
}

/* Some of everything, counted once over. */
static void count_all(wsgi_board *b)
{
    wsgi_outcome o = { .status = 404, .duration_us = 2000000, .bytes_in = 1, .bytes_out = 2 };

    wsgi_numbers_count(b, wsgi_cell_claim(b, getpid()), &o);
    wsgi_numbers_lose(b, WSGI_LOSS_TIMEOUT);
    wsgi_numbers_lose(b, WSGI_LOSSES);          /* none */
    wsgi_slot_begin(b, 0);
    wsgi_thread_busy(b, 0, 0, 1);
    wsgi_thread_done(b, 0, 0, 4);
    wsgi_thread_waited(b, 0, 0, 99);
    wsgi_thread_gil(b, 0, 0, 6, 1);
    wsgi_slot_end(b, 0, WSGI_DEATH_EXIT, 1);
}

static void successors(void)
{
    wsgi_board *first, *second;
    wsgi_sums one, both;
    int a, b;
    size_t i;

    CHECK_INT(wsgi_board_create(4, 2, 9, &first, &a), 0);
    CHECK_INT(wsgi_board_create(8, 1, 3, &second, &b), 0);
    count_all(first);
    one = sums_of(first);
    CHECK(one.classes[3] == 1 && one.losses[WSGI_LOSS_TIMEOUT] == 1 && one.deaths[WSGI_DEATH_EXIT] == 1);
    count_all(second);
    wsgi_numbers_inherit(second, &one);
    both = sums_of(second);
    for (i = 0; i < sizeof(one) / sizeof(uint64_t); i++)
        CHECK_INT(((uint64_t *)&both)[i], 2 * ((uint64_t *)&one)[i]);
    CHECK_INT(wsgi_board_deaths_of(second, WSGI_DEATH_EXIT), 2);
    wsgi_board_unmap(first);
    wsgi_board_unmap(second);
    close(a);
    close(b);
}

static void queue(void)
{
    uint32_t one, two;

    make(4, 2, 8);
    one = wsgi_cell_claim(board, getpid());
    two = wsgi_cell_claim(board, getpid());
    CHECK_INT(wsgi_numbers_places(board), 2);
    CHECK(wsgi_numbers_owner(board, one) == getpid() && wsgi_numbers_owner(board, 7) == 0 &&
          wsgi_numbers_owner(board, 8) == 0);
    CHECK_INT(wsgi_numbers_queued(board), 0);
    wsgi_cell_queue(board, one);
    wsgi_cell_take(board, two, wsgi_cell_queue(board, two), 0, 1);
    CHECK_INT(wsgi_numbers_queued(board), 1);
    wsgi_cell_done(board, one);
    CHECK_INT(wsgi_numbers_queued(board), 0);
    wsgi_cell_release(board, one);
    CHECK_INT(wsgi_numbers_places(board), 2);
    drop();
}

/* That of embedded mode: a thread beside each cell. */
static void local(void)
{
    wsgi_sums s;
    uint32_t cell;

    make(4, 2, 8);
    CHECK(!wsgi_board_local(board));
    drop();
    make(1, 8, 8);
    CHECK(wsgi_board_local(board));
    cell = wsgi_cell_claim(board, getpid());
    wsgi_thread_busy(board, 0, cell, 10);
    wsgi_thread_done(board, 0, cell, 30);
    s = sums_of(board);
    CHECK_INT(s.busy_us, 20);
    drop();
}

static void what_is(const char *method, const char *uri, const char *want)
{
    wsgi_thread_view v;

    wsgi_thread_busy(board, 0, 0, 100);
    wsgi_thread_look(board, 0, 0, &v);
    CHECK(v.state == WSGI_THREAD_BUSY && v.since_us == 100 && v.received_us == 0 && v.what[0] == '\0');
    wsgi_thread_what(board, 0, 0, 90, method, strlen(method), uri, strlen(uri));
    wsgi_thread_look(board, 0, 0, &v);
    CHECK(v.received_us == 90);
    if (strcmp(v.what, want) != 0)
        CHECK_HAS(v.what, want);
    CHECK_INT(strlen(v.what), strlen(want));
    wsgi_thread_done(board, 0, 0, 101);
    wsgi_thread_look(board, 0, 0, &v);
    CHECK(v.state == WSGI_THREAD_IDLE && v.since_us == 0 && v.what[0] == '\0');
}

static void what(void)
{
    wsgi_thread_view v;
    char path[300], want[WSGI_WHAT_MAX + 1];

    make(1, 1, 2);
    what_is("GET", "/", "GET /");
    what_is("POST", "/a/b?password=secret", "POST /a/b");
    what_is("GET", "?only", "GET ");
    what_is("", "", " ");
    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    memcpy(want, "OPTIONS ", 8);
    memcpy(want + 8, path, WSGI_WHAT_MAX - 8);
    want[WSGI_WHAT_MAX] = '\0';
    what_is("OPTIONS", path, want);
    memcpy(want, path, WSGI_WHAT_MAX);
    what_is(path, "/y", want);                      /* a method that fills it all */
    wsgi_thread_what(board, 0, 0, 1, NULL, 0, NULL, 0);
    wsgi_thread_what(board, 0, 1, 1, "GET", 3, "/", 1);      /* outside: nothing */
    wsgi_thread_look(board, 0, 1, &v);
    CHECK_INT(v.state, WSGI_THREAD_NONE);
    drop();
}

static void causes(void)
{
    int i, k;

    for (i = WSGI_DEATH_NONE + 1; i < WSGI_DEATH_KINDS; i++) {
        const char *word = wsgi_death_word((enum wsgi_death)i);

        CHECK(strcmp(word, "other") != 0 && strspn(word, "abcdefghijklmnopqrstuvwxyz_") == strlen(word));
        for (k = WSGI_DEATH_NONE + 1; k < i; k++)
            CHECK(strcmp(word, wsgi_death_word((enum wsgi_death)k)) != 0);
    }
    CHECK(strcmp(wsgi_death_word(WSGI_DEATH_KINDS), "other") == 0);
}

int main(void)
{
    RUN(bounds);
    RUN(statuses);
    RUN(incarnations);
    RUN(successors);
    RUN(queue);
    RUN(local);
    RUN(what);
    RUN(causes);
    return TEST_DONE();
}
