/* wsgi_body.c - see wsgi_body.h. */
#include "wsgi_body.h"
#include "wsgi_board.h"

#include <errno.h>
#include <poll.h>

#include "apr_portable.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"

#include "wsgi_wire.h"

#define GUARD     "MOD_WSGI_BODY"
#define IDLE_MOST 64              /* see idle */

/* Stands before the output filters of a request whose body is read. */
struct wsgi_body_guard {
    int reading;                      /* what comes now is an answer of Apache's input filter */
    int status;                       /* of that answer, 0 none */
};

static ap_filter_rec_t *guard_filter;

/* To the filters behind it a response has then begun and ended; it has not. */
static void not_ended(request_rec *r)
{
    for (; r != NULL; r = r->prev)
        r->eos_sent = 0;
}

static apr_status_t guard(ap_filter_t *f, apr_bucket_brigade *bb)
{
    struct wsgi_body_guard *state = f->ctx;
    apr_bucket *e;

    if (!state->reading)
        return ap_pass_brigade(f->next, bb);
    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        if (AP_BUCKET_IS_ERROR(e))
            state->status = ((ap_bucket_error *)e->data)->status;
        else if (APR_BUCKET_IS_EOS(e))
            not_ended(f->r);
    }
    apr_brigade_cleanup(bb);
    return AP_FILTER_ERROR;           /* which the read returns then */
}

void wsgi_body_register(void)
{
    /* Before any filter of content. */
    guard_filter = ap_register_output_filter(GUARD, guard, NULL, AP_FTYPE_RESOURCE - 1);
}

void wsgi_body_init(wsgi_body *body, request_rec *r, int64_t length)
{
    memset(body, 0, sizeof(*body));
    body->r = r;
    body->chunked = length == WSGI_LENGTH_CHUNKED;
    body->left = body->chunked ? INT64_MAX : length > 0 ? length : 0;
}

/* Keep why reading ended, in words of both sides. */
static int fail(wsgi_body *body, apr_status_t rv)
{
    int told = body->guard != NULL ? body->guard->status : 0;

    body->status = told != 0 ? told : ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
    body->left = 0;
    if (APR_STATUS_IS_ENOSPC(rv) || body->status == HTTP_REQUEST_ENTITY_TOO_LARGE)
        body->error = EFBIG;
    else if (APR_STATUS_IS_TIMEUP(rv))
        body->error = ETIMEDOUT;
    else if (body->r->connection->aborted || APR_STATUS_IS_EOF(rv) || APR_STATUS_IS_ECONNRESET(rv) ||
             APR_STATUS_IS_ECONNABORTED(rv) || APR_STATUS_IS_EPIPE(rv) || rv == APR_INCOMPLETE)
        body->error = ECONNRESET;
    else
        body->error = EPROTO;
    /* Where the body stops nobody knows now, so no request can follow it. */
    body->r->connection->keepalive = AP_CONN_CLOSE;
    ap_log_rerror(APLOG_MARK, body->error == EPROTO ? APLOG_INFO : APLOG_DEBUG, rv, body->r,
                  "reading the request body failed");
    return body->error;
}

/* Up to MAX bytes of the first bucket, if there is one, which is lent then: 0, an
 * errno, or -1 for none. */
