/* wsgi_keeper.h - the parent's hold on wsgi-supervisor: start it, tell it each
 * generation of groups, start it again if it dies, stop it at the end. It lives
 * over restarts of Apache, as retained data. Only the parent calls this, except
 * where said.
 */
#ifndef WSGI_KEEPER_H
#define WSGI_KEEPER_H

#include "apr_tables.h"
#include "wsgi_control.h"
#include "wsgi_module.h"

typedef struct {
    wsgi_group_config config;         /* borrowed as long as pconf */
    int rendezvous, board, log;       /* descriptors passed along; they stay ours */
} wsgi_keeper_group;

/* Make GROUPS (wsgi_keeper_group, living in PCONF) the supervisor's; LOG is the
 * main server's error log. None at all retires what an earlier generation had.
 * OK or an HTTP status; the reason has been logged then. */
int wsgi_keeper_start(apr_pool_t *pconf, server_rec *s, const char *program,
                      apr_array_header_t *groups, int log);

/* Hook "monitor": start the supervisor that could not be started again. */
int wsgi_keeper_monitor(apr_pool_t *pool, server_rec *s);

/* In a child: let go of the supervisor, so that it sees the parent's end. */
void wsgi_keeper_child_init(void);

#endif
