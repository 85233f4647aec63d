/* wsgi_life.c - when a daemon process ends, as a machine. See wsgi_life.h. */
#include "wsgi_life.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_EVERY 500           /* limits are kept to the second */
#define LOOK_EVERY  200           /* for new requests, where they have a deadline */
#define AHEAD       250           /* of a deadline it is asked what the request does */
#define WAKE_EVERY  20
#define NEVER       (-1)

enum { LEVEL_ERROR = 3, LEVEL_WARNING = 4, LEVEL_INFO = 6 };

int wsgi_life_init(wsgi_life *l, const wsgi_options *options, uint32_t nseats,
                   const wsgi_life_effects *effects, void *ctx, int64_t now)
{
    memset(l, 0, sizeof(*l));
    l->options = options;
    l->effects = effects;
    l->ctx = ctx;
    l->requests = calloc(nseats > 0 ? nseats : 1, sizeof(*l->requests));
    if (l->requests == NULL)
        return ENOMEM;
    l->nseats = nseats;
    l->looked = now;
    l->serving_since = l->loading_since = l->active = l->lock_had = NEVER;
    l->drain_end = l->kill = NEVER;
    return 0;
}

void wsgi_life_free(wsgi_life *l)
{
    free(l->requests);
    l->requests = NULL;
}

static void say(const wsgi_life *l, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const wsgi_life *l, int level, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    l->effects->log(l->ctx, level, text);
}

static const char *group_of(const wsgi_life *l)
{
    return l->options->name != NULL ? l->options->name : "";
}

/* ---- requests ------------------------------------------------------------------ */

static uint32_t count(const wsgi_life_view *v, enum wsgi_seat_state state)
{
    uint32_t i, n = 0;

    for (i = 0; i < v->nseats; i++)
        n += v->seats[i].state == state;
    return n;
}

/* N microseconds as milliseconds of at least 0 and at most MOST. */
static int64_t within(int64_t us, int64_t most)
{
    int64_t ms = us / 1000;

    return ms < 0 ? 0 : ms > most ? most : ms;
}

/* Put down new requests. One that was not there at the last look began after
 * it, whatever the wall clock says. */
static void look(wsgi_life *l, const wsgi_life_view *v, int64_t now)
{
    uint32_t i;

    for (i = 0; i < v->nseats && i < l->nseats; i++) {
        const wsgi_life_seat *s = &v->seats[i];
        wsgi_life_request *r = &l->requests[i];
        int64_t waited;

        if (s->state != WSGI_SEAT_BUSY) {
            r->since_us = 0;
            continue;
        }
        if (r->since_us == s->since_us)
            continue;
        r->since_us = s->since_us;
        r->began = now - within((int64_t)(v->wall_us - s->since_us), now - l->looked);
        waited = s->received_us == 0 ? 0
               : within((int64_t)(s->since_us - s->received_us),
                        (int64_t)wsgi_options_seconds(l->options->request_deadline) * 1000);
        r->received = r->began - waited;
        r->interrupted = NEVER;
        r->reported = 0;
    }
    if (l->active == NEVER || v->activity != l->activity)
        l->active = now;
    l->activity = v->activity;
    if (v->serving && l->serving_since == NEVER)
        l->serving_since = l->active = now;
    if (v->loading && l->loading_since == NEVER) {
        l->loading_since = now;
        l->armed = !v->loaded && wsgi_options_seconds(l->options->startup_timeout) > 0;
        if (l->armed)
            say(l, LEVEL_INFO, "daemon process '%s': startup timer armed, %d seconds", group_of(l),
                l->options->startup_timeout);
    }
    if (l->armed && v->loaded) {
        l->armed = 0;
        say(l, LEVEL_INFO, "daemon process '%s': startup timer disarmed, a script is loaded", group_of(l));
    }
    if (l->lock_had == NEVER || !v->locking || v->locked != l->locked)
        l->lock_had = now;
    l->locked = v->locked;
    l->looked = now;
}

