/* wsgi_supervisor.c - the life of the daemon processes, as a machine.
 *
 * Events only note what they mean for processes and places; whatever has to be
 * started is started by wsgi_sv_tick, in one place (fill).
 */
#include "wsgi_supervisor_inner.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_LIFE_MS     1000
#define READY_WITHIN_S    60        /* at least; see ready_limit */
#define LINGER_LEAST_S    3         /* of a retired group */
#define STOP_UNLIMITED_MS 5000      /* shutdown-timeout=0, when something must go on */
#define FULL_RETRY_MS     1000
#define IDENTITY_RETRY_MS 20000     /* it must be somebody's mistake, or an attack */
#define ORPHAN_LOOK_MS    200
/* The host ends itself at its shutdown-timeout and says who did not finish;
 * ours comes a little later. */
#define KILL_MARGIN_MS    500

/* ---- ending a process ------------------------------------------------------- */

static void kill_process(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_process *p)
{
    wsgi_sv_say(sv, g, LEVEL_WARNING, "WSGIM0410: daemon process (pid %ld) of group '%s' did not end "
        "in time after SIGTERM; killing it", (long)p->pid, wsgi_sv_name(g));
    p->state = WSGI_SV_KILLED;
    p->deadline = -1;
    sv->effects->signal(sv->ctx, p->pid, SIGKILL);
}

/* UNLIMITED_MS: how long it may take where shutdown-timeout sets no limit; -1
 * for ever. */
static void stop_process(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_process *p,
                         enum wsgi_death reason, int64_t unlimited_ms, int64_t now)
{
    int64_t limit = wsgi_options_shutdown_timeout(&g->config.options) * (int64_t)1000;

    if (limit == 0)
        limit = unlimited_ms;
    if (p->planned == WSGI_DEATH_NONE)
        p->planned = reason;
    p->state = WSGI_SV_STOPPING;
    p->deadline = limit < 0 ? -1 : now + limit + KILL_MARGIN_MS;
    wsgi_slot_state(g->board, (uint32_t)(p - g->processes), p->incarnation, WSGI_SLOT_DRAINING);
    sv->effects->signal(sv->ctx, p->pid, SIGTERM);
}

static void drain_process(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_process *p,
                          enum wsgi_death reason, int64_t now)
{
    int64_t limit = wsgi_options_drain_limit(&g->config.options) * (int64_t)1000;

    if (p->state >= WSGI_SV_DRAINING)
        return;
    if (limit == 0) {
        stop_process(sv, g, p, reason, -1, now);
        return;
    }
    p->planned = reason;
    p->state = WSGI_SV_DRAINING;
    p->deadline = now + limit;
    wsgi_slot_state(g->board, (uint32_t)(p - g->processes), p->incarnation, WSGI_SLOT_DRAINING);
    sv->effects->signal(sv->ctx, p->pid, SIGUSR1);
    wsgi_sv_say(sv, g, LEVEL_INFO, "draining daemon process (pid %ld) of group '%s'",
        (long)p->pid, wsgi_sv_name(g));
}

/* ---- filling places ----------------------------------------------------------- */

/* The one that was free longest, or nearly: who asks how a process ended finds it
 * in its slot until the next one there ends. */
static int free_slot(wsgi_sv_group *g)
{
    uint32_t i, slot;

    for (i = 1; i <= g->nslots; i++) {
        slot = (g->latest + i) % g->nslots;
        if (g->processes[slot].pid == 0) {
            g->latest = slot;
            return (int)slot;
        }
    }
    return -1;
}

/* Every slot is in use by processes that end, and a place is empty: the one
 * that has had most time gets less of it. */
static void make_room(wsgi_supervisor *sv, wsgi_sv_group *g, int64_t now)
{
    wsgi_sv_process *oldest = NULL;
    uint32_t i;

    for (i = 0; i < g->nslots; i++) {
        wsgi_sv_process *p = &g->processes[i];
        int may = p->state == WSGI_SV_DRAINING ||
                  (p->state == WSGI_SV_STOPPING && p->deadline < 0);

        if (may && (oldest == NULL || p->started < oldest->started))
            oldest = p;
    }
    if (oldest == NULL)
        return;
    wsgi_sv_say(sv, g, LEVEL_WARNING, "WSGIM0411: too many processes of group '%s' are draining; the "
        "oldest daemon process (pid %ld) is stopped to make room", wsgi_sv_name(g),
        (long)oldest->pid);
    stop_process(sv, g, oldest, oldest->planned, STOP_UNLIMITED_MS, now);
}

