/* wsgi_frames.c - frames written, frames read: see wsgi_frames.h.
 *
 * Nothing here keeps state of its own: a reader belongs to one thread. Every
 * length read from the peer is checked before it is used.
 */
#include "wsgi_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void wsgi_frame_header(unsigned char out[WSGI_FRAME_HEADER], uint8_t type,
                       uint16_t code, uint32_t len)
{
    out[0] = type;
    out[1] = 0;
    wsgi_store_u16(out + 2, code);
    wsgi_store_u32(out + 4, len);
}

#define READER_MIN  (64 * 1024)
#define READER_KEEP (256 * 1024)    /* a larger buffer is given back on reset */

int wsgi_reader_init(wsgi_reader *r, size_t cap)
{
    memset(r, 0, sizeof(*r));
    r->pending_fd = r->later_fd = -1;
    if (cap < READER_MIN)
        cap = READER_MIN;
    r->buf = malloc(cap);
    if (r->buf == NULL)
        return ENOMEM;
    r->cap = cap;
    return 0;
}

void wsgi_reader_reset(wsgi_reader *r)
{
    wsgi_fd_close(&r->pending_fd);
    wsgi_fd_close(&r->later_fd);
    r->start = r->end = 0;
    r->data_left = 0;
    r->data_type = 0;
    if (r->cap > READER_KEEP) {
        unsigned char *smaller = realloc(r->buf, READER_MIN);

        if (smaller != NULL) {
            r->buf = smaller;
            r->cap = READER_MIN;
        }
    }
}

void wsgi_reader_free(wsgi_reader *r)
{
    wsgi_fd_close(&r->pending_fd);
    wsgi_fd_close(&r->later_fd);
    free(r->buf);
    memset(r, 0, sizeof(*r));
    r->pending_fd = r->later_fd = -1;
}

int wsgi_reader_idle(const wsgi_reader *r)
{
    return r->start == r->end && r->data_left == 0 &&
           r->pending_fd < 0 && r->later_fd < 0;
}

/* Is a frame with this header one we know, of a length and code it may have? */
static int frame_allowed(uint8_t type, uint16_t code, uint32_t len)
{
    switch (type) {
    case WSGI_FRAME_HEAD:
        return len >= 16 && len <= WSGI_FRAME_MAX;
    case WSGI_FRAME_HINTS:
        return code == 103 && len >= 4 && len <= WSGI_HINTS_MAX;
    case WSGI_FRAME_DATA:
    case WSGI_FRAME_BODY:
        return code == 0 && len <= WSGI_FRAME_MAX;
    case WSGI_FRAME_FILE:
        return code == 0 && len == 16;
    case WSGI_FRAME_LOG:
        return code <= 8 && len <= WSGI_FRAME_MAX;
    case WSGI_FRAME_STACK:
        return len <= WSGI_STACK_LINE_MAX;
    case WSGI_FRAME_LOG_AT:
        return code <= 8 && len >= 8 && len <= WSGI_FRAME_MAX;
    case WSGI_FRAME_WANT:
        return code == 0 && len == 8;
    case WSGI_FRAME_REFUSE:
        return (code == WSGI_REFUSE_RELOAD || code == WSGI_REFUSE_DRAIN) && len == 0;
    case WSGI_FRAME_END:
        return code < WSGI_END_MAX_ && len == 0;
    case WSGI_FRAME_BODY_END:
        return code == 0 && len == 0;
    case WSGI_FRAME_BODY_ERROR:
        return len == 0;
    case WSGI_FRAME_VERDICT:
        return len >= 4 && len <= WSGI_FRAME_MAX;
    case WSGI_FRAME_LOOKUP:
        return code == 0 && len > 0 && len <= WSGI_LOOKUP_NAME_MAX;
    case WSGI_FRAME_FOUND:
        return code == 1 ? len <= WSGI_LOOKUP_MAX : code == 0 && len == 0;
    default:
        return 0;
    }
}

/* Hand out what is there of the DATA or BODY frame under way. */
static int next_piece(wsgi_reader *r, wsgi_frame *out)
{
    size_t have = r->end - r->start;
    uint32_t n = have < r->data_left ? (uint32_t)have : r->data_left;

    if (n == 0)
        return 0;
    out->type = r->data_type;
    out->data = r->buf + r->start;
    out->len = n;
    r->start += n;
    r->data_left -= n;
    return 1;
}

