/* wsgi_supervisor_renew.c - which processes are to be replaced, and in what
 * order; when what failed is tried again.
 */
#include "wsgi_supervisor_inner.h"

void wsgi_sv_note_failure(wsgi_sv_place *place, int64_t now)
{
    unsigned n = place->failures++;

    if (n == 0)
        place->retry_at = now + 100;
    else
        place->retry_at = now + ((int64_t)1000 << (n - 1 < 5 ? n - 1 : 5));
}

void wsgi_sv_note_kill(wsgi_sv_place *place, int64_t now)
{
    unsigned n = place->kills++;

    place->retry_at = now + (n == 0 ? 0 : n < WSGI_SV_KILLS_LIKELY ? 100 : 1000);
}

int wsgi_sv_outdated(const wsgi_sv_group *g, int slot)
{
    return g->processes[slot].generation != g->generation;
}

/* Is it a reason that holds for all processes of a group? */
static int rolls(enum wsgi_death reason)
{
    return reason == WSGI_DEATH_RELOAD || reason == WSGI_DEATH_RECYCLED;
}

/* Is it one that processes of a group come to together, and follow one after
 * the other? Two of each at a time would be too much for what memory is left. */
static int in_turn(enum wsgi_death reason)
{
    return rolls(reason) || reason == WSGI_DEATH_MEMORY;
}

int wsgi_sv_wants_next(const wsgi_sv_group *g, uint32_t i)
{
    const wsgi_sv_place *pl = &g->places[i];
    uint32_t k;

    if (pl->current < 0 || pl->next >= 0)
        return 0;
    if (wsgi_sv_outdated(g, pl->current))
        return 1;
    if (pl->renew == WSGI_DEATH_NONE)
        return 0;
    for (k = 0; in_turn(pl->renew) && k < g->nplaces; k++)
        if (g->places[k].next >= 0 && in_turn(g->places[k].renew))
            return 0;
    return 1;
}

void wsgi_sv_end_renewal(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_place *pl)
{
    uint32_t i;

    pl->renew = WSGI_DEATH_NONE;
    for (i = 0; i < g->nplaces; i++) {
        int current = g->places[i].current;

        if (rolls(g->places[i].renew) ||
            (current >= 0 && g->processes[current].state == WSGI_SV_STARTING &&
             rolls(g->processes[current].wants)))
            return;
    }
    if (!g->rolling)
        return;
    g->rolling = 0;
    wsgi_sv_say(sv, g, LEVEL_NOTICE, "rolling reload of daemon process group '%s' is complete",
                wsgi_sv_name(g));
}

void wsgi_sv_hold_up(wsgi_supervisor *sv, wsgi_sv_group *g, wsgi_sv_place *pl)
{
    enum wsgi_death reason = pl->renew;
    uint32_t i;

    if (reason == WSGI_DEATH_IMPORT)
        pl->renew = WSGI_DEATH_NONE;    /* until it is asked for again */
    if (!rolls(reason))
        return;
    for (i = 0; i < g->nplaces; i++) {
        wsgi_sv_place *other = &g->places[i];

        if (!rolls(other->renew))
            continue;
        other->failures = pl->failures;
        other->retry_at = pl->retry_at;
        if (other->renew == WSGI_DEATH_RECYCLED)
            other->renew = WSGI_DEATH_NONE;     /* a change is tried again, a wish is not */
    }
    if (g->rolling)
        wsgi_sv_say(sv, g, LEVEL_WARNING, "WSGIM0414: rolling reload of daemon process group '%s' is "
                    "given up: the new process failed, those that serve stay", wsgi_sv_name(g));
    g->rolling = 0;
}

static void renew_place(wsgi_sv_place *pl, enum wsgi_death reason, int64_t now)
{
    if (rolls(reason)) {                /* something has changed, which may be the cure */
        pl->failures = 0;
        pl->retry_at = now;
    }
    else if (reason == WSGI_DEATH_IMPORT && pl->renew == WSGI_DEATH_NONE && pl->failures == 0)
        wsgi_sv_note_failure(pl, now);          /* the one that asks has tried */
    if (pl->renew == WSGI_DEATH_NONE || (rolls(reason) && !rolls(pl->renew)) ||
        reason == WSGI_DEATH_RELOAD)
        pl->renew = reason;
}

static void renew_group(wsgi_sv_group *g, enum wsgi_death reason, int64_t now)
{
    uint32_t i;

    for (i = 0; i < g->nplaces; i++) {
        int current = g->places[i].current;

        if (current < 0) {
            if (rolls(reason)) {                /* what it waits for may have come */
                g->places[i].failures = 0;
                g->places[i].retry_at = now;
            }
        } else if (g->processes[current].state == WSGI_SV_READY)
            renew_place(&g->places[i], reason, now);
        else if (g->processes[current].state == WSGI_SV_STARTING)
            g->processes[current].wants = reason;       /* it began with what was there before */
    }
}

void wsgi_sv_renew(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t slot,
                   enum wsgi_death reason, int64_t now)
{
    wsgi_sv_process *p = &g->processes[slot];
    wsgi_sv_place *pl = &g->places[p->place];

    if (p->state == WSGI_SV_STARTING)       /* its first request was quicker than its word */
        p->wants = reason;
    if (g->state == WSGI_SV_RETIRED)        /* there will be no other: go on with what is loaded */
        wsgi_board_turn(g->board);
    if (g->state != WSGI_SV_ACTIVE || p->pid == 0 || p->state != WSGI_SV_READY ||
        pl->current != (int)slot)
        return;
    if (pl->renew == WSGI_DEATH_NONE)
        wsgi_sv_say(sv, g, LEVEL_INFO, "daemon process (pid %ld) of group '%s' is to be %s",
                    (long)p->pid, wsgi_sv_name(g), wsgi_death_text(reason));
    if (reason == WSGI_DEATH_RELOAD)
        renew_group(g, reason, now);
    else
        renew_place(pl, reason, now);
}

void wsgi_sv_roll(wsgi_supervisor *sv, int64_t now)
{
    wsgi_sv_group *g;

    for (g = sv->groups; g != NULL; g = g->link)
        if (g->state == WSGI_SV_ACTIVE) {
            wsgi_sv_say(sv, g, LEVEL_NOTICE, "rolling reload of daemon process group '%s' begins",
                        wsgi_sv_name(g));
            g->rolling = 1;
            renew_group(g, WSGI_DEATH_RECYCLED, now);
        }
}
