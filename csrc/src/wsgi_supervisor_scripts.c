/* wsgi_supervisor_scripts.c - the scripts that processes of a group have loaded.
 *
 * A process that is started while others serve loads what these have in service
 * (the board knows) before it takes requests: so the first requests are as quick
 * as the others, and one that cannot do what they do never takes a place among
 * them. What hosts say is bounded, and is given to hosts of the same group only.
 */
#include "wsgi_supervisor_inner.h"

#include <stdlib.h>
#include <string.h>

/* So that a configuration with as many as there may be fits a message. */
#define TEXT_MAX 768

static int same(const char *text, wsgi_str s)
{
    return strlen(text) == s.len && memcmp(text, s.data, s.len) == 0;
}

void wsgi_sv_script_seen(wsgi_sv_group *g, wsgi_str script, wsgi_str application_group)
{
    wsgi_sv_script *s;
    uint32_t i;

    for (i = 0; i < g->nscripts; i++) {
        s = &g->scripts[i];
        if (same(s->script, script) && same(s->application_group, application_group))
            return;
    }
    if (g->nscripts == WSGI_SV_SCRIPTS_MAX || script.len > TEXT_MAX ||
        application_group.len > TEXT_MAX)
        return;
    if (g->scripts == NULL)
        g->scripts = calloc(WSGI_SV_SCRIPTS_MAX, sizeof(*g->scripts));
    if (g->scripts == NULL)
        return;
    s = &g->scripts[g->nscripts];
    s->script = strndup(script.data, script.len);
    s->application_group = strndup(application_group.data, application_group.len);
    if (s->script != NULL && s->application_group != NULL) {
        g->nscripts++;
        return;
    }
    free(s->script);
    free(s->application_group);
}

void wsgi_sv_free_scripts(wsgi_sv_group *g)
{
    uint32_t i;

    for (i = 0; i < g->nscripts; i++) {
        free(g->scripts[i].script);
        free(g->scripts[i].application_group);
    }
    free(g->scripts);
    g->scripts = NULL;
    g->nscripts = 0;
}

uint32_t wsgi_sv_preloads(const wsgi_sv_group *g, uint32_t slot, wsgi_preload *list,
                          uint32_t most)
{
    const wsgi_sv_process *p = &g->processes[slot];
    const wsgi_sv_place *pl = &g->places[p->place];
    int wanted = pl->renew == WSGI_DEATH_RELOAD || pl->renew == WSGI_DEATH_IMPORT;
    uint32_t i, k, n = 0;

    for (i = 0; i < g->config.npreloads && n < most; i++)
        list[n++] = g->config.preloads[i];
    /* Where nobody serves one is wanted soon, and starts as it may. */
    for (i = 0; p->gate && i < g->nscripts; i++) {
        const wsgi_sv_script *s = &g->scripts[i];

        if (!wanted && !wsgi_board_served(g->board, wsgi_script_number(s->script, s->application_group),
                                          slot))
            continue;
        for (k = 0; k < n; k++)
            if (strcmp(list[k].script, s->script) == 0 &&
                strcmp(list[k].application_group, s->application_group) == 0)
                break;
        if (k == most)
            break;
        if (k == n)
            list[n++] = (wsgi_preload){ s->script, s->application_group, (char *)"", 0 };
        list[k].required = 1;
    }
    return n;
}