static int past_deadline(const wsgi_life *l, const wsgi_life_request *r, int64_t now, int64_t grace)
{
    int64_t limit = (int64_t)wsgi_options_seconds(l->options->request_deadline) * 1000;

    return limit > 0 && r->since_us != 0 && now >= r->received + limit + grace;
}

/* Is it time to do something about this request? */
static int overdue(const wsgi_life *l, const wsgi_life_request *r, int64_t now)
{
    int64_t limit = wsgi_options_request_limit(l->options);

    return r->since_us != 0 &&
           ((limit > 0 && now - r->began > limit) || past_deadline(l, r, now, 0));
}

/* Does nobody wait for it to end any more? */
static int stale(const wsgi_life *l, const wsgi_life_request *r, int64_t now)
{
    int64_t timeout = wsgi_options_seconds(l->options->request_timeout);
    int64_t grace = wsgi_options_seconds(l->options->interrupt_timeout);

    return r->since_us != 0 &&
           ((timeout + grace > 0 && now - r->began > (timeout + grace) * 1000) ||
            past_deadline(l, r, now, grace * 1000));
}

/* Requests under way that somebody waits for. */
static uint32_t fresh(const wsgi_life *l, int64_t now)
{
    uint32_t i, n = 0;

    for (i = 0; i < l->nseats; i++)
        n += l->requests[i].since_us != 0 && !stale(l, &l->requests[i], now);
    return n;
}

/* ---- transitions ----------------------------------------------------------------- */

static int64_t after(int64_t now, int seconds)
{
    return seconds > 0 ? now + (int64_t)seconds * 1000 : NEVER;
}

static void stop(wsgi_life *l, const wsgi_life_view *v, const char *reason, int64_t now)
{
    int limit = wsgi_options_shutdown_timeout(l->options);

    if (l->state >= WSGI_LIFE_STOPPING)
        return;
    l->state = WSGI_LIFE_STOPPING;
    l->kill = after(now, limit);
    if (l->reason == NULL)
        l->reason = reason;
    l->effects->close(l->ctx);
    say(l, LEVEL_INFO, "daemon process '%s': shutdown requested, %s; %u requests under way have %d "
        "seconds", group_of(l), reason, count(v, WSGI_SEAT_BUSY), limit);
}

/* Graceful stop: the deadline is set once, and the first reason stays. */
static void drain(wsgi_life *l, const wsgi_life_view *v, const char *reason, int limit, int64_t now)
{
    if (l->state >= WSGI_LIFE_DRAINING)
        return;
    if (limit == 0) {
        stop(l, v, reason, now);
        return;
    }
    l->state = WSGI_LIFE_DRAINING;
    l->reason = reason;
    l->drain_end = after(now, limit);
    l->effects->close(l->ctx);
    l->effects->draining(l->ctx);
    say(l, LEVEL_INFO, "daemon process '%s': draining, %s; %u requests under way have %d seconds",
        group_of(l), reason, count(v, WSGI_SEAT_BUSY), limit);
}

/* A graceful stop of our own accord: it begins when the successor is ready. */
static void retire_within(wsgi_life *l, const wsgi_life_view *v, enum wsgi_death why,
                          const char *reason, int limit, int64_t now)
{
    if (l->state >= WSGI_LIFE_DRAINING || l->awaited != NULL)
        return;
    if (l->effects->renew != NULL && l->effects->renew(l->ctx, why)) {
        l->awaited = reason;
        l->awaited_limit = limit;
        return;
    }
    l->effects->recycle(l->ctx, why);
    drain(l, v, reason, limit, now);
}

static void retire(wsgi_life *l, const wsgi_life_view *v, enum wsgi_death why, const char *reason,
                   int64_t now)
{
    retire_within(l, v, why, reason, wsgi_options_graceful_timeout(l->options), now);
}

/* The same at once, and without a successor. */
static void quit(wsgi_life *l, const wsgi_life_view *v, enum wsgi_death why, const char *reason,
                 int64_t now)
{
    if (l->state >= WSGI_LIFE_STOPPING)
        return;
    l->effects->recycle(l->ctx, why);
    stop(l, v, reason, now);
}

