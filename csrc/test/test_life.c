/* The life of a daemon process, with a clock that the test turns: each limit,
 * the order of stops, and the mistakes that others made. */
#include "test.h"

#include "../src/wsgi_life.h"

#define SEATS 4

/* What the machine was seen to do since the last look at it. */
static struct {
    int closed, drained, finished, forced, stacks, reported, ahead, interrupted, told;
    int64_t at;
    enum wsgi_death recycled;
    uint32_t seat;
    uint64_t since_us;
    char log[4096];
} did;

static wsgi_options options;
static wsgi_life life;
static wsgi_life_seat seats[SEATS];
static wsgi_life_view view;
static int64_t now;

static void on_close(void *ctx) { (void)ctx; did.closed = 1; }
static void on_draining(void *ctx) { (void)ctx; did.drained = 1; }
static void on_recycle(void *ctx, enum wsgi_death why) { (void)ctx; did.recycled = why; }
static void on_stacks(void *ctx) { (void)ctx; did.stacks++; }
static void on_wake(void *ctx) { (void)ctx; }
static void on_finish(void *ctx) { (void)ctx; did.finished++; }
static void on_force(void *ctx) { (void)ctx; did.forced++; }

static void on_report(void *ctx, uint32_t seat, uint64_t since_us, int ahead)
{
    (void)ctx;
    did.reported++;
    did.ahead = ahead;
    did.at = now;
    did.seat = seat;
    did.since_us = since_us;
}

static void on_interrupt(void *ctx, uint32_t seat, uint64_t since_us, int told)
{
    (void)ctx;
    did.interrupted++;
    did.told = told;
    did.seat = seat;
    did.since_us = since_us;
}

static void on_log(void *ctx, int level, const char *text)
{
    size_t n = strlen(did.log);

    (void)ctx;
    snprintf(did.log + n, sizeof(did.log) - n, "%d %s\n", level, text);
}

static const wsgi_life_effects effects = {
    .close = on_close, .draining = on_draining, .recycle = on_recycle, .report = on_report, .interrupt = on_interrupt,
    .stacks = on_stacks, .wake = on_wake, .finish = on_finish, .force = on_force, .log = on_log
};

static void forget(void)
{
    memset(&did, 0, sizeof(did));
}

/* A process with THREADS idle threads that has just begun to serve. WORDS are
 * its options, NAME=VALUE apart by blanks. */
static void begin(uint32_t threads, const char *words)
{
    char copy[256], text[16], err[256], *word, *rest = NULL;
    uint32_t i;

    wsgi_options_init(&options);
    options.name = strdup("g");
    snprintf(text, sizeof(text), "%u", threads);
    CHECK_INT(wsgi_options_set(&options, "threads", text, err, sizeof(err)), 0);
    snprintf(copy, sizeof(copy), "%s", words);
    for (word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');

        *value++ = '\0';
        CHECK_INT(wsgi_options_set(&options, word, value, err, sizeof(err)), 0);
    }
    now = 5000000;
    forget();
    memset(seats, 0, sizeof(seats));
    memset(&view, 0, sizeof(view));
    view.seats = seats;
    view.nseats = threads;
    view.wall_us = UINT64_C(1700000000000000);
    view.serving = view.loading = view.loaded = 1;
    for (i = 0; i < threads; i++)
        seats[i].state = WSGI_SEAT_WAITING;
    CHECK_INT(wsgi_life_init(&life, &options, threads, &effects, NULL, now), 0);
    wsgi_life_tick(&life, &view, now);
}

static void end(void)
{
    wsgi_life_free(&life);
    wsgi_options_free(&options);
}

/* MS pass, in the steps that the machine asks for. */
static void pass(int64_t ms)
{
    int64_t until = now + ms;

    while (now < until) {
        int next = wsgi_life_next(&life, &view, now);
        int64_t step = next < 0 || now + next > until ? until - now : next > 0 ? next : 1;

        now += step;
        view.wall_us += (uint64_t)step * 1000;
        view.locked++;
        wsgi_life_tick(&life, &view, now);
    }
}

