/* wsgi_response.c - see wsgi_response.h.
 *
 * Names and values were checked by the gateway and by wsgi_wire; here only what
 * belongs to Apache's framing is kept out once more, because a daemon process
 * is not trusted with the connections of other people.
 */
#include "wsgi_response.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_portable.h"
#include "apr_strings.h"
#include "http_protocol.h"
#include "http_request.h"
#include "util_filter.h"

#include "wsgi_groups.h"

void wsgi_response_init(wsgi_response *out, request_rec *r, const wsgi_route *route)
{
    memset(out, 0, sizeof(*out));
    out->r = r;
    out->route = route;
    out->declared = -1;
}

static apr_bucket_brigade *pending(wsgi_response *out)
{
    if (out->bb == NULL)
        out->bb = apr_brigade_create(out->r->pool, out->r->connection->bucket_alloc);
    return out->bb;
}

/* ---- head ------------------------------------------------------------------------- */

enum header_kind { HEADER_PLAIN, HEADER_TYPE, HEADER_LOCATION, HEADER_ERROR_TOO, HEADER_FRAMING };

static int same(const wsgi_str *name, const char *known, size_t n)
{
    return name->len == n && strncasecmp(name->data, known, n) == 0;
}

#define SAME(name, known) same(name, known, sizeof(known) - 1)

static enum header_kind kind_of(const wsgi_str *name)
{
    switch (name->data[0] | 0x20) {
    case 'c':
        if (SAME(name, "Content-Type"))
            return HEADER_TYPE;
        if (SAME(name, "Content-Length") || SAME(name, "Connection"))
            return HEADER_FRAMING;
        break;
    case 'k':
        if (SAME(name, "Keep-Alive"))
            return HEADER_FRAMING;
        break;
    case 'l':
        if (SAME(name, "Location"))
            return HEADER_LOCATION;
        break;
    case 'p':
        if (SAME(name, "Proxy-Authenticate"))
            return HEADER_ERROR_TOO;
        break;
    case 's':
        if (SAME(name, "Set-Cookie"))
            return HEADER_ERROR_TOO;
        break;
    case 't':
        if (SAME(name, "Transfer-Encoding") || SAME(name, "Trailer") || SAME(name, "TE"))
            return HEADER_FRAMING;
        break;
    case 'u':
        if (SAME(name, "Upgrade"))
            return HEADER_FRAMING;
        break;
    case 'w':
        if (SAME(name, "WWW-Authenticate"))
            return HEADER_ERROR_TOO;
        break;
    }
    return HEADER_PLAIN;
}

/* 0, or EMSGSIZE at a header that is too long. */
static int apply_headers(wsgi_response *out, const wsgi_response_head *head)
{
    const wsgi_group *group = out->route->group;
    size_t most = group != NULL ? (size_t)wsgi_options_header_buffer_size(&group->options) : SIZE_MAX;
    wsgi_cur cur = wsgi_cur_of(head->headers, head->headers_len);
    request_rec *r = out->r;
    const char *type = NULL;
    uint32_t i;

    for (i = 0; i < head->nheaders; i++) {
        wsgi_pair pair = wsgi_cur_pair(&cur);
        enum header_kind kind;
        const char *name, *value;

        if (cur.bad || pair.name.len == 0)
            break;
        if (pair.name.len + pair.value.len + sizeof(": \r\n") - 1 > most)
            return EMSGSIZE;
        kind = kind_of(&pair.name);
        if (kind == HEADER_FRAMING)
            continue;
        name = apr_pstrmemdup(r->pool, pair.name.data, pair.name.len);
        value = apr_pstrmemdup(r->pool, pair.value.data, pair.value.len);
        if (kind == HEADER_TYPE)
            type = value;
        else
            apr_table_addn(kind == HEADER_ERROR_TOO ? r->err_headers_out : r->headers_out, name, value);
        if (kind == HEADER_LOCATION && head->status == HTTP_OK && value[0] == '/')
            out->redirect = value;
    }
    /* The type Apache has is that of the script's file, not of the answer. */
    ap_set_content_type(r, type);
    return 0;
}