static int take_descriptor(wsgi_reader *r, wsgi_frame *out)
{
    if (r->pending_fd < 0)
        return -1;
    out->fd = r->pending_fd;
    r->pending_fd = r->later_fd;
    r->later_fd = -1;
    return 1;
}

int wsgi_reader_next(wsgi_reader *r, wsgi_frame *out)
{
    memset(out, 0, sizeof(*out));
    out->fd = -1;
    for (;;) {
        const unsigned char *h = r->buf + r->start;
        size_t have = r->end - r->start;
        uint8_t type;
        uint16_t code;
        uint32_t len;

        if (r->data_left > 0)
            return next_piece(r, out);
        if (have < WSGI_FRAME_HEADER)
            return 0;
        type = h[0];
        code = wsgi_load_u16(h + 2);
        len = wsgi_load_u32(h + 4);
        if (h[1] != 0 || !frame_allowed(type, code, len))
            return -1;
        if (type == WSGI_FRAME_DATA || type == WSGI_FRAME_BODY) {
            r->start += WSGI_FRAME_HEADER;
            r->data_type = type;
            r->data_left = len;     /* an empty one is passed over */
            continue;
        }
        if (have - WSGI_FRAME_HEADER < len)
            return 0;
        out->type = type;
        out->code = code;
        out->data = h + WSGI_FRAME_HEADER;
        out->len = len;
        r->start += WSGI_FRAME_HEADER + (size_t)len;
        return type == WSGI_FRAME_FILE ? take_descriptor(r, out) : 1;
    }
}

/* Make room behind END: move what is left to the front, and grow once the
 * header of a frame is there that does not fit. 0 or an errno. */
static int reader_room(wsgi_reader *r)
{
    size_t have = r->end - r->start, need = 0;

    if (r->data_left == 0 && have >= WSGI_FRAME_HEADER) {
        const unsigned char *h = r->buf + r->start;

        need = WSGI_FRAME_HEADER + (size_t)wsgi_load_u32(h + 4);
        if (h[0] == WSGI_FRAME_DATA || h[0] == WSGI_FRAME_BODY ||
            need > WSGI_FRAME_HEADER + WSGI_FRAME_MAX)
            need = 0;               /* pieces, or next() will refuse it */
    }
    if (r->start > 0 && (have == 0 || r->cap - r->end < r->cap / 2)) {
        memmove(r->buf, r->buf + r->start, have);
        r->start = 0;
        r->end = have;
    }
    if (need > r->cap) {
        unsigned char *larger = realloc(r->buf, need);

        if (larger == NULL)
            return ENOMEM;
        r->buf = larger;
        r->cap = need;
    }
    return r->end < r->cap ? 0 : ENOBUFS;
}

/* One recvmsg; keeps a descriptor that comes along. */
static ssize_t reader_recv(wsgi_reader *r, int fd, struct iovec *iov, int niov, int flags)
{
    int got = -1, msg_flags = 0;
    ssize_t n = wsgi_msg_recv(fd, iov, niov, flags, &got, 1, &msg_flags);

    if (n < 0)
        return -1;
    if (got >= 0) {
        if (r->pending_fd < 0) {
            r->pending_fd = got;
        } else if (r->later_fd < 0) {
            r->later_fd = got;      /* its send began in the bytes that end the one before */
        } else {
            close(got);
            errno = EPROTO;
            return -1;
        }
    }
    return n;
}

static ssize_t fill_most(wsgi_reader *r, int fd, int flags, size_t most)
{
    struct iovec iov;
    int error = reader_room(r);
    ssize_t n;

    if (error != 0) {
        errno = error;
        return -1;
    }
    iov.iov_base = r->buf + r->end;
    iov.iov_len = r->cap - r->end < most ? r->cap - r->end : most;
    n = reader_recv(r, fd, &iov, 1, flags);
    if (n > 0)
        r->end += (size_t)n;
    return n;
}

ssize_t wsgi_reader_fill(wsgi_reader *r, int fd, int flags)
{
    return fill_most(r, fd, flags, r->cap);
}

ssize_t wsgi_reader_fill_header(wsgi_reader *r, int fd, int flags)
{
    size_t have = r->end - r->start;

    return fill_most(r, fd, flags, have < WSGI_FRAME_HEADER ? WSGI_FRAME_HEADER - have : r->cap);
}