static void take(uint32_t seat)
{
    seats[seat].state = WSGI_SEAT_BUSY;
    seats[seat].since_us = seats[seat].received_us = view.wall_us;
    view.activity++;
    wsgi_life_tick(&life, &view, now);
}

static void give(uint32_t seat)
{
    seats[seat].state = life.state == WSGI_LIFE_SERVING ? WSGI_SEAT_WAITING : WSGI_SEAT_GONE;
    view.activity++;
    wsgi_life_tick(&life, &view, now);
}

/* Threads that waited have seen that it is over. */
static void leave(void)
{
    uint32_t i;

    for (i = 0; i < view.nseats; i++)
        if (seats[i].state == WSGI_SEAT_WAITING)
            seats[i].state = WSGI_SEAT_GONE;
    wsgi_life_tick(&life, &view, now);
}

static void hear(enum wsgi_news what)
{
    wsgi_life_hear(&life, what, &view, now);
    wsgi_life_tick(&life, &view, now);
}

/* ---- stops ------------------------------------------------------------------ */

static void told_to_stop(void)
{
    begin(2, "shutdown-timeout=3");
    take(0);
    hear(WSGI_NEWS_STOP);
    CHECK(did.closed && life.state == WSGI_LIFE_STOPPING && did.recycled == WSGI_DEATH_SIGNALLED);
    CHECK_HAS(did.log, "'g': shutdown requested, shutdown_signal; 1 requests under way have 3 seconds");
    leave();
    pass(2900);
    CHECK(!did.forced && !did.finished);
    give(0);
    CHECK(did.finished == 1 && life.state == WSGI_LIFE_FINISHING);
    pass(10000);                    /* Python does not end: the same limit */
    CHECK(did.forced == 1);
    CHECK_HAS(did.log, "WSGIM0510");
    end();

    begin(1, "shutdown-timeout=2");
    take(0);
    hear(WSGI_NEWS_STOP);
    pass(1990);
    CHECK(!did.forced);
    pass(10);
    CHECK(did.forced == 1);
    CHECK_HAS(did.log, "WSGIM0511");
    CHECK_HAS(did.log, "1 requests running");
    end();

    begin(1, "shutdown-timeout=0");
    take(0);
    hear(WSGI_NEWS_STOP);
    pass(3600000);
    CHECK(!did.forced && !did.finished);
    end();
}

static void told_to_drain(void)
{
    begin(2, "graceful-timeout=4 shutdown-timeout=2");
    take(1);
    hear(WSGI_NEWS_EVICT);
    CHECK(did.drained && life.state == WSGI_LIFE_DRAINING && did.recycled == WSGI_DEATH_SIGNALLED);
    CHECK_HAS(did.log, "draining, graceful_signal");
    leave();
    give(1);
    CHECK(did.finished);
    CHECK_HAS(did.log, "stopping process, graceful_signal");
    end();

    begin(1, "graceful-timeout=4 shutdown-timeout=2");   /* the deadline is set once */
    take(0);
    hear(WSGI_NEWS_EVICT);
    pass(3000);
    hear(WSGI_NEWS_MAXIMUM);
    hear(WSGI_NEWS_EVICT);
    CHECK(life.state == WSGI_LIFE_DRAINING);
    pass(1000);
    CHECK(life.state == WSGI_LIFE_STOPPING);
    pass(2000);
    CHECK(did.forced);
    CHECK(strcmp(life.reason, "graceful_signal") == 0);     /* the first one */
    end();

    begin(1, "graceful-timeout=2 eviction-timeout=30");
    take(0);
    hear(WSGI_NEWS_EVICT);
    CHECK_HAS(did.log, "draining, eviction_signal; 1 requests under way have 30 seconds");
    pass(29000);
    CHECK(life.state == WSGI_LIFE_DRAINING);
    pass(1000);
    CHECK(life.state == WSGI_LIFE_STOPPING);
    end();

    begin(1, "graceful-timeout=2 eviction-timeout=30");     /* the supervisor replaces it */
    take(0);
    hear(WSGI_NEWS_DRAIN);
    CHECK_HAS(did.log, "draining, graceful_signal; 1 requests under way have 2 seconds");
    CHECK(did.recycled == WSGI_DEATH_NONE);
    end();

    begin(1, "");                   /* idle: at once */
    hear(WSGI_NEWS_EVICT);
    leave();
    CHECK(did.finished);
    pass(4900);
    CHECK(!did.forced);
    pass(200);                      /* Python does not end */
    CHECK(did.forced);
    end();
}