/* The script has changed, perhaps once more; or one that could not be loaded is
 * wanted. The successor may fail, and be asked for again. */
static void renew(wsgi_life *l, const wsgi_life_view *v, enum wsgi_death why, const char *reason,
                  int64_t now)
{
    if (l->state != WSGI_LIFE_SERVING)
        return;
    if (l->effects->renew != NULL && l->effects->renew(l->ctx, why)) {
        if (l->awaited == NULL) {
            l->awaited = reason;
            l->awaited_limit = wsgi_options_graceful_timeout(l->options);
        }
    }
    else if (why != WSGI_DEATH_IMPORT)
        quit(l, v, why, reason, now);
}

static void finish(wsgi_life *l, int64_t now)
{
    if (l->kill == NEVER)
        l->kill = after(now, wsgi_options_shutdown_timeout(l->options));
    l->state = WSGI_LIFE_FINISHING;
    say(l, LEVEL_INFO, "daemon process '%s': stopping process, %s", group_of(l), l->reason);
    l->effects->finish(l->ctx);
}

static void force(wsgi_life *l, const wsgi_life_view *v)
{
    if (l->state == WSGI_LIFE_FINISHING)
        say(l, LEVEL_ERROR, "WSGIM0510: daemon process '%s': shutdown-timeout passed while Python "
            "was being ended, the process is aborted", group_of(l));
    else
        say(l, LEVEL_ERROR, "WSGIM0511: daemon process '%s': shutdown-timeout passed with %u "
            "requests running, the process is aborted", group_of(l), count(v, WSGI_SEAT_BUSY));
    l->kill = NEVER;
    l->effects->force(l->ctx);
}

void wsgi_life_hear(wsgi_life *l, enum wsgi_news what, const wsgi_life_view *v, int64_t now)
{
    int eviction = wsgi_options_seconds(l->options->eviction_timeout);

    look(l, v, now);
    switch (what) {
    case WSGI_NEWS_STOP:
        quit(l, v, WSGI_DEATH_SIGNALLED, "shutdown_signal", now);
        break;
    case WSGI_NEWS_EVICT:
        if (eviction > 0)
            retire_within(l, v, WSGI_DEATH_SIGNALLED, "eviction_signal", eviction, now);
        else
            retire(l, v, WSGI_DEATH_SIGNALLED, "graceful_signal", now);
        break;
    case WSGI_NEWS_DRAIN:
        if (l->awaited != NULL)
            drain(l, v, l->awaited, l->awaited_limit, now);
        else
            drain(l, v, "graceful_signal", wsgi_options_graceful_timeout(l->options), now);
        break;
    case WSGI_NEWS_CPU:
        retire(l, v, WSGI_DEATH_CPU_TIME, "cpu_time_limit", now);
        break;
    case WSGI_NEWS_MAXIMUM:
        retire(l, v, WSGI_DEATH_MAXIMUM_REQUESTS, "maximum_requests", now);
        break;
    case WSGI_NEWS_STALE:
        renew(l, v, WSGI_DEATH_RELOAD, "script_reload", now);
        break;
    case WSGI_NEWS_IMPORT:
        renew(l, v, WSGI_DEATH_IMPORT, "failed_import", now);
        break;
    case WSGI_NEWS_USELESS:       /* others can: not one more request, successor or not */
        if (l->state == WSGI_LIFE_SERVING)
            l->effects->recycle(l->ctx, WSGI_DEATH_IMPORT);
        drain(l, v, "failed_import", wsgi_options_graceful_timeout(l->options), now);
        break;
    case WSGI_NEWS_END_OF_QUEUE:
        stop(l, v, "shutdown_signal (no process of Apache is left)", now);
        break;
    case WSGI_NEWS_ORPHAN:
        drain(l, v, "shutdown_signal (the supervisor is gone)",
              wsgi_options_graceful_timeout(l->options), now);
        break;
    case WSGI_NEWS_LOOK:
        break;
    }
}

