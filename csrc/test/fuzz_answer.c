/* The host's side of the answer stream: a relay that sends what it likes where
 * the body of a request should come, while the application reads in sizes of
 * its own. It gets what the BODY frames hold, in order, and an end or an error
 * that stays; what the relay gets are whole frames with an end.
 *
 * Input: how much each read asks for, in two bytes, and whether it wants all of
 * it; how many bytes are sent at once (2 to the power of the low half), and with
 * which of the sends a descriptor comes along; the bytes of the stream. */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>

#include "wsgi_host_answer.h"

#define READS_MAX 64
#define SENDS_MAX 100           /* nobody reads meanwhile, and a socket holds some hundred */

static wsgi_board *board;

static void lost_line(int level, const char *text, size_t n)
{
    (void)level;
    (void)text;
    (void)n;
}

static int refuse(enum wsgi_stale why)
{
    (void)why;
    return 1;
}

static void make_answer(wsgi_answer *a)
{
    int fd;

    if (board == NULL) {
        MUST(wsgi_board_create(1, 1, 1, &board, &fd) == 0);
        close(fd);
    }
    memset(a, 0, sizeof(*a));
    pthread_mutex_init(&a->sending, NULL);
    a->board = board;
    a->incarnation = 1;
    a->log_level = a->own_log_level = 7;
    a->lost_line = lost_line;
    a->refuse = refuse;
}

/* What the BODY frames at P hold, up to the first that is something else. An
 * empty frame of data is passed over whichever way it was meant to go. */
static wsgi_buf body_of(const uint8_t *p, size_t n)
{
    wsgi_buf body = { NULL, 0, 0, 0 };

    while (n >= WSGI_FRAME_HEADER) {
        wsgi_cur c = wsgi_cur_of(p + 4, 4);
        uint32_t len = wsgi_cur_u32(&c);

        if (p[0] != WSGI_FRAME_BODY && (p[0] != WSGI_FRAME_DATA || len > 0))
            break;
        p += WSGI_FRAME_HEADER;
        n -= WSGI_FRAME_HEADER;
        if (len > n)
            len = (uint32_t)n;
        wsgi_buf_bytes(&body, p, len);
        p += len;
        n -= len;
    }
    return body;
}

static void send_stream(int fd, const uint8_t *data, size_t n, size_t piece, unsigned descriptors)
{
    unsigned turn;
    size_t step;

    if (piece < n / SENDS_MAX + 1)
        piece = n / SENDS_MAX + 1;
    for (turn = 0; n > 0; turn++, data += step, n -= step) {
        struct iovec iov = { (void *)data, step = n < piece ? n : piece };

        MUST(wsgi_stream_send(fd, &iov, 1, turn < 8 && (descriptors >> turn & 1) ? fd : -1) == 0);
    }
    shutdown(fd, SHUT_WR);
}

/* Read as an application does, a little more often than there is an answer. */
static void read_body(wsgi_answer *a, size_t n, int all, const wsgi_buf *body)
{
    size_t at = 0;
    unsigned char *buf = malloc(n > 0 ? n : 1);
    ssize_t last = 1;
    int i, error = 0;

    MUST(buf != NULL);
    for (i = 0; i < READS_MAX; i++) {
        ssize_t got = wsgi_answer_peer.read(a, buf, n, all);

        if (last <= 0 && n > 0)             /* an end stays an end */
            MUST(got == last && (got == 0 || errno == error));
        if (got < 0) {
            error = errno;
            MUST(error == ECONNRESET || error == ETIMEDOUT || error == EPROTO || error == EFBIG);
        }
        else {
            MUST((size_t)got <= n && at + (size_t)got <= body->len);
            MUST(got == 0 || memcmp(buf, body->data + at, (size_t)got) == 0);
            at += (size_t)got;
        }
        last = got;
    }
    free(buf);
}

/* What the relay was sent is asking for the body, and then the end. */
static void check_sent(int near)
{
    wsgi_reader r;
    wsgi_frame f = { .type = 0 }, next;
    int rv = 0;

    MUST(wsgi_reader_init(&r, 0) == 0);
    while (wsgi_reader_fill(&r, near, MSG_DONTWAIT) > 0)
        while ((rv = wsgi_reader_next(&r, &next)) == 1) {
            f = next;
            MUST(f.type == WSGI_FRAME_WANT || f.type == WSGI_FRAME_END);
        }
    MUST(rv == 0 && f.type == WSGI_FRAME_END && f.code == WSGI_END_OK && wsgi_reader_idle(&r));
    wsgi_reader_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = { data, size };
    wsgi_packet p = { .version = WSGI_INTERFACE_VERSION };
    size_t n = fuzz_byte(&in), piece;
    unsigned descriptors;
    wsgi_answer a;
    wsgi_buf body;
    int all, pair[2], before;

    n |= (size_t)fuzz_byte(&in) << 8;
    all = fuzz_byte(&in) & 1;
    piece = (size_t)1 << (fuzz_byte(&in) & 15);
    descriptors = fuzz_byte(&in);
    make_answer(&a);
    before = fuzz_lowest_fd();
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    p.ticket = wsgi_cell_queue(board, 0);
    body = body_of(in.p, in.left);
    send_stream(pair[0], in.p, in.left, piece, descriptors);
    wsgi_answer_begin(&a, pair[1], &p);
    MUST(wsgi_answer_peer.begin(&a) == 0);
    read_body(&a, n, all, &body);
    MUST(wsgi_answer_end(&a, WSGI_END_OK) == 0);
    check_sent(pair[0]);
    fuzz_accepted += body.len > 0;
    wsgi_answer_begin(&a, pair[1], &p);     /* of the next request: nothing of this one is left */
    MUST(!a.reader_made || wsgi_reader_idle(&a.reader));
    wsgi_answer_free(&a);
    pthread_mutex_destroy(&a.sending);
    wsgi_buf_free(&body);
    close(pair[0]);
    close(pair[1]);
    MUST(fuzz_lowest_fd() == before);
    return 0;
}
