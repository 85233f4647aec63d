/* wsgi_host_answer.c - the host's table of wsgi_peer.h, see wsgi_host_answer.h. */

#include "wsgi_host_answer.h"

#include <errno.h>
#include <string.h>

#define KEEP_MAX    (64 * 1024)   /* data this short is copied behind its head */
#define READER_SIZE (128 * 1024)
#define KEPT_OUT    (256 * 1024)  /* a buffer that grew beyond is given back */

/* Its own thread writes it, so no more than a store. */
static void sign(wsgi_answer *a)
{
    __atomic_store_n(&a->signs, a->signs + 1, __ATOMIC_RELAXED);
}

void wsgi_answer_begin(wsgi_answer *a, int fd, const wsgi_packet *p)
{
    sign(a);
    a->fd = fd;
    a->cell = p->cell;
    a->ticket = p->ticket;
    wsgi_buf_reset(&a->out);
    if (a->reader_made)
        wsgi_reader_reset(&a->reader);
    a->owed = 0;
    a->piece_left = 0;
    a->body_end = a->body_error = a->write_error = a->begun = a->refused = 0;
}

void wsgi_answer_free(wsgi_answer *a)
{
    wsgi_buf_free(&a->out);
    if (a->reader_made)
        wsgi_reader_free(&a->reader);
}

static void put_frame(wsgi_answer *a, uint8_t type, uint16_t code, uint32_t len)
{
    unsigned char header[WSGI_FRAME_HEADER];

    wsgi_frame_header(header, type, code, len);
    wsgi_buf_bytes(&a->out, header, sizeof header);
}

/* Send what was kept back, then N bytes of P, then AFTER if it is not NULL. */
static int send_out(wsgi_answer *a, const void *p, size_t n, int fd)
{
    struct iovec iov[2];
    int niov = 0, err;

    if (a->write_error != 0)
        return a->write_error;
    if (a->out.failed)
        return a->write_error = ENOMEM;
    if (a->out.len > 0)
        iov[niov++] = (struct iovec){a->out.data, a->out.len};
    if (n > 0)
        iov[niov++] = (struct iovec){(void *)(uintptr_t)p, n};
    pthread_mutex_lock(&a->sending);
    err = niov == 0 ? 0 : wsgi_stream_send(a->fd, iov, niov, fd);
    pthread_mutex_unlock(&a->sending);
    if (a->out.cap > KEPT_OUT)
        wsgi_buf_free(&a->out);
    else
        wsgi_buf_reset(&a->out);
    return a->write_error = err;
}

/* ---- the table -------------------------------------------------------------- */

static int answer_begin(void *ctx)
{
    wsgi_answer *a = ctx;

    if (!wsgi_cell_take(a->board, a->cell, a->ticket, a->slot, a->incarnation))
        return ECANCELED;
    a->begun = 1;
    return 0;
}

void wsgi_answer_refuse(wsgi_answer *a, enum wsgi_refusal why)
{
    wsgi_buf_reset(&a->out);
    put_frame(a, WSGI_FRAME_REFUSE, (uint16_t)why, 0);
    send_out(a, NULL, 0, -1);
    a->refused = 1;
}

static int answer_stale(void *ctx, enum wsgi_stale how)
{
    wsgi_answer *a = ctx;
    int verdict = a->refuse(how);

    if (verdict == EALREADY)
        return verdict;
    wsgi_answer_refuse(a, verdict == EBUSY ? WSGI_REFUSE_DRAIN : WSGI_REFUSE_RELOAD);
    return EAGAIN;
}

static int answer_head(void *ctx, int status, const char *reason, size_t reason_len,
                       int64_t content_length, const void *headers, size_t headers_len,
                       uint32_t nheaders)
{
    wsgi_answer *a = ctx;
    size_t at = a->out.len + WSGI_FRAME_HEADER - 4;

    put_frame(a, WSGI_FRAME_HEAD, (uint16_t)status, 0);
    wsgi_buf_u64(&a->out, (uint64_t)content_length);
    wsgi_buf_u32(&a->out, nheaders);
    wsgi_buf_str(&a->out, reason, reason_len);
    wsgi_buf_bytes(&a->out, headers, headers_len);
    if (a->out.failed)
        return ENOMEM;
    wsgi_buf_patch_u32(&a->out, at, (uint32_t)(a->out.len - at - 4));
    return 0;
}

static int answer_hints(void *ctx, const void *headers, size_t headers_len, uint32_t nheaders)
{
    wsgi_answer *a = ctx;

    put_frame(a, WSGI_FRAME_HINTS, 103, (uint32_t)headers_len + 4);
    wsgi_buf_u32(&a->out, nheaders);
    return send_out(a, headers, headers_len, -1);
}

static int answer_data(void *ctx, const void *p, size_t n, int flush)
{
    wsgi_answer *a = ctx;
    const char *bytes = p;

    sign(a);
    if (!flush && a->out.len + n <= KEEP_MAX) {
        put_frame(a, WSGI_FRAME_DATA, 0, (uint32_t)n);
        wsgi_buf_bytes(&a->out, bytes, n);
        return a->write_error;
    }
    while (n > 0) {
        uint32_t part = n > WSGI_FRAME_MAX ? WSGI_FRAME_MAX : (uint32_t)n;

        put_frame(a, WSGI_FRAME_DATA, 0, part);
        if (send_out(a, bytes, part, -1) != 0)
            return a->write_error;
        bytes += part;
        n -= part;
    }
    return 0;
}