/* ---- timers ----------------------------------------------------------------------- */

/* When it is to be known what a request does: some time before its deadline, so
 * that the server has it when that passes; or when request-timeout has passed. */
static int64_t report_at(const wsgi_life *l, const wsgi_life_request *r)
{
    int64_t deadline = (int64_t)wsgi_options_seconds(l->options->request_deadline) * 1000;
    int64_t limit = wsgi_options_request_limit(l->options);
    int64_t early = deadline > 0 ? r->received + deadline - AHEAD : NEVER;
    int64_t late = limit > 0 && wsgi_options_seconds(l->options->interrupt_timeout) == 0
                 ? r->began + limit + 1 : NEVER;

    if (r->since_us == 0 || r->reported)
        return NEVER;
    return early == NEVER || (late != NEVER && late < early) ? late : early;
}

static void report(wsgi_life *l, int64_t now)
{
    uint32_t i;

    for (i = 0; i < l->nseats; i++) {
        wsgi_life_request *r = &l->requests[i];
        int64_t at = report_at(l, r), limit = wsgi_options_request_limit(l->options);

        if (at == NEVER || now < at)
            continue;
        r->reported = 1;
        l->effects->report(l->ctx, i, r->since_us, limit <= 0 || now - r->began <= limit);
    }
}

/* Interrupt one request that is over its time. Is there one for which that was
 * no use, or is not done? */
static int interrupt(wsgi_life *l, int64_t now)
{
    int64_t grace = (int64_t)wsgi_options_seconds(l->options->interrupt_timeout) * 1000;
    int interrupted = 0, hopeless = 0;
    uint32_t i;

    for (i = 0; i < l->nseats; i++) {
        wsgi_life_request *r = &l->requests[i];

        if (!overdue(l, r, now))
            continue;
        if (grace == 0)
            hopeless = 1;
        else if (r->interrupted != NEVER)
            hopeless |= now - r->interrupted >= grace;
        else if (!interrupted) {
            interrupted = 1;
            r->interrupted = now;
            l->effects->interrupt(l->ctx, i, r->since_us, r->reported);
            r->reported = 1;
        }
    }
    return hopeless;
}

static void check_requests(wsgi_life *l, const wsgi_life_view *v, int64_t now)
{
    report(l, now);
    if (!interrupt(l, now) || l->state != WSGI_LIFE_SERVING || l->awaited != NULL)
        return;
    l->effects->stacks(l->ctx);
    retire(l, v, WSGI_DEATH_REQUEST_TIMEOUT, "request_timeout", now);
}

/* SECONDS are over since FROM. */
static int over(int seconds, int64_t from, int64_t now)
{
    return seconds > 0 && from != NEVER && now - from >= (int64_t)seconds * 1000;
}

/* One that needs more from the first has a limit that is of no use: to replace
 * it would change nothing. */
static void check_memory(wsgi_life *l, const wsgi_life_view *v, int64_t now)
{
    int64_t limit = l->options->memory_soft_limit;

    if (limit <= 0 || v->memory < 0 || !v->serving)
        return;
    if (l->memory_first == 0) {
        l->memory_first = v->memory;
        if (v->memory > limit)
            say(l, LEVEL_WARNING, "WSGIM0591: daemon process '%s': memory-soft-limit is %lld MiB and "
                "the process begins with %lld MiB; it is not replaced for that", group_of(l),
                (long long)(limit >> 20), (long long)(v->memory >> 20));
    }
    if (v->memory > limit && l->memory_first <= limit)
        retire(l, v, WSGI_DEATH_MEMORY, "memory_soft_limit", now);
}

