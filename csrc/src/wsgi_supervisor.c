/* wsgi_supervisor.c - the life of the daemon processes, as a machine.
 *
 * Events only note what they mean for processes and places; whatever has to be
 * started is started by wsgi_sv_tick, in one place (fill).
 */
#include "wsgi_supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHORT_LIFE_MS     1000
#define READY_WITHIN_S    60        /* at least; see ready_limit */
#define LINGER_LEAST_S    3         /* of a retired group */
#define STOP_UNLIMITED_MS 5000      /* shutdown-timeout=0, when something must go on */
#define FULL_RETRY_MS     1000
/* The host ends itself at its shutdown-timeout and says who did not finish;
 * ours comes a little later. */
#define KILL_MARGIN_MS    500

enum { LEVEL_ERR = 3, LEVEL_WARNING = 4, LEVEL_INFO = 6 };

static void say(wsgi_supervisor *sv, const wsgi_sv_group *g, int level,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

static void say(wsgi_supervisor *sv, const wsgi_sv_group *g, int level,
                const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    sv->effects->log(sv->ctx, g, level, text);
}

static const char *name_of(const wsgi_sv_group *g)
{
    return g->config.options.name;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- groups --------------------------------------------------------------- */

void wsgi_sv_init(wsgi_supervisor *sv, const wsgi_sv_effects *effects, void *ctx)
{
    memset(sv, 0, sizeof(*sv));
    sv->effects = effects;
    sv->ctx = ctx;
}

static void unstage(wsgi_sv_group *g)
{
    if (g->has_staged)
        wsgi_group_config_free(&g->staged);
    g->has_staged = 0;
    close_fd(&g->staged_log);
}

static void free_group(wsgi_sv_group *g)
{
    uint32_t i;

    for (i = 0; i < g->nslots; i++)
        close_fd(&g->processes[i].control);
    unstage(g);
    close_fd(&g->rendezvous);
    close_fd(&g->board_fd);
    close_fd(&g->log_fd);
    wsgi_board_unmap(g->board);
    wsgi_group_config_free(&g->config);
    free(g->processes);
    free(g->places);
    free(g);
}

void wsgi_sv_free(wsgi_supervisor *sv)
{
    while (sv->groups != NULL) {
        wsgi_sv_group *g = sv->groups;

        sv->groups = g->link;
        free_group(g);
    }
}

/* Take over CONFIG and FDS into a new group. NULL with a sentence in ERR. */
static wsgi_sv_group *make_group(wsgi_group_config *config, const int fds[3],
                                 char *err, size_t errlen)
{
    wsgi_sv_group *g = calloc(1, sizeof(*g));
    const char *name;
    uint32_t i;
    int error;

    if (g == NULL)
        goto no_memory;
    g->config = *config;
    memset(config, 0, sizeof(*config));
    g->rendezvous = fds[0];
    g->board_fd = fds[1];
    g->log_fd = fds[2];
    g->staged_log = -1;
    name = name_of(g);
    error = wsgi_board_map(g->board_fd, &g->board);
    if (error != 0) {
        snprintf(err, errlen, "the scoreboard of daemon process group '%.200s' cannot be "
                 "mapped: %s", name, strerror(error));
        goto failed;
    }
    g->nplaces = (uint32_t)wsgi_options_processes(&g->config.options);
    if (wsgi_board_slots(g->board) != wsgi_group_slots(&g->config.options) ||
        wsgi_board_threads(g->board) != (uint32_t)wsgi_options_threads(&g->config.options)) {
        snprintf(err, errlen, "the scoreboard of daemon process group '%.200s' is not of the "
                 "size of its options: httpd's module and this supervisor differ", name);
        goto failed;
    }
    g->processes = calloc(wsgi_board_slots(g->board), sizeof(*g->processes));
    g->places = calloc(g->nplaces, sizeof(*g->places));
    if (g->processes == NULL || g->places == NULL)
        goto no_memory;
    g->nslots = wsgi_board_slots(g->board);
    for (i = 0; i < g->nslots; i++)
        g->processes[i].control = -1;
    for (i = 0; i < g->nplaces; i++)
        g->places[i].current = g->places[i].next = -1;
    return g;
no_memory:
    snprintf(err, errlen, "out of memory for a daemon process group");
    if (g == NULL) {
        for (i = 0; i < 3; i++)
            if (fds[i] >= 0)
                close(fds[i]);
        wsgi_group_config_free(config);
        return NULL;
    }
failed:
    free_group(g);
    return NULL;
}

int wsgi_sv_stage(wsgi_supervisor *sv, wsgi_group_config *config, const int fds[3],
                  char *err, size_t errlen)
{
    wsgi_sv_group *g, **end = &sv->groups;

    for (g = sv->groups; g != NULL; end = &g->link, g = g->link)
        if (g->state != WSGI_SV_RETIRED && g->config.key == config->key &&
            strcmp(name_of(g), config->options.name) == 0)
            break;
    if (g == NULL) {
        g = make_group(config, fds, err, errlen);
        if (g == NULL)
            return -1;
        *end = g;
        return 0;
    }
    /* Rendezvous and board stay: what came are more handles of the same. */
    unstage(g);
    g->staged = *config;
    memset(config, 0, sizeof(*config));
    g->has_staged = 1;
    g->staged_log = fds[2];
    if (fds[0] >= 0)
        close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
    if ((uint32_t)wsgi_options_processes(&g->staged.options) == g->nplaces &&
        (uint32_t)wsgi_options_threads(&g->staged.options) == wsgi_board_threads(g->board))
        return 0;
    snprintf(err, errlen, "daemon process group '%.200s' changed its size and kept its "
             "scoreboard: httpd's module and this supervisor differ", name_of(g));
    unstage(g);
    return -1;
}

/* ---- ending a process ------------------------------------------------------- */

static void kill_process(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_process *p)
{
    say(sv, g, LEVEL_WARNING, "WSGIM0410: daemon process (pid %ld) of group '%s' did not end "
        "in time after SIGTERM; killing it", (long)p->pid, name_of(g));
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
    wsgi_slot_state(g->board, (uint32_t)(p - g->processes), WSGI_SLOT_DRAINING);
    sv->effects->signal(sv->ctx, p->pid, SIGTERM);
}

static void drain_process(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_process *p,
                          enum wsgi_death reason, int64_t now)
{
    int64_t limit = wsgi_options_graceful_timeout(&g->config.options) * (int64_t)1000;

    if (p->state >= WSGI_SV_DRAINING)
        return;
    if (limit == 0) {
        stop_process(sv, g, p, reason, -1, now);
        return;
    }
    p->planned = reason;
    p->state = WSGI_SV_DRAINING;
    p->deadline = now + limit;
    wsgi_slot_state(g->board, (uint32_t)(p - g->processes), WSGI_SLOT_DRAINING);
    sv->effects->signal(sv->ctx, p->pid, SIGUSR1);
    say(sv, g, LEVEL_INFO, "draining daemon process (pid %ld) of group '%s'",
        (long)p->pid, name_of(g));
}

/* ---- filling places ----------------------------------------------------------- */

static void note_failure(wsgi_sv_place *place, int64_t now)
{
    unsigned n = place->failures++;

    if (n == 0)
        place->retry_at = now + 100;
    else
        place->retry_at = now + ((int64_t)1000 << (n - 1 < 5 ? n - 1 : 5));
}

static int free_slot(const wsgi_sv_group *g)
{
    uint32_t i;

    for (i = 0; i < g->nslots; i++)
        if (g->processes[i].pid == 0)
            return (int)i;
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
    say(sv, g, LEVEL_WARNING, "WSGIM0411: too many processes of group '%s' are draining; the "
        "oldest daemon process (pid %ld) is stopped to make room", name_of(g),
        (long)oldest->pid);
    stop_process(sv, g, oldest, oldest->planned, STOP_UNLIMITED_MS, now);
}

static int64_t ready_limit(const wsgi_sv_group *g)
{
    int s = wsgi_options_seconds(g->config.options.startup_timeout);

    return (s > READY_WITHIN_S ? s : READY_WITHIN_S) * (int64_t)1000;
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
    p->planned = WSGI_DEATH_NONE;
    p->started = now;
    p->deadline = now + ready_limit(g);
    p->incarnation = wsgi_slot_begin(g->board, (uint32_t)slot);
    p->pid = sv->effects->spawn(sv->ctx, g, (uint32_t)slot, p->incarnation, &p->control);
    if (p->pid <= 0) {
        int error = errno;

        p->pid = 0;
        wsgi_slot_end(g->board, (uint32_t)slot, WSGI_DEATH_EXIT, 127);
        note_failure(pl, now);
        say(sv, g, LEVEL_ERR, "WSGIM0405: a daemon process of group '%s' could not be started: "
            "%s: %s; trying again in %.1f s", name_of(g), g->config.host, strerror(error),
            (double)(pl->retry_at - now) / 1000);
        return -1;
    }
    p->state = WSGI_SV_STARTING;
    wsgi_slot_pid(g->board, (uint32_t)slot, p->pid);
    say(sv, g, LEVEL_INFO, "starting daemon process (pid %ld) of group '%s'",
        (long)p->pid, name_of(g));
    return slot;
}

static int outdated(const wsgi_sv_group *g, int slot)
{
    return g->processes[slot].generation != g->generation;
}

/* Give place number I what it lacks. */
static void fill(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t i, int64_t now)
{
    wsgi_sv_place *pl = &g->places[i];

    if (pl->next >= 0 && outdated(g, pl->next)) {   /* overtaken by a newer generation */
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
    else if (pl->next < 0 && outdated(g, pl->current))
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
    say(sv, g, LEVEL_INFO, "daemon process group '%s' is retired", name_of(g));
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
        if (g->has_staged) {
            wsgi_group_config_free(&g->config);
            g->config = g->staged;
            memset(&g->staged, 0, sizeof(g->staged));
            g->has_staged = 0;
            close_fd(&g->log_fd);
            g->log_fd = g->staged_log;
            g->staged_log = -1;
        }
        g->state = WSGI_SV_ACTIVE;
        g->generation++;
        for (i = 0; i < g->nplaces; i++) {      /* the new configuration may be the cure */
            g->places[i].failures = 0;
            g->places[i].retry_at = now;
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
    wsgi_slot_state(g->board, slot, WSGI_SLOT_READY);
    say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' is ready",
        (long)p->pid, name_of(g));
    if (pl->next == (int)slot) {
        int old = pl->current;

        pl->current = (int)slot;
        pl->next = -1;
        if (old >= 0)
            drain_process(sv, g, &g->processes[old], WSGI_DEATH_RECYCLED, now);
    }
}

/* The process in SLOT no longer counts for its place. */
static void vacate(wsgi_sv_group *g, uint32_t slot)
{
    wsgi_sv_place *pl = &g->places[g->processes[slot].place];

    if (pl->current == (int)slot)
        pl->current = -1;
    if (pl->next == (int)slot)
        pl->next = -1;
}

void wsgi_sv_recycle(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t slot,
                     enum wsgi_death reason, int64_t now)
{
    wsgi_sv_process *p = &g->processes[slot];

    if (p->pid == 0 || (p->state != WSGI_SV_STARTING && p->state != WSGI_SV_READY))
        return;
    if (p->state == WSGI_SV_STARTING || reason == WSGI_DEATH_STARTUP_TIMEOUT)
        note_failure(&g->places[p->place], now);
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
        unstage(g);
        for (i = 0; i < g->nslots; i++) {
            wsgi_sv_process *p = &g->processes[i];

            if (p->pid == 0 || p->state == WSGI_SV_KILLED)
                continue;
            if (p->state != WSGI_SV_STOPPING)
                stop_process(sv, g, p, WSGI_DEATH_SHUTDOWN, STOP_UNLIMITED_MS, now);
            else if (p->deadline < 0)       /* nothing outlives the server */
                p->deadline = now + STOP_UNLIMITED_MS;
        }
    }
}

/* ---- how it ended ------------------------------------------------------------------ */

static const char *exit_meaning(int code)
{
    switch (code) {
    case WSGI_HOST_EXIT_CONFIG:
        return " (no usable configuration, or a host of another interface version)";
    case WSGI_HOST_EXIT_IDENTITY:
        return " (user, group, folder or umask could not be set)";
    case WSGI_HOST_EXIT_PYTHON:
        return " (Python did not start)";
    case WSGI_HOST_EXIT_THREADS:
        return " (no request thread could be started)";
    case WSGI_HOST_EXIT_FORCED:
        return " (shutdown-timeout passed while requests were running)";
    default:
        return "";
    }
}

/* What STATUS says of an end that we did, or did not, ask for. */
static enum wsgi_death cause_of(const wsgi_sv_process *p, int status, int oom,
                                uint32_t *detail)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    int ours = sig == SIGKILL ? p->state == WSGI_SV_KILLED
             : sig == SIGTERM ? p->state >= WSGI_SV_STOPPING
             : sig == SIGUSR1 ? p->state >= WSGI_SV_DRAINING
             : sig == 0 && (code == 0 || code == WSGI_HOST_EXIT_FORCED);

    *detail = (uint32_t)(sig ? sig : code);
    if (p->planned != WSGI_DEATH_NONE && ours)
        return p->planned;
    if (sig == SIGKILL && oom)
        return WSGI_DEATH_OOM;
    return sig ? WSGI_DEATH_SIGNAL : WSGI_DEATH_EXIT;
}

static void log_end(wsgi_supervisor *sv, const wsgi_sv_group *g, const wsgi_sv_process *p,
                    enum wsgi_death cause, int status)
{
    long pid = (long)p->pid;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

    if (cause == WSGI_DEATH_OOM)
        say(sv, g, LEVEL_ERR, "WSGIM0402: daemon process (pid %ld) of group '%s' was killed by "
            "signal 9 because the memory of its control group, or of the machine, ran out",
            pid, name_of(g));
    else if (cause == WSGI_DEATH_SIGNAL)
        say(sv, g, LEVEL_ERR, "WSGIM0401: daemon process (pid %ld) of group '%s' was killed by "
            "signal %d (%s)%s", pid, name_of(g), WTERMSIG(status), strsignal(WTERMSIG(status)),
            WCOREDUMP(status) ? ", core dumped" : "");
    else if (cause == WSGI_DEATH_EXIT && code >= WSGI_HOST_EXIT_CONFIG &&
             code <= WSGI_HOST_EXIT_THREADS)
        say(sv, g, LEVEL_ERR, "WSGIM0404: daemon process (pid %ld) of group '%s' could not start: "
            "it exited with code %d%s; its own line in this log says more", pid, name_of(g),
            code, exit_meaning(code));
    else if (cause == WSGI_DEATH_EXIT && code != 0)
        say(sv, g, LEVEL_ERR, "WSGIM0403: daemon process (pid %ld) of group '%s' exited with "
            "code %d%s", pid, name_of(g), code, exit_meaning(code));
    else if (WIFSIGNALED(status))
        say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' was ended by signal %d",
            pid, name_of(g), WTERMSIG(status));
    else
        say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' exited with code %d%s",
            pid, name_of(g), code, exit_meaning(code));
}