/* With graceful-timeout=0 nothing waits without limit. */
static void no_grace(void)
{
    static const struct { enum wsgi_news news; const char *reason; enum wsgi_death why; } cases[] = {
        { WSGI_NEWS_EVICT, "graceful_signal", WSGI_DEATH_SIGNALLED },
        { WSGI_NEWS_CPU, "cpu_time_limit", WSGI_DEATH_CPU_TIME },
        { WSGI_NEWS_MAXIMUM, "maximum_requests", WSGI_DEATH_MAXIMUM_REQUESTS },
        { WSGI_NEWS_STALE, "script_reload", WSGI_DEATH_RELOAD }
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(1, "graceful-timeout=0 shutdown-timeout=3");
        take(0);
        hear(cases[i].news);
        CHECK(life.state == WSGI_LIFE_STOPPING && did.recycled == cases[i].why);
        CHECK(strcmp(life.reason, cases[i].reason) == 0);
        pass(3000);
        CHECK_INT(did.forced, 1);
        end();
    }
}

/* It cannot load what others serve: it makes room, and is replaced. */
static void useless(void)
{
    begin(1, "graceful-timeout=5");
    take(0);
    wsgi_life_hear(&life, WSGI_NEWS_USELESS, &view, now);
    CHECK(did.recycled == WSGI_DEATH_IMPORT && did.closed && did.drained);
    CHECK_INT(life.state, WSGI_LIFE_DRAINING);
    forget();
    wsgi_life_hear(&life, WSGI_NEWS_USELESS, &view, now);
    CHECK_INT(did.recycled, WSGI_DEATH_NONE);
    end();
}

static void orphaned(void)
{
    begin(1, "graceful-timeout=3");
    take(0);
    hear(WSGI_NEWS_ORPHAN);
    CHECK(life.state == WSGI_LIFE_DRAINING && did.recycled == WSGI_DEATH_NONE);
    end();
    begin(1, "");
    hear(WSGI_NEWS_END_OF_QUEUE);
    CHECK(life.state == WSGI_LIFE_STOPPING && did.recycled == WSGI_DEATH_NONE);
    end();
}

static void helpers_are_waited_for(void)
{
    begin(1, "");
    view.helpers = 1;
    hear(WSGI_NEWS_STOP);
    leave();
    CHECK(!did.finished);
    view.helpers = 0;
    hear(WSGI_NEWS_LOOK);
    CHECK(did.finished);
    end();
}

/* ---- limits ------------------------------------------------------------------ */

static void restart_interval(void)
{
    begin(1, "restart-interval=10 graceful-timeout=5");
    take(0);
    pass(9400);
    CHECK(life.state == WSGI_LIFE_SERVING);
    pass(700);
    CHECK(life.state == WSGI_LIFE_DRAINING && did.recycled == WSGI_DEATH_RESTART_INTERVAL);
    CHECK(strcmp(life.reason, "restart_interval") == 0);    /* also when busy */
    pass(5000);
    CHECK(life.state == WSGI_LIFE_STOPPING);
    end();
}

