/* The answer stream, read by either side. The same bytes, with descriptors at
 * the same places, are fed twice: as they are, and in pieces to a reader with a
 * small buffer. What comes out must be the same, and must be what a second,
 * simpler reading of the bytes finds in them.
 *
 * Input: a byte whose low half says how large the pieces are (2 to its power), a
 * byte that says at which multiples a descriptor comes along (0: nowhere), the
 * bytes of the stream. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "wsgi_frames.h"
#include "wsgi_wire.h"

#define SMALL 64        /* bytes of the second reader's buffer, to begin with */

/* What a reader made of the stream, in a form that does not depend on the pieces
 * in which data came: a byte of data is its type and itself. */
typedef struct {
    wsgi_buf frames;
    int broken;             /* the reader refused to go on */
    int descriptors;
    size_t rest;            /* bytes it had and could not use */
} outcome;

static void note_data(outcome *o, uint8_t type, const unsigned char *p, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        wsgi_buf_u8(&o->frames, type);
        wsgi_buf_u8(&o->frames, p[i]);
    }
}

static void note_frame(outcome *o, uint8_t type, uint16_t code, const unsigned char *p, uint32_t n)
{
    unsigned char header[WSGI_FRAME_HEADER];

    wsgi_frame_header(header, type, code, n);
    wsgi_buf_bytes(&o->frames, header, sizeof(header));
    wsgi_buf_bytes(&o->frames, p, n);
}

static void note(outcome *o, const wsgi_frame *f)
{
    wsgi_response_head h;

    MUST(f->len <= WSGI_FRAME_MAX);
    MUST((f->fd >= 0) == (f->type == WSGI_FRAME_FILE));
    if (f->fd >= 0) {
        o->descriptors++;
        close(f->fd);
    }
    if (f->type == WSGI_FRAME_DATA || f->type == WSGI_FRAME_BODY) {
        MUST(f->len > 0 && f->code == 0);
        note_data(o, f->type, f->data, f->len);
        return;
    }
    note_frame(o, f->type, f->code, f->data, f->len);
    if (wsgi_response_head_decode(f, &h) == 0)
        MUST(f->type == WSGI_FRAME_HEAD);
    if (wsgi_hints_decode(f, &h) == 0)
        MUST(f->type == WSGI_FRAME_HINTS);
}

/* Read what has arrived on FD until there is no more or the peer has broken the
 * protocol. */
static void take(wsgi_reader *r, int fd, outcome *o)
{
    while (!o->broken) {
        ssize_t n = wsgi_reader_fill(r, fd, MSG_DONTWAIT);
        wsgi_frame f;
        int rv;

        if (n < 0) {
            MUST(errno == EAGAIN || errno == EPROTO);   /* never ENOBUFS: it makes room */
            o->broken = errno == EPROTO;
            return;
        }
        MUST(n > 0);
        while ((rv = wsgi_reader_next(r, &f)) == 1)
            note(o, &f);
        o->broken = rv < 0;
    }
}

/* Send N bytes at DATA in pieces of at most PIECE, a descriptor with each that
 * begins at a multiple of EVERY, to a reader whose buffer has CAP bytes. */
static void feed(const uint8_t *data, size_t n, size_t piece, size_t every, size_t cap, outcome *o)
{
    wsgi_reader r;
    int pair[2];
    size_t at, step;

    memset(o, 0, sizeof(*o));
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    MUST(wsgi_reader_init(&r, 0) == 0);
    if (cap != 0) {         /* so that few bytes do what otherwise takes many */
        r.buf = realloc(r.buf, cap);
        MUST(r.buf != NULL);
        r.cap = cap;
    }
    for (at = 0; at < n && !o->broken; at += step) {
        struct iovec iov;

        step = n - at < piece ? n - at : piece;
        if (every != 0 && step > every - at % every)
            step = every - at % every;
        iov.iov_base = (void *)(data + at);
        iov.iov_len = step;
        MUST(wsgi_stream_send(pair[0], &iov, 1, every != 0 && at % every == 0 ? pair[0] : -1) == 0);
        take(&r, pair[1], o);
    }
    o->rest = r.end - r.start;
    MUST(o->broken || o->rest < WSGI_FRAME_HEADER + WSGI_FRAME_MAX);
    wsgi_reader_reset(&r);
    MUST(wsgi_reader_idle(&r));
    wsgi_reader_free(&r);
    close(pair[0]);
    close(pair[1]);
    MUST(!o->frames.failed);
}

/* The frames that lie in N bytes at P one after another, whatever they mean. */
static void walk(const uint8_t *p, size_t n, outcome *o)
{
    memset(o, 0, sizeof(*o));
    while (n >= WSGI_FRAME_HEADER) {
        uint32_t len = p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
        int data = p[0] == WSGI_FRAME_DATA || p[0] == WSGI_FRAME_BODY;
        size_t have = n - WSGI_FRAME_HEADER < len ? n - WSGI_FRAME_HEADER : len;

        if (have < len && !data)
            break;
        if (data)
            note_data(o, p[0], p + WSGI_FRAME_HEADER, have);
        else
            note_frame(o, p[0], (uint16_t)(p[2] | p[3] << 8), p + WSGI_FRAME_HEADER, len);
        p += WSGI_FRAME_HEADER + have;
        n -= WSGI_FRAME_HEADER + have;
    }
    o->rest = n;
}

static int begins_with(const wsgi_buf *all, const wsgi_buf *start)
{
    return start->len <= all->len && (start->len == 0 || memcmp(all->data, start->data, start->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int before = fuzz_lowest_fd();
    outcome whole, pieces, walked;

    if (size < 2)
        return 0;
    feed(data + 2, size - 2, SIZE_MAX, data[1], 0, &whole);
    feed(data + 2, size - 2, (size_t)1 << (data[0] & 15), data[1], SMALL, &pieces);
    MUST(whole.broken == pieces.broken && whole.descriptors == pieces.descriptors);
    MUST(whole.frames.len == pieces.frames.len && begins_with(&whole.frames, &pieces.frames));
    walk(data + 2, size - 2, &walked);
    MUST(begins_with(&walked.frames, &whole.frames));
    if (!whole.broken) {    /* and nothing was held back */
        MUST(whole.frames.len == walked.frames.len && whole.rest == walked.rest && pieces.rest == walked.rest);
        fuzz_accepted += whole.frames.len > 0;
    }
    wsgi_buf_free(&whole.frames);
    wsgi_buf_free(&pieces.frames);
    wsgi_buf_free(&walked.frames);
    MUST(fuzz_lowest_fd() == before);
    return 0;
}
