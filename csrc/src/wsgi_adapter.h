/* wsgi_adapter.h - one WSGI call: from a request to the end of its answer.
 *
 * The boundary between Python's errors and ours: nothing raised in here leaves
 * it, and what was raised is in the log. */
#ifndef WSGI_ADAPTER_H
#define WSGI_ADAPTER_H

#include "wsgi_peer.h"

/* Run R on the calling thread. GIL not held on entry or exit; taken once in
 * the common case. */
enum wsgi_end wsgi_adapter_run(const wsgi_request *r, const wsgi_peer *peer, void *ctx);

/* Load SCRIPT into the interpreter of GROUP ahead of requests. What goes wrong is
 * in the log. */
int wsgi_adapter_preload(const char *script, const char *group);

#endif
