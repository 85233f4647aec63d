/* Counting of requests: windows that are drained without a word to the writers,
 * threads that come and go, and durations in their buckets. */
#include "test.h"

#include <pthread.h>

#include "../src/wsgi_tally.h"

static void buckets(void)
{
    CHECK_INT(wsgi_bucket_of(0), 0);
    CHECK_INT(wsgi_bucket_of(999), 0);
    CHECK_INT(wsgi_bucket_of(1000), 0);
    CHECK_INT(wsgi_bucket_of(1249), 0);
    CHECK_INT(wsgi_bucket_of(1250), 1);
    CHECK_INT(wsgi_bucket_of(1999), 3);
    CHECK_INT(wsgi_bucket_of(2000), 4);
    CHECK_INT(wsgi_bucket_of(2500), 5);
    CHECK_INT(wsgi_bucket_of(65535999), 63);
    CHECK_INT(wsgi_bucket_of(65536000), 64);
    CHECK_INT(wsgi_bucket_of(UINT64_MAX), 64);
}

/* A request of thread T that took these microseconds. */
static void serve(wsgi_tally *t, uint64_t us, int status)
{
    wsgi_measure m;

    wsgi_measure_begin(&m, 1000, 2000, 3000);
    wsgi_tally_begin(t, &m);
    m.started_us = 4000;
    wsgi_measure_finish(&m);
    m.finished_us = 4000 + us;
    m.gil_ns = 5000;
    m.gil_waits = 2;
    m.input_bytes = 10;
    m.output_bytes = 20;
    wsgi_tally_end(t, &m, status);
}

static void windows(void)
{
    wsgi_tally *one, *two;
    wsgi_sample s;

    CHECK(!wsgi_tally_wanted());
    wsgi_tally_start(2);
    wsgi_tally_start(9);                     /* the first call counts */
    CHECK(wsgi_tally_wanted());
    one = wsgi_tally_take(1);
    two = wsgi_tally_take(2);
    serve(one, 5000, 200);
    serve(two, 9000, 404);
    serve(two, 1000, 0);
    CHECK_INT(wsgi_tally_drain(&s), 0);
    CHECK(s.start_us <= s.stop_us && s.maximum == 2 && s.nslots == 2 && s.started == 2 && s.active == 0);
    CHECK(s.totals.count == 3 && s.totals.status[1] == 1 && s.totals.status[3] == 1 && s.totals.status[4] == 1);
    CHECK(s.totals.gil_waits == 6 && s.totals.input_bytes == 30 && s.totals.output_bytes == 60);
    CHECK(s.totals.sum_us[WSGI_PHASE_APPLICATION] == 15000 && s.totals.sum_us[WSGI_PHASE_SERVER] == 3000);
    CHECK(s.totals.sum_us[WSGI_PHASE_QUEUE] == 3000 && s.totals.sum_us[WSGI_PHASE_DAEMON] == 3000);
    CHECK(s.totals.sum_us[WSGI_PHASE_REQUEST] == 24000 && s.totals.sum_us[WSGI_PHASE_GIL] == 15);
    CHECK(s.min_us[WSGI_PHASE_APPLICATION] == 1000 && s.max_us[WSGI_PHASE_APPLICATION] == 9000);
    CHECK(s.totals.buckets[WSGI_PHASE_APPLICATION][wsgi_bucket_of(5000)] == 1);
    CHECK(s.slots[0].completed == 1 && s.slots[1].completed == 2 && s.slots[1].longest_us == 9000);
    wsgi_sample_free(&s);

    CHECK_INT(wsgi_tally_drain(&s), 0);
    CHECK(s.totals.count == 0 && s.totals.sum_us[WSGI_PHASE_REQUEST] == 0 && s.slots[1].completed == 0);
    CHECK(s.slots[1].longest_us == 0 && s.slots[1].lifetime == 2);
    wsgi_sample_free(&s);

    serve(one, 3000, 200);                   /* the extremes are those of this window */
    CHECK_INT(wsgi_tally_drain(&s), 0);
    CHECK(s.totals.count == 1 && s.min_us[WSGI_PHASE_APPLICATION] == 3000 && s.max_us[WSGI_PHASE_APPLICATION] == 3000);
    wsgi_sample_free(&s);
    CHECK_INT(wsgi_tally_lifetime(&s), 0);
    CHECK(s.totals.count == 4 && s.slots[0].lifetime == 2);
    wsgi_sample_free(&s);
}

/* A thread that is gone leaves its place to another; one beyond the maximum has
 * one behind. */
static void places(void)
{
    wsgi_tally *again, *third;
    wsgi_sample s;

    third = wsgi_tally_take(7);
    CHECK_INT(wsgi_tally_lifetime(&s), 0);
    CHECK(s.nslots == 3 && s.slots[2].number == 7 && s.started == 3);
    wsgi_sample_free(&s);
    wsgi_tally_let_go(third);
    again = wsgi_tally_take(8);
    CHECK(again == third);
    wsgi_tally_let_go(NULL);
    CHECK_INT(wsgi_tally_lifetime(&s), 0);
    CHECK(s.nslots == 3 && s.slots[2].number == 8);
    wsgi_sample_free(&s);
}

static void running(void)
{
    wsgi_tally *t = wsgi_tally_take(1);      /* taken: it gets another place */
    wsgi_measure m;
    wsgi_sample s;

    wsgi_measure_begin(&m, 1, 1, 0);
    m.began_us -= 2000000;
    wsgi_tally_begin(t, &m);
    CHECK_INT(wsgi_tally_active(), 1);
    CHECK_INT(wsgi_tally_drain(&s), 0);
    CHECK(s.active == 1 && s.totals.count == 0 && s.totals.busy_us >= 2000000);
    wsgi_sample_free(&s);
    wsgi_measure_finish(&m);
    wsgi_tally_end(t, &m, 200);
    CHECK_INT(wsgi_tally_drain(&s), 0);      /* what was counted is not counted again */
    CHECK(s.active == 0 && s.totals.count == 1 && s.totals.busy_us < 1000000);
    wsgi_sample_free(&s);
    wsgi_tally_begin(t, &m);
    wsgi_tally_end(t, NULL, 0);
    CHECK_INT(wsgi_tally_active(), 0);
}

#define ROUNDS 20000

static void *writer(void *number)
{
    wsgi_tally *t = wsgi_tally_take((uint32_t)(uintptr_t)number);
    int i;

    for (i = 0; i < ROUNDS; i++)
        serve(t, (uint64_t)i, 200);
    wsgi_tally_let_go(t);
    return NULL;
}

/* Nothing is lost or counted twice while windows end. */
static void races(void)
{
    pthread_t threads[3];
    uint64_t count = 0;
    wsgi_sample s;
    uintptr_t i;

    for (i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, writer, (void *)(20 + i));
    for (i = 0; i < 200; i++) {
        CHECK_INT(wsgi_tally_drain(&s), 0);
        count += s.totals.count;
        wsgi_sample_free(&s);
    }
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(wsgi_tally_drain(&s), 0);
    count += s.totals.count;
    wsgi_sample_free(&s);
    CHECK_INT(count, 3 * ROUNDS);
}

int main(void)
{
    uint64_t rss, max_rss;

    RUN(buckets);
    RUN(windows);
    RUN(places);
    RUN(running);
    RUN(races);
    wsgi_memory_of_self(&rss, &max_rss);
    CHECK(rss > 0 && max_rss >= rss / 2);
    return TEST_DONE();
}
