/* wsgi_groups.h - daemon process groups as Apache sees them: what was declared,
 * whether it can work, and the channel by which requests reach them.
 *
 * A channel is a rendezvous (one SOCK_SEQPACKET pair) and a scoreboard. The
 * parent makes it before anything forks and keeps it over restarts of Apache,
 * as retained data, while name, processes and threads stay the same: so
 * requests of the old generation end where they were sent. Children inherit the
 * sending end; the other goes to the supervisor.
 */
#ifndef WSGI_GROUPS_H
#define WSGI_GROUPS_H

#include <stdint.h>

#include "apr_time.h"

#include "wsgi_access.h"
#include "wsgi_board.h"
#include "wsgi_config.h"
#include "wsgi_options.h"
#include "wsgi_runtime.h"

typedef struct wsgi_group {
    const char *name;
    wsgi_options options;             /* identity and Python filled in by the check */
    server_rec *server;               /* that declared it */
    const char *file;                 /* where */
    unsigned line;
    uint32_t index;                   /* among the groups of this configuration */
    const wsgi_half *half;
    wsgi_owner owner;                 /* whose its scripts must be */
    int broken;                       /* the check found that it cannot work */
    apr_array_header_t *preloads;     /* wsgi_preload */
    /* From wsgi_groups_start on. */
    int rendezvous;                   /* sending end; -1 before, and if broken */
    wsgi_board *board;
    wsgi_board *past;                 /* the one it had before its shape changed, or NULL */
    uint32_t processes;
    /* Limits of the relay; 0 is off, but for the last, which is always set. */
    apr_interval_time_t deadline;     /* of one request, by request-timeout */
    apr_interval_time_t request_deadline;     /* of one request, from its receipt */
    apr_interval_time_t response_timeout;     /* of one write to the client */
    apr_interval_time_t flush_delay;
    apr_interval_time_t connect_timeout, queue_timeout, socket_timeout;
} wsgi_group;

wsgi_group *wsgi_group_new(apr_pool_t *pool, const char *name, server_rec *server);

/* May requests of SERVER use it? One of the main server: all; one of a virtual
 * host: those with the same ServerName. */
int wsgi_group_visible(const wsgi_group *group, const server_rec *server);

/* Judge all groups, as user and group of each, without starting anything. OK or
 * an HTTP status; every mistake has been logged then. A server that restarts is
 * not ended by it: it goes on without the groups that cannot work. */
int wsgi_groups_check(apr_pool_t *pconf, server_rec *s);
/* Make the channels and hand them to the supervisor. */
int wsgi_groups_start(apr_pool_t *pconf, server_rec *s);
/* Threads of httpd that may run requests at one time, those of an earlier
 * generation included. */
uint32_t wsgi_groups_cells(void);
/* Close what a child has no business with. */
void wsgi_groups_child_init(void);
/* Is this a restart, of a server that already serves? */
int wsgi_groups_restarting(void);

#endif