static int64_t ready_limit(const wsgi_sv_group *g)
{
    int s = wsgi_options_seconds(g->config.options.startup_timeout);

    return (s > READY_WITHIN_S ? s : READY_WITHIN_S) * (int64_t)1000;
}

/* Does any process of G serve? */
static int somebody_serves(const wsgi_sv_group *g)
{
    uint32_t i;

    for (i = 0; i < g->nslots; i++)
        if (g->processes[i].pid != 0 && g->processes[i].state == WSGI_SV_READY)
            return 1;
    return 0;
}

/* Start a process for place number PLACE. Its slot, or -1. */
static int start_process(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t place, int64_t now)
{
    wsgi_sv_place *pl = &g->places[place];
    wsgi_sv_process *p;
    int slot = free_slot(g);

    if (slot < 0) {
        if (pl->current < 0)
            make_room(sv, g, now);
        pl->retry_at = now + FULL_RETRY_MS;
        return -1;
    }
    p = &g->processes[slot];
    p->control = -1;
    p->deaf = 0;
    p->place = place;
    p->generation = g->generation;
    p->planned = p->wants = WSGI_DEATH_NONE;
    p->started = now;
    p->gate = somebody_serves(g);
    p->deadline = now + ready_limit(g);
    p->incarnation = wsgi_slot_begin(g->board, (uint32_t)slot);
    p->pid = sv->effects->spawn(sv->ctx, g, (uint32_t)slot, p->incarnation, &p->control);
    if (p->pid <= 0) {
        int error = errno;

        p->pid = 0;
        wsgi_slot_end(g->board, (uint32_t)slot, WSGI_DEATH_EXIT, 127);
        wsgi_sv_note_failure(pl, now);
        wsgi_sv_say(sv, g, LEVEL_ERR, "WSGIM0405: a daemon process of group '%s' could not be started: "
            "%s: %s; trying again in %.1f s", wsgi_sv_name(g), g->config.host, strerror(error),
            (double)(pl->retry_at - now) / 1000);
        return -1;
    }
    p->state = WSGI_SV_STARTING;
    wsgi_slot_pid(g->board, (uint32_t)slot, p->pid);
    wsgi_sv_say(sv, g, LEVEL_INFO, "starting daemon process (pid %ld) of group '%s'",
        (long)p->pid, wsgi_sv_name(g));
    return slot;
}

/* Give place number I what it lacks. */
static void fill(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t i, int64_t now)
{
    wsgi_sv_place *pl = &g->places[i];

    if (pl->next >= 0 && wsgi_sv_outdated(g, pl->next)) {   /* overtaken by a newer generation */
        stop_process(sv, g, &g->processes[pl->next], WSGI_DEATH_RECYCLED,
                     STOP_UNLIMITED_MS, now);
        pl->next = -1;
    }
    if (pl->current < 0) {
        pl->current = pl->next;
        pl->next = -1;
    }
    if (now < pl->retry_at)
        return;
    if (pl->current < 0)
        pl->current = start_process(sv, g, i, now);
    else if (wsgi_sv_wants_next(g, i))
        pl->next = start_process(sv, g, i, now);
}

/* ---- events --------------------------------------------------------------------- */

static void retire(wsgi_supervisor *sv, wsgi_sv_group *g, int64_t now)
{
    int wait = wsgi_options_graceful_timeout(&g->config.options);
    uint32_t i;

    g->state = WSGI_SV_RETIRED;
    if (wait < LINGER_LEAST_S)
        wait = LINGER_LEAST_S;
    for (i = 0; i < g->nslots; i++) {
        wsgi_sv_process *p = &g->processes[i];

        if (p->pid == 0)
            continue;
        if (p->state == WSGI_SV_STARTING) {
            stop_process(sv, g, p, WSGI_DEATH_SHUTDOWN, -1, now);
        } else if (p->state == WSGI_SV_READY) {
            /* httpd children of the old generation may still send requests; once
             * the last is gone the rendezvous ends, and so does the process. */
            p->state = WSGI_SV_LINGERING;
            p->planned = WSGI_DEATH_SHUTDOWN;
            p->deadline = now + wait * (int64_t)1000;
        }
    }
    wsgi_board_turn(g->board);      /* nobody is to wait for a successor any more */
    wsgi_sv_say(sv, g, LEVEL_INFO, "daemon process group '%s' is retired", wsgi_sv_name(g));
}

