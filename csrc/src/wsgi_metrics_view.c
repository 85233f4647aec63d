/* wsgi_metrics_view.c - see wsgi_metrics_view.h.
 *
 * A thread is busy only where its process is there: one that was killed left
 * the words as they were.
 */
#include "wsgi_metrics_view.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "ap_mpm.h"

#include "wsgi_config.h"
#include "wsgi_groups.h"
#include "wsgi_metrics_count.h"

static int is_there(const wsgi_slot_view *v)
{
    return v->state >= WSGI_SLOT_STARTING && v->state <= WSGI_SLOT_DRAINING;
}

static int exists(pid_t pid)
{
    return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

static void look(apr_array_header_t *all, const wsgi_view *v, uint32_t slot, uint32_t thread, pid_t pid)
{
    wsgi_busy b = { .slot = slot, .thread = thread, .pid = pid };

    wsgi_thread_look(v->board, slot, thread, &b.now);
    if (b.now.state == WSGI_THREAD_BUSY)
        APR_ARRAY_PUSH(all, wsgi_busy) = b;
}

apr_array_header_t *wsgi_view_busy(apr_pool_t *pool, const wsgi_view *v)
{
    apr_array_header_t *all = apr_array_make(pool, 16, sizeof(wsgi_busy));
    wsgi_slot_view process;
    uint32_t i, k;

    if (v->embedded) {
        for (i = 0; i < wsgi_numbers_places(v->board); i++)
            if (exists(wsgi_numbers_owner(v->board, i)))
                look(all, v, 0, i, wsgi_numbers_owner(v->board, i));
        return all;
    }
    for (i = 0; i < wsgi_board_slots(v->board); i++) {
        wsgi_slot_read(v->board, i, &process);
        for (k = 0; is_there(&process) && k < wsgi_board_threads(v->board); k++)
            look(all, v, i, k, process.pid);
    }
    return all;
}

static int by_pid(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

    return x < y ? -1 : x > y;
}

/* Children that have run a request in embedded mode, and are there. */
static uint32_t children(apr_pool_t *pool, const wsgi_board *b)
{
    uint32_t i, n = 0, places = wsgi_numbers_places(b), count = 0;
    pid_t *pids = apr_palloc(pool, (places + 1) * sizeof(*pids));

    for (i = 0; i < places; i++)
        if ((pids[n] = wsgi_numbers_owner(b, i)) > 0)
            n++;
    qsort(pids, n, sizeof(*pids), by_pid);
    for (i = 0; i < n; i++)
        count += (i == 0 || pids[i] != pids[i - 1]) && exists(pids[i]);
    return count;
}

static void view_embedded(apr_pool_t *pool, wsgi_view *v)
{
    int threads = 1;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    v->processes[WSGI_SLOT_READY] = children(pool, v->board);
    v->threads = v->processes[WSGI_SLOT_READY] * (uint32_t)(threads > 0 ? threads : 1);
}

static void view_group(wsgi_view *v)
{
    wsgi_slot_view process;
    uint32_t i, k;

    for (i = 0; i < wsgi_board_slots(v->board); i++) {
        wsgi_slot_read(v->board, i, &process);
        if (!is_there(&process))
            continue;
        v->processes[process.state]++;
        for (k = 0; k < wsgi_board_threads(v->board); k++)
            v->threads += wsgi_thread_read(v->board, i, k, NULL, NULL) != WSGI_THREAD_NONE;
    }
    v->queued = wsgi_numbers_queued(v->board);
}

/* PAST, of which only what it counted is of interest, may be NULL. */
static void add(apr_array_header_t *all, const char *name, const wsgi_board *board, const wsgi_board *past,
                int embedded)
{
    wsgi_view *v = apr_array_push(all);

    memset(v, 0, sizeof(*v));
    v->name = name;
    v->board = board;
    v->embedded = embedded;
    wsgi_numbers_add(board, &v->sums);
    if (past != NULL)
        wsgi_numbers_add(past, &v->sums);
    if (embedded)
        view_embedded(all->pool, v);
    else
        view_group(v);
    v->busy = (uint32_t)wsgi_view_busy(all->pool, v)->nelts;
}

apr_array_header_t *wsgi_views(apr_pool_t *pool, server_rec *s)
{
    const wsgi_global *global = wsgi_config_global(s);
    apr_array_header_t *all = apr_array_make(pool, global->groups->nelts + 1, sizeof(wsgi_view));
    int i;

    for (i = 0; i < global->groups->nelts; i++) {
        const wsgi_group *group = APR_ARRAY_IDX(global->groups, i, wsgi_group *);

        if (group->board != NULL)     /* it works */
            add(all, group->name, group->board, group->past, 0);
    }
    if (wsgi_metrics_embedded() != NULL)      /* no group can have the other name */
        add(all, wsgi_config_group(global, "embedded") == NULL ? "embedded" : "%{GLOBAL}",
            wsgi_metrics_embedded(), NULL, 1);
    return all;
}