static void check_limits(wsgi_life *l, const wsgi_life_view *v, int64_t now)
{
    const wsgi_options *o = l->options;

    check_memory(l, v, now);

    if (!v->loaded && over(wsgi_options_seconds(o->startup_timeout), l->loading_since, now))
        quit(l, v, WSGI_DEATH_STARTUP_TIMEOUT, "startup_timeout", now);
    if (over(wsgi_options_seconds(o->inactivity_timeout), l->serving_since, now) &&
        over(wsgi_options_seconds(o->inactivity_timeout), l->active, now) && fresh(l, now) == 0)
        quit(l, v, WSGI_DEATH_INACTIVITY, "inactivity_timeout", now);
    if (over(wsgi_options_seconds(o->restart_interval), l->serving_since, now))
        retire(l, v, WSGI_DEATH_RESTART_INTERVAL, "restart_interval", now);
}

static void check_lock(wsgi_life *l, const wsgi_life_view *v, int64_t now)
{
    int limit = wsgi_options_deadlock_timeout(l->options);

    if (!over(limit, l->lock_had, now))
        return;
    say(l, LEVEL_ERROR, "WSGIM0517: daemon process '%s': no thread could have Python's lock for %d "
        "seconds (deadlock-timeout)", group_of(l), limit);
    quit(l, v, WSGI_DEATH_DEADLOCK, "deadlock_timeout", now);
}

static void check_end(wsgi_life *l, const wsgi_life_view *v, int64_t now)
{
    if (l->state == WSGI_LIFE_DRAINING) {
        if (l->drain_end != NEVER && now >= l->drain_end)
            stop(l, v, "graceful-timeout passed", now);
        else if (fresh(l, now) == 0 && count(v, WSGI_SEAT_BUSY) > 0)
            stop(l, v, "only requests over their time are left", now);
    }
    if (l->state == WSGI_LIFE_DRAINING || l->state == WSGI_LIFE_STOPPING) {
        l->effects->wake(l->ctx);
        if (count(v, WSGI_SEAT_GONE) == v->nseats && v->helpers == 0)
            finish(l, now);
    }
    if (l->state >= WSGI_LIFE_STOPPING && l->kill != NEVER && now >= l->kill)
        force(l, v);
}

void wsgi_life_tick(wsgi_life *l, const wsgi_life_view *v, int64_t now)
{
    look(l, v, now);
    if (l->state <= WSGI_LIFE_DRAINING) {
        check_requests(l, v, now);
        check_lock(l, v, now);
    }
    if (l->state == WSGI_LIFE_SERVING)
        check_limits(l, v, now);
    check_end(l, v, now);
}

static void sooner(int64_t *best, int64_t at)
{
    if (at != NEVER && (*best == NEVER || at < *best))
        *best = at;
}

int wsgi_life_next(const wsgi_life *l, const wsgi_life_view *v, int64_t now)
{
    const wsgi_options *o = l->options;
    int64_t at = NEVER;
    uint32_t i;

    if (l->state == WSGI_LIFE_DRAINING || l->state == WSGI_LIFE_STOPPING) {
        if (count(v, WSGI_SEAT_WAITING) > 0)
            return WAKE_EVERY;
    }
    if (l->state == WSGI_LIFE_DRAINING)
        sooner(&at, l->drain_end);
    if (l->state >= WSGI_LIFE_STOPPING)
        sooner(&at, l->kill);
    if (l->state <= WSGI_LIFE_DRAINING &&
        (wsgi_options_request_limit(o) > 0 || wsgi_options_seconds(o->request_deadline) > 0 ||
         wsgi_options_deadlock_timeout(o) > 0))
        sooner(&at, now + (wsgi_options_seconds(o->request_deadline) > 0 ? LOOK_EVERY : CHECK_EVERY));
    for (i = 0; l->state <= WSGI_LIFE_DRAINING && i < l->nseats; i++)
        sooner(&at, report_at(l, &l->requests[i]));
    if (l->state == WSGI_LIFE_SERVING &&
        (wsgi_options_seconds(o->startup_timeout) > 0 ||
         wsgi_options_seconds(o->inactivity_timeout) > 0 ||
         o->memory_soft_limit > 0 || wsgi_options_seconds(o->restart_interval) > 0))
        sooner(&at, now + CHECK_EVERY);
    return at == NEVER ? -1 : at <= now ? 0 : at - now > 60000 ? 60000 : (int)(at - now);
}