void wsgi_sv_commit(wsgi_supervisor *sv, int64_t now)
{
    wsgi_sv_group *g;
    uint32_t i;

    for (g = sv->groups; g != NULL; g = g->link) {
        if (g->state == WSGI_SV_ACTIVE && !g->has_staged) {
            retire(sv, g, now);
            continue;
        }
        if (g->state == WSGI_SV_RETIRED)
            continue;
        wsgi_sv_adopt_staged(g);
        g->state = WSGI_SV_ACTIVE;
        g->generation++;
        for (i = 0; i < g->nplaces; i++) {      /* the new configuration may be the cure */
            g->places[i].failures = g->places[i].kills = 0;
            g->places[i].retry_at = now;
            g->places[i].renew = WSGI_DEATH_NONE;
        }
    }
}

void wsgi_sv_ready(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t slot, int64_t now)
{
    wsgi_sv_process *p = &g->processes[slot];
    wsgi_sv_place *pl = &g->places[p->place];

    if (p->pid == 0 || p->state != WSGI_SV_STARTING)
        return;
    p->state = WSGI_SV_READY;
    p->deadline = -1;
    wsgi_slot_state(g->board, slot, p->incarnation, WSGI_SLOT_READY);
    wsgi_sv_say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' is ready",
        (long)p->pid, wsgi_sv_name(g));
    if (pl->next == (int)slot) {
        int old = pl->current;

        pl->current = (int)slot;
        pl->next = -1;
        if (old >= 0)
            drain_process(sv, g, &g->processes[old],
                          pl->renew != WSGI_DEATH_NONE ? pl->renew : WSGI_DEATH_RECYCLED, now);
        pl->failures = 0;
        wsgi_sv_end_renewal(sv, g, pl);
        wsgi_board_turn(g->board);      /* who waits for the new one may go on */
    }
    if (p->wants != WSGI_DEATH_NONE)
        wsgi_sv_renew(sv, g, slot, p->wants, now);
    else if (g->rolling && pl->current == (int)slot)
        wsgi_sv_end_renewal(sv, g, pl);         /* the last one that was waited for */
}

/* Has P not lived long enough to be taken for one that works? */
static int young(const wsgi_sv_process *p, int64_t now)
{
    return p->state == WSGI_SV_STARTING || now - p->started < SHORT_LIFE_MS;
}

/* The process in SLOT no longer counts for its place. */
static void vacate(wsgi_sv_group *g, uint32_t slot)
{
    wsgi_sv_place *pl = &g->places[g->processes[slot].place];

    if (pl->current == (int)slot) {
        pl->current = -1;
        pl->renew = WSGI_DEATH_NONE;
    }
    if (pl->next == (int)slot)
        pl->next = -1;
}

void wsgi_sv_recycle(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t slot,
                     enum wsgi_death reason, int64_t now)
{
    wsgi_sv_process *p = &g->processes[slot];

    if (p->pid == 0 || (p->state != WSGI_SV_STARTING && p->state != WSGI_SV_READY))
        return;
    if (reason == WSGI_DEATH_SIGNALLED && young(p, now))
        wsgi_sv_note_kill(&g->places[p->place], now);
    else if (reason == WSGI_DEATH_STARTUP_TIMEOUT || reason == WSGI_DEATH_IMPORT ||
             (p->state == WSGI_SV_STARTING && reason != WSGI_DEATH_SIGNALLED))
        wsgi_sv_note_failure(&g->places[p->place], now);
    vacate(g, slot);
    drain_process(sv, g, p, reason, now);
}

void wsgi_sv_stop(wsgi_supervisor *sv, int64_t now)
{
    wsgi_sv_group *g;
    uint32_t i;

    if (sv->stopping)
        return;
    sv->stopping = 1;
    for (g = sv->groups; g != NULL; g = g->link) {
        g->state = WSGI_SV_RETIRED;
        wsgi_board_turn(g->board);
        wsgi_sv_unstage(g);
        for (i = 0; i < g->nslots; i++) {
            wsgi_sv_process *p = &g->processes[i];

            if (p->state == WSGI_SV_ORPHAN && sv->effects->exists(sv->ctx, p->pid) == 2)
                sv->effects->signal(sv->ctx, p->pid, SIGTERM);
            if (p->pid == 0 || p->state >= WSGI_SV_KILLED)
                continue;
            if (p->state != WSGI_SV_STOPPING)
                stop_process(sv, g, p, WSGI_DEATH_SHUTDOWN, STOP_UNLIMITED_MS, now);
            else if (p->deadline < 0)       /* nothing outlives the server */
                p->deadline = now + STOP_UNLIMITED_MS;
        }
    }
}

/* ---- how it ended ------------------------------------------------------------------ */

