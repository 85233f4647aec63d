/* Requests of several relay threads through one rendezvous to several host
 * threads, as an httpd child and a host do it: packet, cell, answer stream. Each
 * is run once, by one of them, and its answer comes to the thread that asked.
 * Built with ASan and with TSan. */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../src/wsgi_board.h"
#include "../src/wsgi_frames.h"

#define HOSTS  3
#define RELAYS 4
#define ROUNDS 400              /* of each relay */

static wsgi_board *board;
static int rendezvous[2];       /* relays send on 0, hosts receive on 1 */
static unsigned taken[HOSTS], missed[HOSTS], wrong[RELAYS];

/* ---- a host thread -------------------------------------------------------------- */

/* The answer to the request of TICKET: a head, the ticket as body, the end. */
static int answer(int fd, const wsgi_packet *p, wsgi_buf *b)
{
    unsigned char header[WSGI_FRAME_HEADER];
    struct iovec iov;

    wsgi_buf_reset(b);
    wsgi_frame_header(header, WSGI_FRAME_HEAD, 200, 16);
    wsgi_buf_bytes(b, header, sizeof(header));
    wsgi_buf_u64(b, 4);
    wsgi_buf_u32(b, 0);
    wsgi_buf_u32(b, 0);
    wsgi_frame_header(header, WSGI_FRAME_DATA, 0, 4);
    wsgi_buf_bytes(b, header, sizeof(header));
    wsgi_buf_u32(b, p->ticket);
    wsgi_frame_header(header, WSGI_FRAME_END, WSGI_END_OK, 0);
    wsgi_buf_bytes(b, header, sizeof(header));
    iov = (struct iovec){ b->data, b->len };
    return wsgi_stream_send(fd, &iov, 1, -1);
}

static void *host(void *arg)
{
    uint32_t slot = (uint32_t)(size_t)arg;
    unsigned char buf[256];
    wsgi_buf b = { NULL, 0, 0, 0 };
    int fd, memfd;
    ssize_t n;

    while ((n = wsgi_rendezvous_recv(rendezvous[1], buf, sizeof(buf), &fd, &memfd)) > 0) {
        wsgi_packet p;
        wsgi_head h;

        if (wsgi_packet_decode(buf, (size_t)n, &p) < 0 ||
            wsgi_head_decode(buf + WSGI_PACKET_HEADER, p.head_len, &h) < 0 || h.npairs != 0)
            abort();
        wsgi_thread_busy(board, slot, 0, p.queued_us);
        if (wsgi_cell_take(board, p.cell, p.ticket, slot, 1)) {
            taken[slot]++;
            if (answer(fd, &p, &b) != 0)
                abort();
        } else {
            missed[slot]++;
        }
        wsgi_thread_done(board, slot, 0, p.queued_us);
        close(fd);
    }
    if (n < 0)
        abort();
    wsgi_buf_free(&b);
    return NULL;
}

/* ---- a relay thread --------------------------------------------------------------- */

/* Queue the request of TICKET; waits while the queue is full. */
static void queue(uint32_t cell, uint32_t ticket, int far)
{
    wsgi_packet p = { .version = WSGI_INTERFACE_VERSION, .cell = cell, .ticket = ticket,
                      .head_len = 20, .content_length = WSGI_LENGTH_NONE };
    unsigned char text[WSGI_PACKET_HEADER + 20] = { 0 };    /* a head of empty texts */
    struct iovec iov = { text, sizeof(text) };
    int error;

    wsgi_packet_encode(&p, text);
    while ((error = wsgi_rendezvous_send(rendezvous[0], &iov, 1, far, -1)) != 0) {
        struct pollfd full = { .fd = rendezvous[0], .events = POLLOUT };

        if (error != EAGAIN && error != ETOOMANYREFS)
            abort();
        poll(&full, 1, 10);
    }
}

/* Read the answer: 1 if it is the one to TICKET and nothing else. */
static int receive(wsgi_reader *r, int near, uint32_t ticket)
{
    wsgi_buf body = { NULL, 0, 0, 0 };
    int heads = 0, ended = 0, rv, good;
    wsgi_frame f;
    wsgi_cur c;

    while (!ended && wsgi_reader_fill(r, near, 0) > 0)
        while ((rv = wsgi_reader_next(r, &f)) != 0) {
            if (rv < 0)
                abort();
            heads += f.type == WSGI_FRAME_HEAD;
            ended |= f.type == WSGI_FRAME_END;
            if (f.type == WSGI_FRAME_DATA)
                wsgi_buf_bytes(&body, f.data, f.len);
        }
    c = wsgi_cur_of(body.data, body.len);
    good = ended && heads == 1 && body.len == 4 && wsgi_cur_u32(&c) == ticket && wsgi_reader_idle(r);
    wsgi_buf_free(&body);
    return good;
}

static void *relay(void *arg)
{
    unsigned number = (unsigned)(size_t)arg, i;
    uint32_t cell = wsgi_cell_claim(board, getpid()), slot;
    uint16_t incarnation;
    wsgi_reader r;
    int pair[2];

    if (cell == WSGI_CELL_INVALID || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
        wsgi_reader_init(&r, 0) != 0)
        abort();
    for (i = 0; i < ROUNDS; i++) {
        uint32_t ticket = wsgi_cell_queue(board, cell), newer;

        queue(cell, ticket, pair[1]);
        /* As after the death of a process that may have had it: the first copy is void. */
        if (i % 5 == 0 && (newer = wsgi_cell_requeue(board, cell, ticket)) != 0) {
            ticket = newer;
            queue(cell, ticket, pair[1]);
        }
        wrong[number] += !receive(&r, pair[0], ticket);
        wrong[number] += wsgi_cell_read(board, cell, &slot, &incarnation) != WSGI_CELL_TAKEN || slot >= HOSTS;
        wsgi_cell_done(board, cell);
    }
    wsgi_reader_free(&r);
    close(pair[0]);
    close(pair[1]);
    wsgi_cell_release(board, cell);
    return NULL;
}

static void each_once(void)
{
    pthread_t hosts[HOSTS], relays[RELAYS];
    unsigned ran = 0, void_copies = 0;
    size_t i;
    int fd;

    CHECK_INT(wsgi_board_create(HOSTS, 1, RELAYS, &board, &fd), 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, rendezvous) == 0);
    for (i = 0; i < HOSTS; i++)
        CHECK_INT(pthread_create(&hosts[i], NULL, host, (void *)i), 0);
    for (i = 0; i < RELAYS; i++)
        CHECK_INT(pthread_create(&relays[i], NULL, relay, (void *)i), 0);
    for (i = 0; i < RELAYS; i++) {
        CHECK_INT(pthread_join(relays[i], NULL), 0);
        CHECK_INT(wrong[i], 0);
    }
    close(rendezvous[0]);                   /* no relay is left: each host ends */
    for (i = 0; i < HOSTS; i++) {
        CHECK_INT(pthread_join(hosts[i], NULL), 0);
        ran += taken[i];
        void_copies += missed[i];
    }
    CHECK_INT(ran, RELAYS * ROUNDS);
    printf("# %u requests by %u, %u and %u; %u void copies\n", ran, taken[0], taken[1], taken[2], void_copies);
    close(rendezvous[1]);
    wsgi_board_unmap(board);
    close(fd);
}

int main(void)
{
    RUN(each_once);
    return TEST_DONE();
}
