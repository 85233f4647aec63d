/* wsgi_host_answer.c - the host's table of wsgi_peer.h, see wsgi_host_answer.h. */

#include "wsgi_host_answer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#define KEEP_MAX    (64 * 1024)   /* data this short is copied behind its head */
#define READER_SIZE (192 * 1024)
#define AHEAD_MAX   (160 * 1024)   /* body bytes asked for beyond those wanted now; the reader has room for them */
#define KEPT_OUT    (256 * 1024)  /* a buffer that grew beyond is given back */

/* Its own thread writes it, so no more than a store. */
static void sign(wsgi_answer *a)
{
    if (!a->unseen)
        __atomic_store_n(&a->signs, a->signs + 1, __ATOMIC_RELAXED);
}

void wsgi_answer_begin(wsgi_answer *a, int fd, const wsgi_packet *p)
{
    a->unseen = (p->flags & WSGI_REQ_UNSEEN) != 0;
    sign(a);
    a->fd = fd;
    a->cell = p->cell;
    a->ticket = p->ticket;
    a->log_level = p->log_level != 0 ? p->log_level : a->own_log_level;
    wsgi_buf_reset(&a->out);
    if (a->reader_made)
        wsgi_reader_reset(&a->reader);
    a->owed = a->need = 0;
    a->handed_out = 0;
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

/* A LOG frame, or with PLACE a LOG_AT frame that begins with it. */
static void send_log(wsgi_answer *a, int level, const wsgi_buf *place, const char *text, size_t n)
{
    size_t before = place != NULL ? place->len : 0;
    unsigned char header[WSGI_FRAME_HEADER];
    struct iovec iov[3] = {{header, sizeof header}};
    int niov = 1, lost;

    if (level > a->log_level)
        return;
    wsgi_frame_header(header, place != NULL ? WSGI_FRAME_LOG_AT : WSGI_FRAME_LOG, (uint16_t)level,
                      (uint32_t)(before + n));
    if (before > 0)
        iov[niov++] = (struct iovec){place->data, before};
    if (n > 0)
        iov[niov++] = (struct iovec){(void *)(uintptr_t)text, n};
    pthread_mutex_lock(&a->sending);
    if (a->write_error == 0)
        a->write_error = wsgi_stream_send(a->fd, iov, niov, -1);
    lost = a->write_error != 0;
    pthread_mutex_unlock(&a->sending);
    if (lost)
        a->lost_line(level, text, n);
}

static void answer_log(void *ctx, int level, const char *text, size_t n)
{
    send_log(ctx, level, NULL, text, n);
}

static void answer_log_at(void *ctx, int level, const char *file, int line, const char *text, size_t n)
{
    wsgi_buf place = {0};

    wsgi_buf_u32(&place, line < 0 ? 0 : (uint32_t)line);
    wsgi_buf_str(&place, file, strlen(file));
    send_log(ctx, level, place.failed ? NULL : &place, text, n);
    wsgi_buf_free(&place);
}

/* Short enough to be sent whole or not at all, in practice: else the rest of it is
 * waited for. */
static int answer_tell(void *ctx, int level, const char *text, size_t n)
{
    wsgi_answer *a = ctx;
    unsigned char frame[WSGI_FRAME_HEADER + WSGI_STACK_LINE_MAX];
    ssize_t sent;
    int err;

    if (n > WSGI_STACK_LINE_MAX)
        n = WSGI_STACK_LINE_MAX;
    wsgi_frame_header(frame, level == 0 ? WSGI_FRAME_STACK : WSGI_FRAME_LOG,
                      level == 0 ? a->thread : (uint16_t)level, (uint32_t)n);
    memcpy(frame + WSGI_FRAME_HEADER, text, n);
    if (pthread_mutex_trylock(&a->sending) != 0)
        return EBUSY;
    err = a->write_error;
    if (err == 0) {
        sent = send(a->fd, frame, WSGI_FRAME_HEADER + n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            err = errno;
        else if ((size_t)sent < WSGI_FRAME_HEADER + n) {
            struct iovec rest = {frame + sent, WSGI_FRAME_HEADER + n - (size_t)sent};

            err = a->write_error = wsgi_stream_send(a->fd, &rest, 1, -1);
        }
    }
    pthread_mutex_unlock(&a->sending);
    return err;
}

/* ---- the request body --------------------------------------------------------- */

static int need_reader(wsgi_answer *a)
{
    if (a->reader_made)
        return 0;
    if (wsgi_reader_init(&a->reader, READER_SIZE) != 0)
        return ENOMEM;
    a->reader_made = 1;
    return 0;
}

/* An application that reads on is going to want what follows: as much of it is
 * asked for as it has read so far, but not waited for. */
static int want(wsgi_answer *a, size_t n, int all)
{
    size_t ahead = a->handed_out < AHEAD_MAX ? (size_t)a->handed_out : AHEAD_MAX;

    if (need_reader(a) != 0)
        return ENOMEM;
    if (n > WSGI_FRAME_MAX - AHEAD_MAX)
        n = WSGI_FRAME_MAX - AHEAD_MAX;
    a->need = all ? (uint32_t)n : 1;
    a->owed = (uint32_t)(n + ahead);
    put_frame(a, WSGI_FRAME_WANT, 0, 8);
    wsgi_buf_u32(&a->out, a->need);
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

/* N body bytes have come. */
static void took(wsgi_answer *a, size_t n)
{
    a->need -= n < a->need ? (uint32_t)n : a->need;
    a->owed = a->need == 0 && a->reader.data_left == 0 ? 0 : a->owed - (uint32_t)n;
    a->handed_out += n;
}

/* Body bytes straight to TO. Whatever else is in their frame is taken in as well:
 * the relay does not listen before all of it is sent, so nothing may be written
 * before that. */
static ssize_t receive(wsgi_answer *a, void *to, size_t n)
{
    ssize_t got;

    if (a->reader.data_type != WSGI_FRAME_BODY || a->reader.data_left > a->owed) {
        a->body_error = EPROTO;
        return 0;
    }
    got = wsgi_reader_into(&a->reader, a->fd, to, n);
    if (got > 0)
        took(a, (size_t)got);
    else
        a->body_error = got == 0 ? ECONNRESET : errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno;
    return got > 0 ? got : 0;
}

/* Get the next body bytes: into PIECE those that are here, or up to N of those to
 * come to TO. How many are there; or set body_end or body_error. */
static size_t next_piece(wsgi_answer *a, void *to, size_t n)
{
    size_t there = 0;
    wsgi_frame f;

    while (a->piece_left == 0 && there == 0 && !a->body_end && a->body_error == 0) {
        int rv = wsgi_reader_next(&a->reader, &f);
        ssize_t got;

        if (rv > 0 && f.type == WSGI_FRAME_BODY && f.len <= a->owed) {
            a->piece = f.data;
            a->piece_left = f.len;
            took(a, f.len);
        }
        else if (rv > 0 && f.type == WSGI_FRAME_BODY_END)
            a->body_end = 1;
        else if (rv > 0 && f.type == WSGI_FRAME_BODY_ERROR)
            a->body_error = body_error(f.code);
        else if (rv != 0)
            a->body_error = EPROTO;
        else if (a->reader.data_left > 0)
            there = (size_t)receive(a, to, n);
        else if ((got = wsgi_reader_fill_header(&a->reader, a->fd, 0)) == 0)
            a->body_error = ECONNRESET;
        else if (got < 0 && errno != EINTR)
            a->body_error = errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno;
    }
    if (a->body_end || a->body_error != 0)
        a->owed = 0;
    return there;
}

static ssize_t answer_read(void *ctx, void *buf, size_t n, int all)
{
    wsgi_answer *a = ctx;
    size_t there = 0;
    int err = 0;

    sign(a);
    if (n == 0)
        return 0;
    if (a->piece_left == 0 && !a->body_end && a->body_error == 0) {
        if (a->owed == 0)
            err = want(a, n, all);
        if (err == 0)
            there = next_piece(a, buf, n);
    }
    if (there > 0)
        return (ssize_t)there;
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

/* ---- calls ---------------------------------------------------------------------- */

static int answer_verdict(void *ctx, int code, const void *values, size_t values_len, uint32_t nvalues)
{
    wsgi_answer *a = ctx;

    put_frame(a, WSGI_FRAME_VERDICT, (uint16_t)code, (uint32_t)values_len + 4);
    wsgi_buf_u32(&a->out, nvalues);
    wsgi_buf_bytes(&a->out, values, values_len);
    return a->out.failed ? ENOMEM : 0;
}

static int answer_lookup(void *ctx, const char *name, size_t n, wsgi_buf *out)
{
    wsgi_answer *a = ctx;
    wsgi_frame f;
    int rv;

    sign(a);
    if (need_reader(a) != 0)
        return ENOMEM;
    put_frame(a, WSGI_FRAME_LOOKUP, 0, (uint32_t)n);
    if (send_out(a, name, n, -1) != 0)
        return a->write_error;
    while ((rv = wsgi_reader_next(&a->reader, &f)) == 0) {
        ssize_t got = wsgi_reader_fill(&a->reader, a->fd, 0);

        if (got == 0)
            return a->write_error = ECONNRESET;
        if (got < 0 && errno != EINTR)
            return a->write_error = errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno;
    }
    if (f.fd >= 0)
        close(f.fd);
    if (rv < 0 || f.type != WSGI_FRAME_FOUND)
        return a->write_error = EPROTO;
    wsgi_buf_bytes(out, f.data, f.len);
    return f.code == 0 ? ENOENT : 0;
}

const wsgi_peer wsgi_answer_peer = {
    .begin = answer_begin,
    .stale = answer_stale,
    .read = answer_read,
    .head = answer_head,
    .data = answer_data,
    .file = answer_file,
    .log = answer_log,
    .tell = answer_tell,
    .log_at = answer_log_at,
    .hints = answer_hints,
    .verdict = answer_verdict,
    .lookup = answer_lookup,
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
        char nowhere[4096];

        a->piece_left = 0;
        next_piece(a, nowhere, sizeof nowhere);
    }
    put_frame(a, WSGI_FRAME_END, (uint16_t)end, 0);
    return send_out(a, NULL, 0, -1);
}