#define KILLED_YOUNG "a daemon process of group '%s' was killed by somebody's signal just after its start, " \
    "%u times in a row; another is started in %.1f s"

/* Somebody killed a process of place PL: it is no worse for that. */
static void after_kill(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_place *pl, int64_t now)
{
    double delay;

    wsgi_sv_note_kill(pl, now);
    delay = (double)(pl->retry_at - now) / 1000;
    if (pl->kills > WSGI_SV_KILLS_LIKELY)
        wsgi_sv_say(sv, g, LEVEL_WARNING, "WSGIM0427: " KILLED_YOUNG, wsgi_sv_name(g), pl->kills, delay);
    else if (pl->kills > 1)
        wsgi_sv_say(sv, g, LEVEL_INFO, KILLED_YOUNG, wsgi_sv_name(g), pl->kills, delay);
    else
        wsgi_sv_say(sv, g, LEVEL_INFO, "a daemon process of group '%s' is started in its place",
            wsgi_sv_name(g));
}

/* A new process of place PL, or the next one of it, has failed. */
static void after_failure(wsgi_supervisor *sv, wsgi_sv_group *g, const wsgi_sv_process *p,
                          int was_next, int status, int64_t now)
{
    wsgi_sv_place *pl = &g->places[p->place];
    double delay;

    wsgi_sv_note_failure(pl, now);
    if (WIFEXITED(status) && WEXITSTATUS(status) == WSGI_HOST_EXIT_IDENTITY)
        pl->retry_at = now + IDENTITY_RETRY_MS;
    delay = (double)(pl->retry_at - now) / 1000;
    if (was_next) {
        wsgi_sv_hold_up(sv, g, pl);
        wsgi_board_turn(g->board);
        wsgi_sv_say(sv, g, LEVEL_WARNING, "WSGIM0412: the new daemon process (pid %ld) of group '%s' "
            "failed before it was ready; the old one stays, trying again in %.1f s",
            (long)p->pid, wsgi_sv_name(g), delay);
    }
    else if (pl->failures > 1)
        wsgi_sv_say(sv, g, LEVEL_WARNING, "WSGIM0413: a daemon process of group '%s' failed %u times in "
            "a row; trying again in %.1f s", wsgi_sv_name(g), pl->failures, delay);
    else
        wsgi_sv_say(sv, g, LEVEL_INFO, "a daemon process of group '%s' is started in its place in %.1f s",
            wsgi_sv_name(g), delay);
}

/* An end that nobody planned: when is the place filled again? */
static void after_loss(wsgi_supervisor *sv, wsgi_sv_group *g, const wsgi_sv_process *p,
                       int was_next, int killed, int status, int64_t now)
{
    wsgi_sv_place *pl = &g->places[p->place];

    if (!young(p, now)) {
        pl->failures = pl->kills = 0;
        pl->retry_at = now;
        wsgi_sv_say(sv, g, LEVEL_INFO, "a daemon process of group '%s' is started in its place",
            wsgi_sv_name(g));
    } else if (killed) {
        after_kill(sv, g, pl, now);
    } else {
        after_failure(sv, g, p, was_next, status, now);
    }
}

wsgi_sv_process *wsgi_sv_find(wsgi_supervisor *sv, pid_t pid, wsgi_sv_group **group,
                              uint32_t *slot)
{
    wsgi_sv_group *g;
    uint32_t i;

    for (g = sv->groups; pid > 0 && g != NULL; g = g->link)
        for (i = 0; i < g->nslots; i++)
            if (g->processes[i].pid == pid && g->processes[i].state != WSGI_SV_ORPHAN) {
                *group = g;
                *slot = i;
                return &g->processes[i];
            }
    return NULL;
}

int wsgi_sv_exited(wsgi_supervisor *sv, pid_t pid, int status, int oom, int64_t now)
{
    wsgi_sv_group *g = NULL;
    uint32_t slot = 0, detail;
    wsgi_sv_process *p = wsgi_sv_find(sv, pid, &g, &slot);
    enum wsgi_death cause;
    int was_next;

    if (p == NULL)
        return 0;
    cause = wsgi_sv_cause(p, status, oom, &detail);
    wsgi_slot_end(g->board, slot, cause, detail);
    wsgi_sv_log_end(sv, g, p, cause, status);
    was_next = g->places[p->place].next == (int)slot &&
               g->places[p->place].current >= 0;
    vacate(g, slot);
    if (g->state == WSGI_SV_ACTIVE && p->planned == WSGI_DEATH_NONE)
        after_loss(sv, g, p, was_next, wsgi_sv_killed_by_others(cause, detail), status, now);
    if (p->control >= 0)
        close(p->control);
    p->control = -1;
    p->pid = 0;
    p->state = WSGI_SV_NONE;
    return 1;
}

