/* wsgi_relay_hear.c - what the daemon process says: each frame to the noun it is
 * about. One that may not come now, or says nothing that makes sense, ends the
 * request.
 */
#include "wsgi_relay_inner.h"

#include <errno.h>
#include <unistd.h>

#include "apr_strings.h"

#include "wsgi_report.h"

#define STACK_MAX     (64 * 1024)     /* kept of where a request is */

static enum standing on_head(relay *x, const wsgi_frame *f)
{
    wsgi_response_head head;
    int error = wsgi_response_head_decode(f, &head) < 0 ? EPROTO : wsgi_response_start(&x->out, &head);

    if (error == EMSGSIZE) {
        LOG(x, APLOG_ERR, 0248, "the response for '%s' has a header of more than %d bytes (header-buffer-size)",
            x->r->uri, wsgi_options_header_buffer_size(&x->group->options));
        return failed(x, HTTP_INTERNAL_SERVER_ERROR);
    }
    if (error != 0) {
        LOG(x, APLOG_ERR, 0224, "a daemon process sent a bad response head for '%s'", x->r->uri);
        return failed(x, HTTP_INTERNAL_SERVER_ERROR);
    }
    return GOING;
}

/* A line with its place. 0, or -1 if it is none. */
static int on_log_at(relay *x, const wsgi_frame *f)
{
    wsgi_cur cur = wsgi_cur_of(f->data, f->len);
    uint32_t line = wsgi_cur_u32(&cur);
    wsgi_str file = wsgi_cur_str(&cur);

    if (cur.bad || line > INT_MAX)
        return -1;
    wsgi_report_line(x->r, x->out.route, f->code, apr_pstrmemdup(x->r->pool, file.data, file.len), (int)line,
                     (const char *)cur.p, cur.left);
    return 0;
}

/* Where the request is, should it pass its deadline. */
static void on_stack(relay *x, const wsgi_frame *f)
{
    if (x->stack == NULL || f->len == 0) {
        x->stack = apr_array_make(x->r->pool, 16, sizeof(char *));
        x->stack_size = 0;
    }
    x->thread = f->code;
    if (f->len > 0 && x->stack_size < STACK_MAX) {
        x->stack_size += f->len;
        APR_ARRAY_PUSH(x->stack, char *) = apr_pstrmemdup(x->r->pool, (const char *)f->data,
                                                          f->len < STACK_MAX ? f->len : STACK_MAX);
    }
}

/* A call is not answered by a response, nor a request by a verdict. */
static int out_of_place(const relay *x, uint8_t type)
{
    switch (type) {
    case WSGI_FRAME_HEAD:
    case WSGI_FRAME_HINTS:
    case WSGI_FRAME_DATA:
    case WSGI_FRAME_FILE:
    case WSGI_FRAME_WANT:
        return x->call != NULL;
    case WSGI_FRAME_VERDICT:
    case WSGI_FRAME_LOOKUP:
        return x->call == NULL;
    default:
        return 0;
    }
}

static enum standing on_frame(relay *x, const wsgi_frame *f)
{
    wsgi_response_head hints;
    uint64_t offset, length;
    wsgi_cur cur;
    int error;

    switch (out_of_place(x, f->type) ? 0 : f->type) {
    case WSGI_FRAME_HEAD:
        return on_head(x, f);
    case WSGI_FRAME_HINTS:
        error = wsgi_hints_decode(f, &hints) < 0 ? EPROTO : wsgi_response_hints(&x->out, &hints);
        break;
    case WSGI_FRAME_DATA:
        error = wsgi_response_lend(&x->out, f->data, f->len);
        break;
    case WSGI_FRAME_FILE:
        cur = wsgi_cur_of(f->data, f->len);
        offset = wsgi_cur_u64(&cur);
        length = wsgi_cur_u64(&cur);
        error = f->fd < 0 ? EPROTO : wsgi_response_file(&x->out, f->fd, offset, length);
        break;
    case WSGI_FRAME_LOG:
        wsgi_report_line(x->r, x->out.route, f->code, NULL, 0, (const char *)f->data, f->len);
        return GOING;
    case WSGI_FRAME_LOG_AT:
        if (on_log_at(x, f) == 0)
            return GOING;
        error = EPROTO;
        break;
    case WSGI_FRAME_STACK:
        on_stack(x, f);
        return GOING;
    case WSGI_FRAME_WANT:
        if (!x->wanting) {
            enum standing standing;

            x->wanting = 1;
            standing = wsgi_relay_on_want(x, f);
            x->wanting = 0;
            return standing;
        }
        error = EPROTO;           /* what it asked for before has not come yet */
        break;
    case WSGI_FRAME_VERDICT:
        error = wsgi_relay_on_verdict(x, f);
        break;
    case WSGI_FRAME_LOOKUP:
        return wsgi_relay_on_lookup(x, f);
    case WSGI_FRAME_REFUSE:
        if (!x->out.head)
            return wsgi_relay_on_refuse(x, f);
        error = EPROTO;           /* the answer has begun */
        break;
    case WSGI_FRAME_END:
        x->end = (enum wsgi_end)f->code;
        return ENDED;
    default:
        error = EPROTO;
        break;
    }
    if (error == EPROTO) {
        LOG(x, APLOG_ERR, 0225, "a daemon process broke the protocol (frame '%c')", f->type);
        return failed(x, HTTP_BAD_GATEWAY);
    }
    return error == 0 ? GOING : ENDED;
}

enum standing wsgi_relay_take_frames(relay *x)
{
    enum standing standing = GOING;
    wsgi_frame frame;
    int more;

    while (standing == GOING && (more = wsgi_reader_next(&x->answer->reader, &frame)) != 0) {
        if (more < 0) {
            LOG(x, APLOG_ERR, 0231, "a daemon process broke the protocol answering '%s'", x->r->uri);
            return failed(x, HTTP_BAD_GATEWAY);
        }
        standing = on_frame(x, &frame);
        if (frame.fd >= 0)
            close(frame.fd);
    }
    return standing;
}