int wsgi_response_start(wsgi_response *out, const wsgi_response_head *head)
{
    request_rec *r = out->r;
    int error;

    if (out->head || head->status < 200 || head->status > 999)
        return EPROTO;
    out->head = 1;
    r->status = head->status;
    r->status_line = head->reason.len == 0 ? NULL
                     : apr_psprintf(r->pool, "%d %.*s", head->status, (int)head->reason.len,
                                    head->reason.data);
    error = apply_headers(out, head);
    if (error != 0)
        return error;
    out->overridden = out->route->error_override && ap_is_HTTP_ERROR(head->status);
    out->bodiless = out->route->head_only || head->status == HTTP_NO_CONTENT || head->status == HTTP_NOT_MODIFIED;
    if (head->content_length >= 0 && head->status != HTTP_NO_CONTENT) {
        out->declared = head->content_length;
        ap_set_content_length(r, (apr_off_t)head->content_length);
    }
    return 0;
}

/* So many per request: each takes memory of it. */
#define HINTS_MOST 100

/* It passes by the output filters of the request, as Apache's own 100 does.
 * HTTP/2 takes it from there, if H2EarlyHints is on. What is in headers_out is
 * for the final response and stays for it. */
int wsgi_response_hints(wsgi_response *out, const wsgi_response_head *head)
{
    wsgi_cur cur = wsgi_cur_of(head->headers, head->headers_len);
    request_rec *r = out->r;
    apr_table_t *headers = r->headers_out;
    const char *line = r->status_line;
    int status = r->status;
    uint32_t i;

    if (out->head)
        return EPROTO;
    if (r->proto_num < HTTP_VERSION(1, 1) || r->main != NULL || out->hints++ >= HINTS_MOST)
        return 0;
    r->headers_out = apr_table_make(r->pool, (int)head->nheaders);
    for (i = 0; i < head->nheaders; i++) {
        wsgi_pair pair = wsgi_cur_pair(&cur);

        if (cur.bad || pair.name.len == 0)
            break;
        if (kind_of(&pair.name) != HEADER_FRAMING)
            apr_table_addn(r->headers_out, apr_pstrmemdup(r->pool, pair.name.data, pair.name.len),
                           apr_pstrmemdup(r->pool, pair.value.data, pair.value.len));
    }
    r->status = 103;
    r->status_line = "103 Early Hints";
    ap_send_interim_response(r, 1);
    r->status = status;
    r->status_line = line;
    r->headers_out = headers;
    return r->connection->aborted ? ECONNRESET : 0;
}

/* ---- body --------------------------------------------------------------------------- */

/* How many of N more body bytes are wanted; 0 or more, or -1: not now. */
static int64_t wanted(wsgi_response *out, uint64_t n)
{
    int64_t room;

    if (!out->head || n > INT64_MAX / 2)
        return -1;
    if (out->bodiless || out->overridden || out->redirect != NULL)
        return 0;
    if (out->declared >= 0) {
        room = out->declared - out->taken;
        if ((int64_t)n > room) {
            ap_log_rerror(APLOG_MARK, APLOG_TRACE1, 0, out->r, "the response is longer than its "
                          "Content-Length of %" APR_INT64_T_FMT " bytes; the rest is dropped", out->declared);
            n = (uint64_t)room;
        }
    }
    out->taken += (int64_t)n;
    if (n > 0)
        out->unflushed = 1;
    return (int64_t)n;
}

int wsgi_response_lend(wsgi_response *out, const void *p, size_t n)
{
    int64_t take = wanted(out, n);

    if (take < 0)
        return EPROTO;
    if (take > 0)
        APR_BRIGADE_INSERT_TAIL(pending(out), apr_bucket_transient_create(p, (apr_size_t)take,
                                                                          out->r->connection->bucket_alloc));
    return out->gone ? ECONNRESET : 0;
}

int wsgi_response_copy(wsgi_response *out, const void *p, size_t n)
{
    int64_t take = wanted(out, n);

    if (take < 0)
        return EPROTO;
    if (take > 0)
        APR_BRIGADE_INSERT_TAIL(pending(out), apr_bucket_heap_create(p, (apr_size_t)take, NULL,
                                                                     out->r->connection->bucket_alloc));
    return out->gone ? ECONNRESET : 0;
}

/* An apr_file_t of its own for FD. The copy by apr_file_dup is what gives it a
 * cleanup that moves along when a filter sets the bucket aside. NULL: failed. */
static apr_file_t *file_of(const wsgi_response *out, int fd)
{
    request_rec *r = out->r;
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_int32_t flags = APR_FOPEN_READ;
    apr_file_t *lent = NULL, *own = NULL;

#if APR_HAS_SENDFILE
    if (out->route->enable_sendfile)
        flags |= AP_SENDFILE_ENABLED(core->enable_sendfile);
#endif
    if (apr_os_file_put(&lent, &fd, flags, r->pool) != APR_SUCCESS ||
        apr_file_dup(&own, lent, r->pool) != APR_SUCCESS)
        return NULL;
    return own;
}

