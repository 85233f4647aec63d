/* wsgi_body.c - see wsgi_body.h. */
#include "wsgi_body.h"

#include <errno.h>

#include "http_protocol.h"
#include "http_request.h"

#include "wsgi_wire.h"

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
    body->status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
    body->left = 0;
    if (APR_STATUS_IS_ENOSPC(rv))
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

/* Data of the first bucket, if there is one: 0, an errno, or -1 for none. */
static int first_piece(wsgi_body *body, const char **p, size_t *n)
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
            if (length > 0) {
                *n = length;
                body->left -= (int64_t)length;
                return 0;
            }
        }
        apr_bucket_delete(e);
    }
    return -1;
}

int wsgi_body_next(wsgi_body *body, size_t max, const char **p, size_t *n)
{
    apr_status_t rv;
    int error;

    *n = 0;
    if (body->error != 0)
        return body->error;
    if (body->left == 0 || max == 0)
        return 0;
    if (body->bb == NULL)
        body->bb = apr_brigade_create(body->r->pool, body->r->connection->bucket_alloc);
    else if (!APR_BRIGADE_EMPTY(body->bb))
        apr_bucket_delete(APR_BRIGADE_FIRST(body->bb));      /* the piece lent last */
    while ((error = first_piece(body, p, n)) == -1) {
        apr_off_t want = body->left < (int64_t)max ? (apr_off_t)body->left : (apr_off_t)max;

        rv = ap_get_brigade(body->r->input_filters, body->bb, AP_MODE_READBYTES, APR_BLOCK_READ, want);
        if (rv != APR_SUCCESS)
            return fail(body, rv);
    }
    return error;
}
