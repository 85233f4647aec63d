/* wsgi_metrics_count.h - a request is over: who counts it, and where.
 *
 * In daemon mode on the board of the group, in the cell of the relay's thread.
 * In embedded mode on a board that all children share, of which each of their
 * request threads has one cell and one place that says what it runs. The parent
 * makes that board and keeps it over restarts, so that what it counted goes on.
 */
#ifndef WSGI_METRICS_COUNT_H
#define WSGI_METRICS_COUNT_H

#include "wsgi_board.h"
#include "wsgi_module.h"

/* Make or find the board of embedded mode: post_config. OK or a status. */
int  wsgi_metrics_start(apr_pool_t *pconf, server_rec *s);
void wsgi_metrics_child_init(apr_pool_t *pchild);
/* That board; NULL: nothing runs embedded. */
wsgi_board *wsgi_metrics_embedded(void);

/* R has ended with STATUS, as the handler returns it; of its body BYTES_IN were
 * read. CELL of B is the calling thread's, or WSGI_CELL_INVALID. */
void wsgi_metrics_count(request_rec *r, wsgi_board *b, uint32_t cell, uint64_t bytes_in, int status);

/* Round a request in embedded mode. */
void wsgi_metrics_enter(request_rec *r);
void wsgi_metrics_leave(request_rec *r, uint64_t bytes_in, int status);
/* Between the two: its thread has waited for Python's lock. */
void wsgi_metrics_waited(uint64_t us, uint64_t waits);

#endif