int wsgi_response_file(wsgi_response *out, int fd, uint64_t offset, uint64_t length)
{
    request_rec *r = out->r;
    apr_file_t *file;
    apr_bucket *e;
    struct stat st;
    int64_t take;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || offset > INT64_MAX / 2)
        return EPROTO;
    take = wanted(out, length);
    if (take < 0)
        return EPROTO;
    if (take == 0)
        return out->gone ? ECONNRESET : 0;
    if ((file = file_of(out, fd)) == NULL)
        return EPROTO;
    out->file = 1;
    e = apr_brigade_insert_file(pending(out), file, (apr_off_t)offset, (apr_off_t)take, r->pool);
#if APR_HAS_MMAP
    /* Whoever owns the file may cut it short: that must not be a SIGBUS here. */
    for (; e != APR_BRIGADE_SENTINEL(out->bb); e = APR_BUCKET_NEXT(e))
        if (APR_BUCKET_IS_FILE(e))
            apr_bucket_file_enable_mmap(e, 0);
#endif
    return out->gone ? ECONNRESET : 0;
}

/* Apache adds a Content-Length and answers ranges when it sees a whole response
 * in one brigade. Whether blocks of an application arrive together is chance in
 * daemon mode, so that must not decide it: blocks without a declared length
 * never share a brigade with their end, and ranges are for files, which are
 * always whole. A file of the declared length ends at once. */
static int settle_framing(wsgi_response *out)
{
    request_rec *r = out->r;

    if (out->file && out->declared >= 0 && out->taken == out->declared)
        return 1;
    if (!out->sent && !out->file && out->taken > 0 && apr_table_get(r->headers_in, "Range") != NULL)
        ap_remove_output_filter_byhandle(r->output_filters, "BYTERANGE");
    return 0;
}

/* The connection's own timeout is for reading, and for what is not ours. */
static apr_status_t pass_brigade(const wsgi_response *out)
{
    request_rec *r = out->r;
    apr_interval_time_t limit = out->route->group != NULL ? out->route->group->response_timeout : 0, before = 0;
    apr_socket_t *socket = limit > 0 ? ap_get_conn_socket(r->connection) : NULL;
    apr_status_t rv;

    if (socket != NULL && apr_socket_timeout_get(socket, &before) == APR_SUCCESS)
        apr_socket_timeout_set(socket, limit);
    rv = ap_pass_brigade(r->output_filters, out->bb);
    if (socket != NULL)
        apr_socket_timeout_set(socket, before);
    return rv;
}

/* Do filters hold back so much that they must let go? */
static int must_flush(const wsgi_response *out)
{
    const wsgi_group *group = out->route->group;

    return group != NULL && out->taken - out->flushed >= wsgi_options_response_buffer_size(&group->options);
}

int wsgi_response_pass(wsgi_response *out, int flush)
{
    request_rec *r = out->r;
    apr_status_t rv;

    flush = flush || must_flush(out);
    flush = flush && out->unflushed;
    if (out->gone || out->ended || (!flush && (out->bb == NULL || APR_BRIGADE_EMPTY(out->bb))))
        return out->gone ? ECONNRESET : 0;
    if (settle_framing(out)) {
        out->ended = 1;
        out->unflushed = 0;
        APR_BRIGADE_INSERT_TAIL(pending(out), apr_bucket_eos_create(r->connection->bucket_alloc));
    }
    else if (flush)
        APR_BRIGADE_INSERT_TAIL(pending(out), apr_bucket_flush_create(r->connection->bucket_alloc));
    out->sent = 1;
    rv = pass_brigade(out);
    apr_brigade_cleanup(out->bb);
    if (flush) {
        out->unflushed = 0;
        out->flushed = out->taken;
    }
    if (rv != APR_SUCCESS || r->connection->aborted) {
        ap_log_rerror(APLOG_MARK, APLOG_TRACE1, rv, r, "the client went away in mid-response");
        out->gone = 1;
        return ECONNRESET;
    }
    return 0;
}

/* ---- end ------------------------------------------------------------------------------ */