ssize_t wsgi_reader_into(wsgi_reader *r, int fd, void *to, size_t n)
{
    size_t rest, got = 0;

    if (n > r->data_left)
        n = r->data_left;
    rest = r->data_left - n < r->cap ? r->data_left - n : r->cap;
    while (got < n + rest) {
        size_t direct = got < n ? n - got : 0, buffered = got < n ? 0 : got - n;
        struct iovec iov[2] = { { (char *)to + (n - direct), direct }, { r->buf + buffered, rest - buffered } };
        int skip = direct == 0, niov = rest > 0 ? 2 : 1;
        ssize_t step = reader_recv(r, fd, iov + skip, niov - skip, MSG_WAITALL);

        if (step == 0 || (step < 0 && errno != EINTR))
            return step;
        got += step > 0 ? (size_t)step : 0;
    }
    r->data_left -= (uint32_t)n;
    r->start = 0;
    r->end = rest;
    return (ssize_t)n;
}

int wsgi_stream_send(int fd, struct iovec *iov, int niov, int pass_fd)
{
    int nfds = pass_fd >= 0 ? 1 : 0;

    for (;;) {
        ssize_t n;

        while (niov > 0 && iov->iov_len == 0) {
            iov++;
            niov--;
        }
        if (niov == 0)
            return 0;
        n = wsgi_msg_send(fd, iov, niov, 0, &pass_fd, nfds);
        if (n < 0)
            return errno;
        if (n > 0)
            nfds = 0;
        while (n > 0) {
            size_t step = (size_t)n < iov->iov_len ? (size_t)n : iov->iov_len;

            iov->iov_base = (char *)iov->iov_base + step;
            iov->iov_len -= step;
            n -= (ssize_t)step;
            if (iov->iov_len == 0 && n > 0) {
                iov++;
                niov--;
            }
        }
    }
}

/* Neither may end the line it is written on. */
static int header_clean(wsgi_pair p)
{
    uint32_t i;

    if (p.name.len == 0)
        return 0;
    for (i = 0; i < p.name.len; i++) {
        unsigned char ch = (unsigned char)p.name.data[i];

        if (ch <= ' ' || ch == ':' || ch >= 0x7f)
            return 0;
    }
    for (i = 0; i < p.value.len; i++) {
        char ch = p.value.data[i];

        if (ch == '\r' || ch == '\n' || ch == '\0')
            return 0;
    }
    return 1;
}

/* The pairs that follow to the end, for OUT. 0 or -1. */
static int decode_headers(wsgi_cur *c, wsgi_response_head *out)
{
    uint32_t i;

    out->headers = c->p;
    out->headers_len = c->left;
    for (i = 0; i < out->nheaders; i++)
        if (!header_clean(wsgi_cur_pair(c)))
            return -1;
    return c->bad || c->left != 0 ? -1 : 0;
}

int wsgi_hints_decode(const wsgi_frame *f, wsgi_response_head *out)
{
    wsgi_cur c = wsgi_cur_of(f->data, f->len);

    memset(out, 0, sizeof(*out));
    if (f->type != WSGI_FRAME_HINTS)
        return -1;
    out->status = f->code;
    out->content_length = -1;
    out->nheaders = wsgi_cur_u32(&c);
    return c.bad || out->nheaders > WSGI_HEADERS_MAX ? -1 : decode_headers(&c, out);
}

int wsgi_response_head_decode(const wsgi_frame *f, wsgi_response_head *out)
{
    wsgi_cur c;
    uint32_t i;

    memset(out, 0, sizeof(*out));
    if (f->type != WSGI_FRAME_HEAD || f->code < 100 || f->code > 999)
        return -1;
    c = wsgi_cur_of(f->data, f->len);
    out->status = f->code;
    out->content_length = (int64_t)wsgi_cur_u64(&c);
    out->nheaders = wsgi_cur_u32(&c);
    out->reason = wsgi_cur_str(&c);
    if (c.bad || out->content_length < -1 || out->nheaders > WSGI_HEADERS_MAX)
        return -1;
    for (i = 0; i < out->reason.len; i++)
        if ((unsigned char)out->reason.data[i] < ' ' && out->reason.data[i] != '\t')
            return -1;
    return decode_headers(&c, out);
}
