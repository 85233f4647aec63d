/* wsgi_supervisor_group.c - the groups of the machine: made of what httpd tells,
 * held beside the running one until the generation is complete, let go of.
 */
#include "wsgi_supervisor_inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void wsgi_sv_say(wsgi_supervisor *sv, const wsgi_sv_group *g, int level,
                 const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    sv->effects->log(sv->ctx, g, level, text);
}

const char *wsgi_sv_name(const wsgi_sv_group *g)
{
    return g->config.options.name;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void wsgi_sv_init(wsgi_supervisor *sv, const wsgi_sv_effects *effects, void *ctx)
{
    memset(sv, 0, sizeof(*sv));
    sv->effects = effects;
    sv->ctx = ctx;
}

void wsgi_sv_unstage(wsgi_sv_group *g)
{
    if (g->has_staged)
        wsgi_group_config_free(&g->staged);
    g->has_staged = 0;
    close_fd(&g->staged_log);
}

void wsgi_sv_adopt_staged(wsgi_sv_group *g)
{
    if (!g->has_staged)
        return;
    wsgi_group_config_free(&g->config);
    g->config = g->staged;
    memset(&g->staged, 0, sizeof(g->staged));
    g->has_staged = 0;
    close_fd(&g->log_fd);
    g->log_fd = g->staged_log;
    g->staged_log = -1;
}

void wsgi_sv_free_group(wsgi_sv_group *g)
{
    uint32_t i;

    for (i = 0; i < g->nslots; i++)
        close_fd(&g->processes[i].control);
    wsgi_sv_unstage(g);
    wsgi_sv_free_scripts(g);
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
        wsgi_sv_free_group(g);
    }
}

/* Leave slots alone that processes of an earlier supervisor still use. */
static void note_orphans(wsgi_supervisor *sv, wsgi_sv_group *g)
{
    wsgi_slot_view v;
    uint32_t i;

    for (i = 0; i < g->nslots; i++) {
        wsgi_sv_process *p = &g->processes[i];

        wsgi_slot_read(g->board, i, &v);
        if (v.state < WSGI_SLOT_STARTING || v.state > WSGI_SLOT_DRAINING)
            continue;
        if (v.pid <= 1 || !sv->effects->exists(sv->ctx, v.pid)) {
            wsgi_slot_end(g->board, i, WSGI_DEATH_LOST, 0);
            continue;
        }
        p->state = WSGI_SV_ORPHAN;
        p->pid = v.pid;
        p->incarnation = (uint16_t)v.incarnation;
        p->deadline = 0;            /* looked at with the next tick */
        /* It heard the end of its supervisor, and takes no more requests. */
        wsgi_slot_state(g->board, i, p->incarnation, WSGI_SLOT_DRAINING);
    }
}

/* Take over CONFIG and FDS into a new group. NULL with a sentence in ERR. */
static wsgi_sv_group *make_group(wsgi_supervisor *sv, wsgi_group_config *config,
                                 const int fds[3], char *err, size_t errlen)
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
    name = wsgi_sv_name(g);
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
    g->latest = g->nslots - 1;
    for (i = 0; i < g->nslots; i++)
        g->processes[i].control = -1;
    for (i = 0; i < g->nplaces; i++)
        g->places[i].current = g->places[i].next = -1;
    note_orphans(sv, g);
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
    wsgi_sv_free_group(g);
    return NULL;
}

int wsgi_sv_stage(wsgi_supervisor *sv, wsgi_group_config *config, const int fds[3],
                  char *err, size_t errlen)
{
    wsgi_sv_group *g, **end = &sv->groups;

    for (g = sv->groups; g != NULL; end = &g->link, g = g->link)
        if (g->state != WSGI_SV_RETIRED && g->config.key == config->key &&
            strcmp(wsgi_sv_name(g), config->options.name) == 0)
            break;
    if (g == NULL) {
        g = make_group(sv, config, fds, err, errlen);
        if (g == NULL)
            return -1;
        *end = g;
        return 0;
    }
    /* Rendezvous and board stay: what came are more handles of the same. */
    wsgi_sv_unstage(g);
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
             "scoreboard: httpd's module and this supervisor differ", wsgi_sv_name(g));
    wsgi_sv_unstage(g);
    return -1;
}
