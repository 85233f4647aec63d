/* wsgi_relay_call.c - a call instead of a request: see wsgi_relay.h. It takes the
 * same way, under the same limits, and ends with a verdict.
 */
#include "wsgi_relay_inner.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int wsgi_relay_on_verdict(relay *x, const wsgi_frame *f)
{
    wsgi_verdict v;

    return wsgi_verdict_decode(f, &v) < 0 ? EPROTO : wsgi_reply_take(x->reply, x->r->pool, x->call->kind, &v);
}

enum standing wsgi_relay_on_lookup(relay *x, const wsgi_frame *f)
{
    const char *value = wsgi_calls_lookup(x->r, (const char *)f->data, f->len);
    size_t n = value != NULL ? strlen(value) : 0;
    int found = value != NULL && n <= WSGI_LOOKUP_MAX;
    int error = wsgi_relay_send(x, WSGI_FRAME_FOUND, (uint16_t)found, value, found ? n : 0);

    x->alive = steady_now();
    if (error == 0)
        return GOING;
    LOG(x, APLOG_ERR, 0268, "a daemon process that asked for a variable of mod_ssl cannot be told: %s",
        strerror(error));
    return failed(x, HTTP_BAD_GATEWAY);
}

/* Passwords are not left lying about. */
static int ask(relay *x, const wsgi_route *route)
{
    enum standing standing;
    int status = wsgi_relay_open(x);

    wsgi_response_init(&x->out, x->r, route);         /* there is none, but lines have their place by it */
    if (status == 0)
        status = wsgi_relay_build(x, route);
    if (status == OK) {
        standing = wsgi_relay_deliver(x);
        x->reply->end = x->end;
        status = standing == FAILED ? x->status : OK;
        wsgi_relay_let_go(x, standing == ENDED && x->end == WSGI_END_OK && x->reply->answered);
    }
    if (status != OK)
        wsgi_relay_note_loss(x->group, status);
    if (x->packet->data != NULL)
        explicit_bzero(x->packet->data, x->packet->len);
    if (x->memfd >= 0)
        close(x->memfd);
    return status;
}

int wsgi_relay_call(request_rec *r, const wsgi_route *route, const wsgi_call *call, wsgi_reply *reply)
{
    relay x;
    wsgi_worker *w = wsgi_relay_begin(&x, r, route);
    int status;

    if (w == NULL)
        return HTTP_SERVICE_UNAVAILABLE;
    x.call = call;
    x.reply = reply;
    status = ask(&x, route);
    wsgi_worker_leave(w);
    return status;
}