/* Apache writes the error page: nothing of the application may stay on it. */
static int error_page(wsgi_response *out, int status)
{
    request_rec *r = out->r;

    if (out->bb != NULL)
        apr_brigade_cleanup(out->bb);
    if (out->head) {
        apr_table_clear(r->headers_out);
        apr_table_unset(r->err_headers_out, "Set-Cookie");
        apr_table_unset(r->err_headers_out, "WWW-Authenticate");
        apr_table_unset(r->err_headers_out, "Proxy-Authenticate");
        r->status = HTTP_OK;
        r->status_line = NULL;
        r->clength = 0;
        ap_set_content_type(r, NULL);
    }
    return status;
}

/* Make it visible that the body ends too early: what there is goes out, then an
 * error bucket, on which Apache writes no last chunk and closes (HTTP/2:
 * resets), as it does when a backend of its proxy breaks. */
static int cut(wsgi_response *out)
{
    request_rec *r = out->r;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;

    if (out->ended)
        return OK;                /* nothing is missing from it */
    out->unflushed = 1;
    wsgi_response_pass(out, 1);
    r->connection->keepalive = AP_CONN_CLOSE;
    if (!out->gone) {
        APR_BRIGADE_INSERT_TAIL(out->bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, alloc));
        APR_BRIGADE_INSERT_TAIL(out->bb, apr_bucket_eos_create(alloc));
        ap_pass_brigade(r->output_filters, out->bb);
        apr_brigade_cleanup(out->bb);
    }
    return OK;
}

int wsgi_response_fail(wsgi_response *out, int status)
{
    if (out->gone)
        return OK;
    if (!out->sent)
        return error_page(out, status);
    return cut(out);
}

/* WSGIErrorOverride: Apache answers for the application's status. Cookies and
 * challenges stay with it. */
static int override(wsgi_response *out)
{
    request_rec *r = out->r;
    int status = r->status;

    apr_table_clear(r->headers_out);
    r->status = HTTP_OK;
    r->status_line = NULL;
    r->clength = 0;
    ap_set_content_type(r, NULL);
    return status;
}

/* Location: /path with 200 asks for another resource of this server. */
static int redirect(wsgi_response *out)
{
    request_rec *r = out->r;
    const char *where = out->redirect;

    error_page(out, OK);
    ap_discard_request_body(r);
    r->method = "GET";
    r->method_number = M_GET;
    apr_table_unset(r->headers_in, "Content-Length");
    apr_table_unset(r->headers_in, "Content-Type");
    ap_internal_redirect_handler(where, r);
    return OK;
}

/* The application failed or stopped too early. Data of it that was on its way
 * is not taken back, whether or not it happens to be still here: so both modes
 * answer alike. */
static int fall_short(wsgi_response *out)
{
    return out->taken > 0 ? cut(out) : wsgi_response_fail(out, HTTP_INTERNAL_SERVER_ERROR);
}

static int finish(wsgi_response *out)
{
    request_rec *r = out->r;

    if (out->declared >= 0 && !out->bodiless && out->taken < out->declared) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, WSGI_MSG(0240) "the application declared a "
                      "Content-Length of %" APR_INT64_T_FMT " and gave %" APR_INT64_T_FMT " bytes; "
                      "the connection is closed", out->declared, out->taken);
        return fall_short(out);
    }
    if (out->declared < 0 && out->taken > 0)
        wsgi_response_pass(out, 0);
    if (!out->ended && !out->gone) {
        APR_BRIGADE_INSERT_TAIL(pending(out), apr_bucket_eos_create(r->connection->bucket_alloc));
        wsgi_response_pass(out, 0);
    }
    return OK;
}

int wsgi_response_end(wsgi_response *out, enum wsgi_end end)
{
    if (out->gone)
        return OK;
    if (end == WSGI_END_SHORT_BODY && (out->bodiless || out->overridden || out->redirect != NULL))
        end = WSGI_END_OK;
    switch (end) {
    case WSGI_END_OK:
        if (!out->head) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, out->r, WSGI_MSG(0241) "the request ended without a "
                          "response");
            return wsgi_response_fail(out, HTTP_INTERNAL_SERVER_ERROR);
        }
        if (out->overridden)
            return override(out);
        return out->redirect != NULL ? redirect(out) : finish(out);
    case WSGI_END_NO_CALLABLE:
        return wsgi_response_fail(out, HTTP_NOT_FOUND);
    case WSGI_END_TIMEOUT:
        return out->taken > 0 ? cut(out) : wsgi_response_fail(out, HTTP_GATEWAY_TIME_OUT);
    default:
        return fall_short(out);
    }
}