static void inactivity(void)
{
    begin(2, "inactivity-timeout=5");
    pass(4000);
    take(0);
    pass(20000);                    /* a request is no inactivity */
    CHECK(life.state == WSGI_LIFE_SERVING);
    give(0);
    pass(4000);
    view.activity++;                /* a block of output, say, of a request seen in between */
    pass(4400);
    CHECK(life.state == WSGI_LIFE_SERVING);
    pass(1100);
    CHECK(life.state == WSGI_LIFE_STOPPING && did.recycled == WSGI_DEATH_INACTIVITY);
    CHECK_HAS(did.log, "inactivity_timeout");
    end();

    begin(1, "inactivity-timeout=5");
    view.serving = 0;               /* not before it serves */
    life.serving_since = -1;
    pass(20000);
    CHECK(life.state == WSGI_LIFE_SERVING);
    view.serving = 1;
    pass(4500);
    CHECK(life.state == WSGI_LIFE_SERVING);
    pass(1100);
    CHECK(life.state == WSGI_LIFE_STOPPING);
    end();
}

static void startup(void)
{
    begin(1, "startup-timeout=3 deadlock-timeout=0");
    view.loading = view.loaded = 0;
    life.loading_since = -1;
    pass(60000);                    /* nothing was tried yet */
    CHECK(life.state == WSGI_LIFE_SERVING);
    view.loading = 1;
    pass(2900);
    CHECK(life.state == WSGI_LIFE_SERVING);
    CHECK_HAS(did.log, "startup timer armed, 3 seconds");
    pass(1000);
    CHECK(life.state == WSGI_LIFE_STOPPING && did.recycled == WSGI_DEATH_STARTUP_TIMEOUT);
    CHECK_HAS(did.log, "startup_timeout");
    end();

    begin(1, "startup-timeout=3");
    view.loaded = 0;
    life.loading_since = -1;
    pass(2000);
    view.loaded = 1;
    pass(60000);
    CHECK(life.state == WSGI_LIFE_SERVING);
    CHECK_HAS(did.log, "startup timer disarmed");
    end();
}

/* Every limit works with the watchdog of Python's lock switched off. */
static void without_deadlock_timeout(void)
{
    static const char *const limits[] = { "request-timeout=2", "startup-timeout=2",
                                          "restart-interval=2", "request-deadline=2" };
    char words[64];
    size_t i;

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        snprintf(words, sizeof(words), "deadlock-timeout=0 %s", limits[i]);
        begin(1, words);
        view.loaded = 0;
        take(0);
        pass(3100);
        CHECK(life.state != WSGI_LIFE_SERVING);
        end();
    }
    begin(1, "deadlock-timeout=0 graceful-timeout=2");
    take(0);
    hear(WSGI_NEWS_EVICT);
    pass(2000);
    CHECK(life.state == WSGI_LIFE_STOPPING);
    end();
    begin(1, "deadlock-timeout=0");     /* and nothing wakes it up for nothing */
    CHECK_INT(wsgi_life_next(&life, &view, now), -1);
    end();
}

/* The watchdog waits for the lock, for MS, and nobody gets it. */
static void stuck(int64_t ms)
{
    int64_t until = now + ms;

    view.locking = 1;
    for (; now < until; now += 250) {
        view.wall_us += 250000;
        wsgi_life_tick(&life, &view, now);
    }
}

static void deadlock(void)
{
    begin(1, "deadlock-timeout=3 shutdown-timeout=2");
    pass(100000);
    CHECK(life.state == WSGI_LIFE_SERVING);
    stuck(2900);
    CHECK(life.state == WSGI_LIFE_SERVING);
    view.locked++;                  /* got it: the time starts anew */
    stuck(2900);
    CHECK(life.state == WSGI_LIFE_SERVING);
    stuck(700);
    CHECK(life.state == WSGI_LIFE_STOPPING && did.recycled == WSGI_DEATH_DEADLOCK);
    CHECK_HAS(did.log, "WSGIM0517");
    CHECK_HAS(did.log, "deadlock_timeout");
    stuck(2500);
    CHECK(did.forced);
    end();

    begin(1, "deadlock-timeout=3");             /* the watchdog has not begun: no news, no harm */
    for (; now < 5060000; now += 500)
        wsgi_life_tick(&life, &view, now);
    CHECK(life.state == WSGI_LIFE_SERVING);
    end();

    begin(1, "deadlock-timeout=3 graceful-timeout=60");     /* while it drains, too */
    take(0);
    hear(WSGI_NEWS_EVICT);
    stuck(3500);
    CHECK(life.state == WSGI_LIFE_STOPPING);
    end();
}

