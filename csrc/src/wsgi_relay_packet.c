/* wsgi_relay_packet.c - a request as the packet that enters the queue.
 *
 * A head too large for a packet goes into a file of its own, whose descriptor
 * travels with it; a body small enough rides along.
 */
#include "wsgi_relay_inner.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wsgi_environ.h"
#include "wsgi_report.h"

/* The head in a file of its own, since it is too large for a packet. 0 or an errno. */
static int head_to_memfd(relay *x)
{
    const unsigned char *p = x->packet->data + WSGI_PACKET_HEADER;
    size_t left = x->header.head_len;

    x->memfd = memfd_create("mod_wsgi-head", MFD_CLOEXEC);
    if (x->memfd < 0)
        return errno;
    while (left > 0) {
        ssize_t n = write(x->memfd, p, left);

        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            p += n;
            left -= (size_t)n;
        }
    }
    x->header.flags |= WSGI_REQ_MEMFD;
    return 0;
}

/* Read a small body now, so that it rides along. Returns OK or a status. */
static int inline_body(relay *x, int64_t length)
{
    const char *p;
    size_t n;

    if (length <= 0 || length > WSGI_BODY_INLINE_MAX || x->memfd >= 0 ||
        x->packet->len + (size_t)length > WSGI_PACKET_MAX ||
        apr_table_get(x->r->headers_in, "Expect") != NULL)
        return OK;
    while (wsgi_body_next(&x->body, WSGI_BODY_INLINE_MAX, &p, &n) == 0 && n > 0)
        wsgi_buf_bytes(x->packet, p, n);
    if (x->body.error != 0)
        return x->body.status;
    x->header.body_len = (uint32_t)length;
    return OK;
}

int wsgi_relay_build(relay *x, const wsgi_route *route)
{
    const int64_t length = x->call == NULL ? route->content_length : WSGI_LENGTH_NONE;
    static const unsigned char room[WSGI_PACKET_HEADER];
    int error = 0, status;

    memset(&x->header, 0, sizeof(x->header));
    wsgi_buf_reset(x->packet);
    wsgi_buf_bytes(x->packet, room, sizeof(room));
    x->header.version = WSGI_INTERFACE_VERSION;
    if (x->call == NULL)
        x->header.flags = wsgi_environ_write(x->r, route, x->packet);
    else {
        wsgi_call_encode(x->call, x->packet);
        x->header.flags = wsgi_environ_write_call(x->r, route, x->call->kind, x->packet) | WSGI_REQ_CALL;
    }
    x->header.log_level = (uint8_t)wsgi_report_level(x->r);
    x->header.content_length = length;
    x->header.received_us = (uint64_t)x->r->request_time;
    x->header.cell = x->answer->cell;
    if (x->packet->failed || x->packet->len - WSGI_PACKET_HEADER > WSGI_HEAD_MAX) {
        LOG(x, APLOG_ERR, 0233, "the environment of a request for a daemon process is too large (more than %d "
            "bytes)", WSGI_HEAD_MAX);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    x->header.head_len = (uint32_t)(x->packet->len - WSGI_PACKET_HEADER);
    if (x->packet->len > WSGI_PACKET_MAX)
        error = head_to_memfd(x);
    status = error == 0 ? inline_body(x, length) : OK;
    if (error == 0 && x->packet->failed)
        error = ENOMEM;
    if (error != 0) {
        LOG(x, APLOG_ERR, 0234, "a request for a daemon process cannot be built: %s", strerror(error));
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return status;
}