/* ---- time ----------------------------------------------------------------------- */

/* Nobody tells us of its end. */
static void look_at_orphan(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_process *p,
                           int64_t now)
{
    if (sv->effects->exists(sv->ctx, p->pid)) {
        p->deadline = now + ORPHAN_LOOK_MS;
        return;
    }
    wsgi_sv_say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s', of the supervisor "
                "before, is gone", (long)p->pid, wsgi_sv_name(g));
    wsgi_slot_end(g->board, (uint32_t)(p - g->processes), WSGI_DEATH_LOST, 0);
    p->pid = 0;
    p->state = WSGI_SV_NONE;
}

static void deadline_passed(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_process *p,
                            int64_t now)
{
    switch (p->state) {
    case WSGI_SV_STARTING:
        wsgi_sv_say(sv, g, LEVEL_ERR, "WSGIM0406: daemon process (pid %ld) of group '%s' was not ready "
            "after %ld s; it is replaced", (long)p->pid, wsgi_sv_name(g),
            (long)((now - p->started) / 1000));
        wsgi_sv_note_failure(&g->places[p->place], now);
        if (g->places[p->place].next == (int)(p - g->processes)) {
            wsgi_sv_hold_up(sv, g, &g->places[p->place]);
            wsgi_board_turn(g->board);
        }
        vacate(g, (uint32_t)(p - g->processes));
        stop_process(sv, g, p, WSGI_DEATH_STARTUP_TIMEOUT, STOP_UNLIMITED_MS, now);
        break;
    case WSGI_SV_DRAINING:
        wsgi_sv_say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' is still busy after its "
            "graceful-timeout; stopping it", (long)p->pid, wsgi_sv_name(g));
        stop_process(sv, g, p, p->planned, -1, now);
        break;
    case WSGI_SV_LINGERING:
        stop_process(sv, g, p, p->planned, -1, now);
        break;
    case WSGI_SV_STOPPING:
        kill_process(sv, g, p);
        break;
    case WSGI_SV_ORPHAN:
        look_at_orphan(sv, g, p, now);
        break;
    default:
        p->deadline = -1;
        break;
    }
}

static int has_processes(const wsgi_sv_group *g)
{
    uint32_t i;

    for (i = 0; i < g->nslots; i++)
        if (g->processes[i].pid != 0)
            return 1;
    return 0;
}

void wsgi_sv_tick(wsgi_supervisor *sv, int64_t now)
{
    wsgi_sv_group *g, **at = &sv->groups;
    uint32_t i;

    while ((g = *at) != NULL) {
        for (i = 0; i < g->nslots; i++) {
            wsgi_sv_process *p = &g->processes[i];

            if (p->pid != 0 && p->deadline >= 0 && now >= p->deadline)
                deadline_passed(sv, g, p, now);
        }
        if (g->state == WSGI_SV_ACTIVE)
            for (i = 0; i < g->nplaces; i++)
                fill(sv, g, i, now);
        if (g->state == WSGI_SV_RETIRED && !has_processes(g)) {
            *at = g->link;
            wsgi_sv_free_group(g);
        } else {
            at = &g->link;
        }
    }
}

static void sooner(int64_t *best, int64_t t)
{
    if (t >= 0 && (*best < 0 || t < *best))
        *best = t;
}

int64_t wsgi_sv_next(const wsgi_supervisor *sv, int64_t now)
{
    const wsgi_sv_group *g;
    int64_t best = -1;
    uint32_t i;

    for (g = sv->groups; g != NULL; g = g->link) {
        for (i = 0; i < g->nslots; i++)
            if (g->processes[i].pid != 0)
                sooner(&best, g->processes[i].deadline);
        for (i = 0; g->state == WSGI_SV_ACTIVE && i < g->nplaces; i++) {
            const wsgi_sv_place *pl = &g->places[i];

            if (pl->current < 0 || wsgi_sv_wants_next(g, i))
                sooner(&best, pl->retry_at);
        }
        if (g->state == WSGI_SV_RETIRED && !has_processes(g))
            best = now;
    }
    if (best < 0)
        return -1;
    return best > now ? best - now : 0;
}

int wsgi_sv_done(const wsgi_supervisor *sv)
{
    const wsgi_sv_group *g;

    if (!sv->stopping)
        return 0;
    for (g = sv->groups; g != NULL; g = g->link)
        if (has_processes(g))
            return 0;
    return 1;
}