/* An end that nobody planned: when is the place filled again? */
static void after_loss(wsgi_supervisor *sv, wsgi_sv_group *g, const wsgi_sv_process *p,
                       int was_next, int64_t now)
{
    wsgi_sv_place *pl = &g->places[p->place];
    double delay;

    if (p->state != WSGI_SV_STARTING && now - p->started >= SHORT_LIFE_MS) {
        pl->failures = 0;
        pl->retry_at = now;
        say(sv, g, LEVEL_INFO, "a daemon process of group '%s' is started in its place",
            name_of(g));
        return;
    }
    note_failure(pl, now);
    delay = (double)(pl->retry_at - now) / 1000;
    if (was_next)
        say(sv, g, LEVEL_WARNING, "WSGIM0412: the new daemon process (pid %ld) of group '%s' "
            "failed before it was ready; the old one stays, trying again in %.1f s",
            (long)p->pid, name_of(g), delay);
    else if (pl->failures > 1)
        say(sv, g, LEVEL_WARNING, "WSGIM0413: a daemon process of group '%s' failed %u times in "
            "a row; trying again in %.1f s", name_of(g), pl->failures, delay);
    else
        say(sv, g, LEVEL_INFO, "a daemon process of group '%s' is started in its place in %.1f s",
            name_of(g), delay);
}