/* ---- requests ------------------------------------------------------------------ */

static void request_timeout(void)
{
    begin(1, "request-timeout=2 graceful-timeout=10");
    pass(60000);
    take(0);
    pass(1900);
    CHECK(life.state == WSGI_LIFE_SERVING && did.stacks == 0);
    pass(1000);
    CHECK(did.stacks == 1 && did.recycled == WSGI_DEATH_REQUEST_TIMEOUT && did.interrupted == 0);
    CHECK_HAS(did.log, "request_timeout");
    CHECK(life.state == WSGI_LIFE_STOPPING);    /* only stale requests: nothing to wait for */
    end();

    begin(4, "request-timeout=2 graceful-timeout=10");      /* 2 x (1 + ln 4) = 4.77 */
    take(0);
    pass(4200);
    CHECK(life.state == WSGI_LIFE_SERVING);
    take(1);
    pass(1100);
    CHECK(life.state == WSGI_LIFE_DRAINING);    /* the neighbour may end */
    leave();
    give(1);
    CHECK(life.state == WSGI_LIFE_STOPPING && !did.finished);
    end();

    begin(1, "request-timeout=5");              /* many short ones are no long one */
    take(0);
    pass(4000);
    give(0);
    take(0);
    pass(4000);
    give(0);
    CHECK(life.state == WSGI_LIFE_SERVING);
    end();
}

static void interrupting(void)
{
    begin(2, "request-timeout=1 interrupt-timeout=5 graceful-timeout=10");  /* fires at 1.69 s */
    take(0);
    take(1);
    pass(1600);
    CHECK_INT(did.interrupted, 0);
    pass(500);
    CHECK_INT(did.interrupted, 1);              /* one at a time */
    CHECK(did.seat == 0 && did.since_us == seats[0].since_us);
    pass(500);
    CHECK(did.interrupted == 2 && did.seat == 1 && life.state == WSGI_LIFE_SERVING);
    give(0);                                    /* it came back */
    give(1);
    forget();
    take(0);                                    /* and the next one begins anew */
    pass(1600);
    CHECK_INT(did.interrupted, 0);
    pass(1000);
    CHECK_INT(did.interrupted, 1);
    pass(4000);
    CHECK(life.state == WSGI_LIFE_SERVING && did.interrupted == 1);
    pass(1600);                                 /* it does not come back */
    CHECK(life.state == WSGI_LIFE_STOPPING && did.stacks == 1);
    CHECK(strcmp(life.reason, "request_timeout") == 0);
    end();
}

/* Counted from receipt by httpd, waiting in the queue included. */
static void request_deadline(void)
{
    begin(4, "request-deadline=5 graceful-timeout=10");
    take(0);
    seats[0].received_us = seats[0].since_us - 3000000;
    seats[0].since_us++;                        /* another request, as it were */
    take(1);
    wsgi_life_tick(&life, &view, now);
    pass(1400);
    CHECK(life.state == WSGI_LIFE_SERVING);
    pass(1100);
    CHECK(life.state == WSGI_LIFE_DRAINING && did.recycled == WSGI_DEATH_REQUEST_TIMEOUT);
    leave();
    CHECK(life.state == WSGI_LIFE_DRAINING);
    give(1);
    CHECK(life.state == WSGI_LIFE_STOPPING);
    end();
}

/* What a request does is asked for once: shortly before its deadline, when its
 * request-timeout has passed, or with RequestTimeout. */
