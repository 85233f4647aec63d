/* wsgi_metrics_view.h - the groups as the metrics page and server-status show
 * them: all that Apache knows by now, and embedded mode as one more.
 */
#ifndef WSGI_METRICS_VIEW_H
#define WSGI_METRICS_VIEW_H

#include "wsgi_module.h"
#include "wsgi_numbers.h"

typedef struct {
    const char *name;             /* of the group; embedded mode has one, too */
    const wsgi_board *board;
    int embedded;
    wsgi_sums sums;
    uint32_t processes[WSGI_SLOT_GONE + 1];       /* by state */
    uint32_t threads, busy, queued;
} wsgi_view;

/* One thread that has a request. */
typedef struct {
    uint32_t slot, thread;        /* embedded: 0, the place of the thread */
    pid_t pid;
    wsgi_thread_view now;
} wsgi_busy;

/* What there is at this moment, of memory of POOL: wsgi_view. */
apr_array_header_t *wsgi_views(apr_pool_t *pool, server_rec *s);
/* The busy threads of one: wsgi_busy. */
apr_array_header_t *wsgi_view_busy(apr_pool_t *pool, const wsgi_view *v);

#endif