wsgi_sv_process *wsgi_sv_find(wsgi_supervisor *sv, pid_t pid, wsgi_sv_group **group,
                              uint32_t *slot)
{
    wsgi_sv_group *g;
    uint32_t i;

    for (g = sv->groups; pid > 0 && g != NULL; g = g->link)
        for (i = 0; i < g->nslots; i++)
            if (g->processes[i].pid == pid) {
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
    cause = cause_of(p, status, oom, &detail);
    wsgi_slot_end(g->board, slot, cause, detail);
    log_end(sv, g, p, cause, status);
    was_next = g->places[p->place].next == (int)slot &&
               g->places[p->place].current >= 0;
    vacate(g, slot);
    if (g->state == WSGI_SV_ACTIVE && p->planned == WSGI_DEATH_NONE)
        after_loss(sv, g, p, was_next, now);
    close_fd(&p->control);
    p->pid = 0;
    p->state = WSGI_SV_NONE;
    return 1;
}

/* ---- time ----------------------------------------------------------------------- */

static void deadline_passed(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_process *p,
                            int64_t now)
{
    switch (p->state) {
    case WSGI_SV_STARTING:
        say(sv, g, LEVEL_ERR, "WSGIM0406: daemon process (pid %ld) of group '%s' was not ready "
            "after %ld s; it is replaced", (long)p->pid, name_of(g),
            (long)((now - p->started) / 1000));
        note_failure(&g->places[p->place], now);
        vacate(g, (uint32_t)(p - g->processes));
        stop_process(sv, g, p, WSGI_DEATH_STARTUP_TIMEOUT, STOP_UNLIMITED_MS, now);
        break;
    case WSGI_SV_DRAINING:
        say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' is still busy after its "
            "graceful-timeout; stopping it", (long)p->pid, name_of(g));
        stop_process(sv, g, p, p->planned, -1, now);
        break;
    case WSGI_SV_LINGERING:
        stop_process(sv, g, p, p->planned, -1, now);
        break;
    case WSGI_SV_STOPPING:
        kill_process(sv, g, p);
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
            free_group(g);
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

            if (pl->current < 0 || (pl->next < 0 && outdated(g, pl->current)))
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
