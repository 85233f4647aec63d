/* wsgi_calls_ask.h - asking a function of a script about a request: in this child
 * or, with process-group=, in a daemon process of that group. Whoever asks does
 * not see the difference.
 */
#ifndef WSGI_CALLS_ASK_H
#define WSGI_CALLS_ASK_H

#include "wsgi_calls_wire.h"
#include "wsgi_request.h"

struct wsgi_hook_script;

typedef struct {
    int status;                       /* OK; or of what kept the script from being asked, or took too long */
    enum wsgi_end end;                /* if that is OK: how it ended; all that is not OK is in the log */
    int answered;                     /* there is a verdict; never without both of them OK */
    wsgi_verdict verdict;             /* its values lie in the request's pool */
} wsgi_reply;

/* Ask CALL. REQUEST is how an application would be shown R, for a call to
 * dispatch, else NULL. */
void wsgi_calls_ask(request_rec *r, const struct wsgi_hook_script *script, const wsgi_call *call,
                    const wsgi_route *request, wsgi_reply *out);

/* For those who carry it: V is the answer to a call of KIND. 0, or EPROTO if it
 * cannot be, or is the second. */
int wsgi_reply_take(wsgi_reply *to, apr_pool_t *pool, uint8_t kind, const wsgi_verdict *v);

/* The value of a variable of mod_ssl, or NULL. */
const char *wsgi_calls_lookup(request_rec *r, const char *name, apr_size_t n);

/* Hook: finds the functions that other modules offer. */
void wsgi_calls_retrieve(void);

#endif