static int answer_file(void *ctx, int fd, uint64_t offset, uint64_t length)
{
    wsgi_answer *a = ctx;

    sign(a);
    /* The descriptor goes with the first byte sent, which must be this frame's. */
    if (send_out(a, NULL, 0, -1) != 0)
        return a->write_error;
    put_frame(a, WSGI_FRAME_FILE, 0, 16);
    wsgi_buf_u64(&a->out, offset);
    wsgi_buf_u64(&a->out, length);
    return send_out(a, NULL, 0, fd);
}

static void answer_log(void *ctx, int level, const char *text, size_t n)
{
    wsgi_answer *a = ctx;
    unsigned char header[WSGI_FRAME_HEADER];
    struct iovec iov[2] = {{header, sizeof header}, {(void *)(uintptr_t)text, n}};
    int lost;

    if (level > 6 && level > a->log_level)
        return;
    wsgi_frame_header(header, WSGI_FRAME_LOG, (uint16_t)level, (uint32_t)n);
    pthread_mutex_lock(&a->sending);
    if (a->write_error == 0)
        a->write_error = wsgi_stream_send(a->fd, iov, n > 0 ? 2 : 1, -1);
    lost = a->write_error != 0;
    pthread_mutex_unlock(&a->sending);
    if (lost)
        a->lost_line(level, text, n);
}

/* ---- the request body --------------------------------------------------------- */

static int want(wsgi_answer *a, size_t n, int all)
{
    if (!a->reader_made) {
        if (wsgi_reader_init(&a->reader, READER_SIZE) != 0)
            return ENOMEM;
        a->reader_made = 1;
    }
    a->owed = n > WSGI_FRAME_MAX ? WSGI_FRAME_MAX : (uint32_t)n;
    a->some = !all;
    put_frame(a, WSGI_FRAME_WANT, all ? WSGI_WANT_ALL : WSGI_WANT_SOME, 4);
    wsgi_buf_u32(&a->out, a->owed);
    return send_out(a, NULL, 0, -1);
}

/* Why there is no more body: one of those that the table promises, whatever the
 * relay says. */
static int body_error(uint16_t code)
{
    switch (code) {
    case ECONNRESET:
    case ETIMEDOUT:
    case EFBIG:
        return code;
    default:
        return EPROTO;
    }
}

/* Get the next body bytes into PIECE, or set body_end or body_error. */
static void next_piece(wsgi_answer *a)
{
    wsgi_frame f;

    while (a->piece_left == 0 && !a->body_end && a->body_error == 0) {
        ssize_t n;
        int rv = wsgi_reader_next(&a->reader, &f);

        if (rv > 0 && f.type == WSGI_FRAME_BODY && f.len <= a->owed) {
            a->piece = f.data;
            a->piece_left = f.len;
            a->owed = a->some && a->reader.data_left == 0 ? 0 : a->owed - f.len;
        }
        else if (rv > 0 && f.type == WSGI_FRAME_BODY_END)
            a->body_end = 1;
        else if (rv > 0 && f.type == WSGI_FRAME_BODY_ERROR)
            a->body_error = body_error(f.code);
        else if (rv != 0)
            a->body_error = EPROTO;
        else if ((n = wsgi_reader_fill(&a->reader, a->fd, 0)) == 0)
            a->body_error = ECONNRESET;
        else if (n < 0 && errno != EINTR)
            a->body_error = errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno;
    }
    if (a->body_end || a->body_error != 0)
        a->owed = 0;
}

static ssize_t answer_read(void *ctx, void *buf, size_t n, int all)
{
    wsgi_answer *a = ctx;
    int err = 0;

    sign(a);
    if (n == 0)
        return 0;
    if (a->piece_left == 0 && !a->body_end && a->body_error == 0) {
        if (a->owed == 0)
            err = want(a, n, all);
        if (err == 0)
            next_piece(a);
    }
    if (err == 0 && a->piece_left == 0)
        err = a->body_error;
    if (err != 0) {
        errno = err;
        return -1;
    }
    if (n > a->piece_left)
        n = a->piece_left;
    if (n > 0) {                  /* at the end there may never have been a piece */
        memcpy(buf, a->piece, n);
        a->piece += n;
        a->piece_left -= n;
    }
    return (ssize_t)n;
}

const wsgi_peer wsgi_answer_peer = {
    .begin = answer_begin,
    .stale = answer_stale,
    .read = answer_read,
    .head = answer_head,
    .data = answer_data,
    .file = answer_file,
    .log = answer_log,
    .hints = answer_hints,
};

/* ---- the end --------------------------------------------------------------------- */

int wsgi_answer_end(wsgi_answer *a, enum wsgi_end end)
{
    sign(a);
    if (a->refused)
        return 0;
    if (!a->begun && answer_begin(a) != 0)
        return 0;                 /* nobody waits for it */
    while (a->owed > 0) {
        a->piece_left = 0;
        next_piece(a);
    }
    put_frame(a, WSGI_FRAME_END, (uint16_t)end, 0);
    return send_out(a, NULL, 0, -1);
}