static int first_piece(wsgi_body *body, size_t max, const char **p, size_t *n)
{
    while (!APR_BRIGADE_EMPTY(body->bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(body->bb);
        apr_size_t length = 0;
        apr_status_t rv;

        if (APR_BUCKET_IS_EOS(e)) {
            if (!body->chunked)
                return fail(body, APR_INCOMPLETE);   /* fewer bytes than declared */
            body->left = 0;
            return 0;
        }
        if (!APR_BUCKET_IS_METADATA(e)) {
            rv = apr_bucket_read(e, p, &length, APR_BLOCK_READ);
            if (rv != APR_SUCCESS)
                return fail(body, rv);
            if (length > max) {
                apr_bucket_split(e, max);
                length = max;
            }
            if (length > 0) {
                APR_BUCKET_REMOVE(e);
                APR_BRIGADE_INSERT_TAIL(body->lent, e);
                *n = length;
                body->left -= (int64_t)length;
                body->taken += length;
                return 0;
            }
        }
        apr_bucket_delete(e);
    }
    return -1;
}

static void start_reading(wsgi_body *body)
{
    request_rec *r = body->r;

    body->bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    body->lent = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    body->guard = apr_pcalloc(r->pool, sizeof(*body->guard));
    ap_add_output_filter_handle(guard_filter, body->guard, r, r->connection);
}

static apr_status_t read_more(wsgi_body *body, size_t max, apr_read_type_e block)
{
    apr_off_t want = body->left < (int64_t)max ? (apr_off_t)body->left : (apr_off_t)max;
    apr_status_t rv;

    body->guard->reading = 1;
    rv = ap_get_brigade(body->r->input_filters, body->bb, AP_MODE_READBYTES, block, want);
    body->guard->reading = 0;
    return rv == APR_SUCCESS && body->guard->status != 0 ? AP_FILTER_ERROR : rv;
}

/* The socket that the body comes by, -1 if it is not this connection's own. */
static int socket_of(const wsgi_body *body)
{
    conn_rec *c = body->r->connection;
    apr_socket_t *s = c->master == NULL ? ap_get_conn_socket(c) : NULL;
    apr_os_sock_t fd;

    return s != NULL && apr_os_sock_get(&fd, s) == APR_SUCCESS ? fd : -1;
}

/* Apache sends it when a read blocks, and not before one that does not. */
static void send_continue(request_rec *r)
{
    const char *line = r->status_line;
    int status = r->status;

    if (!r->expecting_100 || r->proto_num < HTTP_VERSION(1, 1) || r->eos_sent || r->bytes_sent > 0)
        return;
    r->status = HTTP_CONTINUE;
    r->status_line = "100 Continue";
    ap_send_interim_response(r, 0);
    r->status = status;
    r->status_line = line;
}

/* A read that does not block found nothing. 0: try again; EAGAIN: MS are over
 * since *SINCE, which is set if it is 0; else the error that ends the body. */
static int await_client(wsgi_body *body, int fd, int ms, apr_time_t *since)
{
    struct pollfd p = { fd, POLLIN, 0 };
    apr_time_t now = (apr_time_t)wsgi_steady_us();
    apr_interval_time_t left;

    if (body->silent == 0)
        body->silent = now;
    if (*since == 0)
        *since = now;
    left = ms - apr_time_as_msec(now - *since);
    if (left > 0 && poll(&p, 1, (int)left) > 0)
        return 0;
    return (apr_time_t)wsgi_steady_us() - body->silent > body->r->server->timeout ? fail(body, APR_TIMEUP) : EAGAIN;
}

/* One more piece, lent beside the others; as wsgi_body_next, or EAGAIN if BLOCK
 * says not to wait. */
static int next(wsgi_body *body, size_t max, const char **p, size_t *n, apr_read_type_e block)
{
    int error;

    *n = 0;
    if (body->error != 0)
        return body->error;
    if (body->left == 0 || max == 0)
        return 0;
    if (body->bb == NULL)
        start_reading(body);
    while ((error = first_piece(body, max, p, n)) == -1) {
        apr_status_t rv = read_more(body, max, block);

        if (block == APR_NONBLOCK_READ &&
            (APR_STATUS_IS_EAGAIN(rv) || (rv == APR_SUCCESS && APR_BRIGADE_EMPTY(body->bb))))
            return EAGAIN;
        if (rv != APR_SUCCESS)
            return fail(body, rv);
    }
    body->silent = 0;
    body->idle = 0;
    return error;
}

/* The caller is done with what it was lent. */
static void take_back(wsgi_body *body)
{
    if (body->lent != NULL)
        apr_brigade_cleanup(body->lent);
}

int wsgi_body_next(wsgi_body *body, size_t max, const char **p, size_t *n)
{
    take_back(body);
    return next(body, max, p, n, APR_BLOCK_READ);
}

int wsgi_body_gather(wsgi_body *body, size_t need, size_t most, int ms, wsgi_body_pieces *out)
{
    int fd = socket_of(body), error = 0;
    apr_time_t since = 0;

    take_back(body);
    out->count = 0;
    out->size = 0;
    if (fd >= 0 && body->error == 0 && body->left > 0 && most > 0)
        send_continue(body->r);
    while (out->size < most && out->count < WSGI_BODY_PIECES) {
        /* Filters that take from the socket and have nothing for us now and
         * then are usual; one that never takes anything is not waited for. */
        int ask = fd >= 0 && body->idle < IDLE_MOST;
        const char *p;
        size_t n;

        error = next(body, most - out->size, &p, &n, ask || out->size > 0 ? APR_NONBLOCK_READ : APR_BLOCK_READ);
        if (error == EAGAIN && ask && out->size < need && (error = await_client(body, fd, ms, &since)) == 0) {
            body->idle++;
            continue;
        }
        if (error != 0 || n == 0)
            break;
        out->piece[out->count++] = (struct iovec){ (void *)p, n };
        out->size += n;
    }
    return out->size > 0 ? 0 : error;
}

int wsgi_body_leave(wsgi_body *body, int status)
{
    conn_rec *c = body->r->connection;
    apr_bucket_brigade *bb;

    if (body->left == 0 || body->r->main != NULL || c->aborted || c->keepalive == AP_CONN_CLOSE)
        return status;                /* or Apache does not wait for the rest */
    if (status != OK) {
        /* The page is yet to be written. A small rest comes with the request,
         * as it is taken to in daemon mode, and does not hold the page up. */
        if (body->left > WSGI_BODY_INLINE_MAX || apr_table_get(body->r->headers_in, "Expect") != NULL)
            c->keepalive = AP_CONN_CLOSE;
        return status;
    }
    bb = apr_brigade_create(body->r->pool, c->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(c->bucket_alloc));
    ap_pass_brigade(c->output_filters, bb);
    return status;
}