static void reports(void)
{
    int64_t took;

    begin(3, "request-deadline=1 graceful-timeout=10");
    take(0);
    took = now;
    pass(200);
    take(1);
    pass(540);
    CHECK_INT(did.reported, 0);
    pass(20);
    CHECK(did.reported == 1 && did.ahead && did.seat == 0 && did.at == took + 750);
    CHECK(did.since_us == seats[0].since_us && did.stacks == 0);
    pass(150);
    CHECK_INT(did.reported, 1);
    give(0);
    pass(60);
    CHECK(did.reported == 2 && did.seat == 1);
    give(1);
    take(0);                                    /* and the next one anew */
    pass(700);
    CHECK_INT(did.reported, 2);
    pass(60);
    CHECK_INT(did.reported, 3);
    end();

    begin(1, "request-deadline=5 graceful-timeout=10");     /* most of it was spent in the queue */
    seats[0].state = WSGI_SEAT_BUSY;
    seats[0].since_us = view.wall_us;
    seats[0].received_us = view.wall_us - 4900000;
    wsgi_life_tick(&life, &view, now);
    CHECK(did.reported == 1 && did.ahead);
    end();

    begin(1, "request-timeout=2 graceful-timeout=10");
    take(0);
    pass(1990);
    CHECK_INT(did.reported, 0);
    pass(20);
    CHECK(did.reported == 1 && !did.ahead);
    pass(5000);
    CHECK_INT(did.reported, 1);
    end();

    begin(1, "request-timeout=1 interrupt-timeout=5 graceful-timeout=10");
    take(0);
    pass(1600);
    CHECK(did.interrupted == 1 && !did.told && did.reported == 0);
    end();

    begin(1, "request-deadline=2 interrupt-timeout=5 graceful-timeout=10");
    take(0);
    pass(2600);
    CHECK(did.interrupted == 1 && did.told && did.reported == 1);
    end();
}

/* The wall clock is set while requests run and between them. */
static void clock_jumps(void)
{
    begin(1, "request-timeout=10 inactivity-timeout=20 restart-interval=100");
    take(0);
    pass(2000);
    view.wall_us += UINT64_C(3600000000);
    pass(2000);
    CHECK(life.state == WSGI_LIFE_SERVING);
    view.wall_us -= UINT64_C(7200000000);
    pass(2000);
    CHECK(life.state == WSGI_LIFE_SERVING);
    give(0);
    seats[0].state = WSGI_SEAT_BUSY;            /* taken before the clock was set forward */
    seats[0].since_us = seats[0].received_us = view.wall_us;
    view.wall_us += UINT64_C(3600000000);
    pass(9000);
    CHECK(life.state == WSGI_LIFE_SERVING);
    give(0);
    view.wall_us += UINT64_C(3600000000);
    seats[0].state = WSGI_SEAT_BUSY;            /* taken before the clock was set back */
    seats[0].since_us = seats[0].received_us = view.wall_us;
    view.wall_us -= UINT64_C(3600000000);
    pass(9000);
    CHECK(life.state == WSGI_LIFE_SERVING);
    pass(2000);                                 /* no longer than it should */
    CHECK(life.state != WSGI_LIFE_SERVING);
    end();
}

static void memory(void)
{
    wsgi_life l;

    wsgi_options_init(&options);
    CHECK_INT(wsgi_life_init(&l, &options, 0, &effects, NULL, 1), 0);
    wsgi_life_free(&l);
    wsgi_options_free(&options);
}

int main(void)
{
    RUN(told_to_stop);
    RUN(told_to_drain);
    RUN(no_grace);
    RUN(useless);
    RUN(orphaned);
    RUN(helpers_are_waited_for);
    RUN(restart_interval);
    RUN(inactivity);
    RUN(startup);
    RUN(without_deadlock_timeout);
    RUN(deadlock);
    RUN(request_timeout);
    RUN(interrupting);
    RUN(request_deadline);
    RUN(reports);
    RUN(clock_jumps);
    RUN(memory);
    return TEST_DONE();
}
