/* wsgi_relay.h - a request in daemon mode: send it to its group, follow the
 * answer, tell the truth about how it ended.
 * What a thread keeps for that from one request to the next is wsgi_worker.
 */
#ifndef WSGI_RELAY_H
#define WSGI_RELAY_H

#include "wsgi_calls_ask.h"
#include "wsgi_request.h"

/* Run R by route->group. Returns what the handler returns. */
int wsgi_relay_run(request_rec *r, const wsgi_route *route);

/* Ask CALL about R of route->group: as a request goes, with its limits, but
 * without a body and with a verdict for an answer. OK, or the status of why there
 * is none. */
int wsgi_relay_call(request_rec *r, const wsgi_route *route, const wsgi_call *call, wsgi_reply *reply);

/* This child is to end: hook child_stopping. Unless that is graceful, requests
 * get the shutdown-timeout of their group and no more, so that httpd need not
 * kill the child for one that never ends. */
void wsgi_relay_stopping(apr_pool_t *pchild, int graceful);

#endif
