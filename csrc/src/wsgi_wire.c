/* wsgi_wire.c - requests from an httpd child to a daemon process.
 *
 * Nothing here keeps state of its own: buffers and cursors belong to one thread
 * each. Every length read from the peer is checked against what is
 * there, or against its bound, before it is used.
 */
#include "wsgi_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fcntl.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0          /* macOS: SO_NOSIGPIPE on the socket instead */
#endif
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

/* ---- growing output buffer ------------------------------------------- */

static int buf_room(wsgi_buf *b, size_t n)
{
    size_t want;
    unsigned char *data;

    if (b->failed)
        return 0;
    if (n <= b->cap - b->len)
        return 1;
    want = b->cap ? b->cap : 512;
    while (want - b->len < n) {
        if (want > SIZE_MAX / 2) {
            b->failed = 1;
            return 0;
        }
        want *= 2;
    }
    data = realloc(b->data, want);
    if (data == NULL) {
        b->failed = 1;
        return 0;
    }
    b->data = data;
    b->cap = want;
    return 1;
}

void wsgi_buf_free(wsgi_buf *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

void wsgi_buf_reset(wsgi_buf *b)
{
    b->len = 0;
    b->failed = 0;
}

void wsgi_buf_u8(wsgi_buf *b, uint8_t v)
{
    if (buf_room(b, 1))
        b->data[b->len++] = v;
}

void wsgi_buf_u16(wsgi_buf *b, uint16_t v)
{
    if (!buf_room(b, 2))
        return;
    wsgi_store_u16(b->data + b->len, v);
    b->len += 2;
}

void wsgi_buf_u32(wsgi_buf *b, uint32_t v)
{
    if (!buf_room(b, 4))
        return;
    wsgi_store_u32(b->data + b->len, v);
    b->len += 4;
}

void wsgi_buf_u64(wsgi_buf *b, uint64_t v)
{
    if (!buf_room(b, 8))
        return;
    wsgi_store_u64(b->data + b->len, v);
    b->len += 8;
}

void wsgi_buf_bytes(wsgi_buf *b, const void *p, size_t n)
{
    if (n == 0 || !buf_room(b, n))
        return;
    memcpy(b->data + b->len, p, n);
    b->len += n;
}

void wsgi_buf_str(wsgi_buf *b, const char *p, size_t n)
{
    if (n > UINT32_MAX) {
        b->failed = 1;
        return;
    }
    wsgi_buf_u32(b, (uint32_t)n);
    wsgi_buf_bytes(b, p, n);
}

void wsgi_buf_pair(wsgi_buf *b, const char *name, size_t nlen,
                   const char *value, size_t vlen)
{
    unsigned char *p;

    if (nlen > UINT32_MAX || vlen > UINT32_MAX) {
        b->failed = 1;
        return;
    }
    if (!buf_room(b, 8 + nlen + vlen))
        return;
    p = b->data + b->len;
    wsgi_store_u32(p, (uint32_t)nlen);
    wsgi_store_u32(p + 4, (uint32_t)vlen);
    if (nlen > 0)
        memcpy(p + 8, name, nlen);
    if (vlen > 0)
        memcpy(p + 8 + nlen, value, vlen);
    b->len += 8 + nlen + vlen;
}

void wsgi_buf_text(wsgi_buf *b, const char *s)
{
    wsgi_buf_u8(b, s != NULL);
    if (s != NULL)
        wsgi_buf_str(b, s, strlen(s));
}

void wsgi_buf_patch_u32(wsgi_buf *b, size_t offset, uint32_t v)
{
    if (!b->failed && b->len >= 4 && offset <= b->len - 4)
        wsgi_store_u32(b->data + offset, v);
}

/* ---- bounded reader --------------------------------------------------- */

wsgi_cur wsgi_cur_of(const void *p, size_t n)
{
    wsgi_cur c = { .p = p, .left = n, .bad = 0 };
    return c;
}

/* The next N bytes, or NULL when there are not that many. */
static const unsigned char *cur_take(wsgi_cur *c, size_t n)
{
    const unsigned char *p = c->p;

    if (c->bad || n > c->left) {
        c->bad = 1;
        return NULL;
    }
    if (n > 0) {
        c->p += n;
        c->left -= n;
    }
    return p;
}

uint8_t wsgi_cur_u8(wsgi_cur *c)
{
    const unsigned char *p = cur_take(c, 1);
    return p ? *p : 0;
}

uint16_t wsgi_cur_u16(wsgi_cur *c)
{
    const unsigned char *p = cur_take(c, 2);
    return p ? wsgi_load_u16(p) : 0;
}

uint32_t wsgi_cur_u32(wsgi_cur *c)
{
    const unsigned char *p = cur_take(c, 4);
    return p ? wsgi_load_u32(p) : 0;
}

uint64_t wsgi_cur_u64(wsgi_cur *c)
{
    const unsigned char *p = cur_take(c, 8);
    return p ? wsgi_load_u64(p) : 0;
}

wsgi_str wsgi_cur_str(wsgi_cur *c)
{
    wsgi_str s = { "", 0 };
    uint32_t n = wsgi_cur_u32(c);
    const unsigned char *p = cur_take(c, n);

    if (p != NULL && n > 0) {
        s.data = (const char *)p;
        s.len = n;
    }
    return s;
}

wsgi_pair wsgi_cur_pair(wsgi_cur *c)
{
    wsgi_pair pair = { { "", 0 }, { "", 0 } };
    uint32_t nlen = wsgi_cur_u32(c);
    uint32_t vlen = wsgi_cur_u32(c);
    const unsigned char *name = cur_take(c, nlen);
    const unsigned char *value = cur_take(c, vlen);

    if (c->bad)
        return pair;
    if (nlen > 0)
        pair.name = (wsgi_str){ (const char *)name, nlen };
    if (vlen > 0)
        pair.value = (wsgi_str){ (const char *)value, vlen };
    return pair;
}

int wsgi_cur_text(wsgi_cur *c, char **out)
{
    uint8_t present = wsgi_cur_u8(c);
    wsgi_str s;

    *out = NULL;
    if (c->bad || present > 1)
        return -1;
    if (!present)
        return 0;
    s = wsgi_cur_str(c);
    if (c->bad || memchr(s.data, '\0', s.len) != NULL)
        return -1;
    *out = strndup(s.data, s.len);
    return *out != NULL ? 0 : -1;
}

/* ---- descriptors in messages ------------------------------------------ */

/* Room for one more than asked for, so that a peer's surplus is seen and
 * closed by us; what is beyond that the kernel drops. */
typedef union {
    char space[CMSG_SPACE(sizeof(int) * (WSGI_FDS_MAX + 1))];
    struct cmsghdr align;
} fd_space;

ssize_t wsgi_msg_send(int fd, const struct iovec *iov, int niov, int flags,
                      const int *fds, int nfds)
{
    fd_space control;
    struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)niov };
    ssize_t n;

    if (nfds > 0) {
        struct cmsghdr *c;

        if (nfds > WSGI_FDS_MAX) {
            errno = EINVAL;
            return -1;
        }
        memset(&control, 0, sizeof(control));
        m.msg_control = control.space;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)nfds);
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)nfds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)nfds);
    }
    do {
        n = sendmsg(fd, &m, flags | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}

ssize_t wsgi_msg_recv(int fd, struct iovec *iov, int niov, int flags,
                      int *fds, int nfds, int *msg_flags)
{
    fd_space control;
    struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)niov,
                        .msg_control = control.space,
                        .msg_controllen = sizeof(control.space) };
    struct cmsghdr *c;
    ssize_t n;
    int have = 0, i;

    for (i = 0; i < nfds; i++)
        fds[i] = -1;
    n = recvmsg(fd, &m, flags | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -1;
    *msg_flags = m.msg_flags;
    for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
        size_t count, k;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (k = 0; k < count; k++) {
            int got;

            memcpy(&got, CMSG_DATA(c) + k * sizeof(int), sizeof(int));
            if (have < nfds) {
                if (MSG_CMSG_CLOEXEC == 0)
                    fcntl(got, F_SETFD, FD_CLOEXEC);
                fds[have++] = got;
            } else {
                close(got);
            }
        }
    }
    return n;
}

void wsgi_fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- the request packet ------------------------------------------------ */

#define KNOWN_FLAGS (WSGI_REQ_MEMFD | WSGI_REQ_RELOADING | WSGI_REQ_HTTPS | WSGI_REQ_HEAD | WSGI_REQ_UNSEEN | WSGI_REQ_CALL)

/* version, flags, u16 0, cell, ticket, head_len, body_len, u32 0, then the
 * three wide ones at offsets divisible by eight. */
void wsgi_packet_encode(const wsgi_packet *p, unsigned char out[WSGI_PACKET_HEADER])
{
    memset(out, 0, WSGI_PACKET_HEADER);
    out[0] = p->version;
    out[1] = p->flags;
    out[3] = p->log_level;
    wsgi_store_u32(out + 4, p->cell);
    wsgi_store_u32(out + 8, p->ticket);
    wsgi_store_u32(out + 12, p->head_len);
    wsgi_store_u32(out + 16, p->body_len);
    wsgi_store_u16(out + 20, p->resent);
    wsgi_store_u16(out + 22, p->refused);
    wsgi_store_u64(out + 24, (uint64_t)p->content_length);
    wsgi_store_u64(out + 32, p->received_us);
    wsgi_store_u64(out + 40, p->queued_us);
}

int wsgi_packet_decode(const unsigned char *in, size_t n, wsgi_packet *out)
{
    size_t inline_head;

    memset(out, 0, sizeof(*out));
    if (n < WSGI_PACKET_HEADER)
        return -1;
    out->version = in[0];
    out->flags = in[1];
    out->log_level = in[3];
    out->cell = wsgi_load_u32(in + 4);
    out->ticket = wsgi_load_u32(in + 8);
    out->head_len = wsgi_load_u32(in + 12);
    out->body_len = wsgi_load_u32(in + 16);
    out->resent = wsgi_load_u16(in + 20);
    out->refused = wsgi_load_u16(in + 22);
    out->content_length = (int64_t)wsgi_load_u64(in + 24);
    out->received_us = wsgi_load_u64(in + 32);
    out->queued_us = wsgi_load_u64(in + 40);
    if (out->version != WSGI_INTERFACE_VERSION || (out->flags & ~KNOWN_FLAGS) != 0)
        return -1;
    if (in[2] != 0 || out->refused > out->resent || out->ticket == 0)
        return -1;
    if (out->head_len > WSGI_HEAD_MAX || out->body_len > WSGI_BODY_INLINE_MAX)
        return -1;
    if (out->content_length < WSGI_LENGTH_CHUNKED)
        return -1;
    /* What rides along is the whole body, so its length was declared. */
    if (out->body_len > 0 && out->content_length != (int64_t)out->body_len)
        return -1;
    inline_head = (out->flags & WSGI_REQ_MEMFD) ? 0 : out->head_len;
    if (inline_head > WSGI_PACKET_MAX)
        return -1;
    return inline_head + out->body_len == n - WSGI_PACKET_HEADER ? 0 : -1;
}

static int is_named(const wsgi_pair *p, const char *name, size_t n)
{
    return p->name.len == n && memcmp(p->name.data, name, n) == 0;
}

/* Walk the pairs, which must fill the cursor exactly. 0 or -1. */
static int check_pairs(wsgi_cur c, wsgi_head *head)
{
    uint32_t count = head->npairs;

    /* Eight bytes at least per pair: a hostile count ends the loop early. */
    while (count-- > 0 && !c.bad) {
        wsgi_pair p = wsgi_cur_pair(&c);

        if (is_named(&p, "REQUEST_METHOD", 14))
            head->method = p.value;
        else if (is_named(&p, "REQUEST_URI", 11))
            head->uri = p.value;
    }
    return c.bad || c.left != 0 ? -1 : 0;
}

int wsgi_head_decode(const void *p, size_t n, wsgi_head *out)
{
    wsgi_cur c;

    memset(out, 0, sizeof(*out));
    if (n > WSGI_HEAD_MAX)
        return -1;
    c = wsgi_cur_of(p, n);
    out->script = wsgi_cur_str(&c);
    out->application_group = wsgi_cur_str(&c);
    out->callable_object = wsgi_cur_str(&c);
    out->handler_script = wsgi_cur_str(&c);
    out->npairs = wsgi_cur_u32(&c);
    if (c.bad || out->npairs > WSGI_HEAD_PAIRS_MAX)
        return -1;
    out->pairs = c.p;
    out->pairs_len = c.left;
    return check_pairs(c, out);
}

int wsgi_rendezvous_send(int fd, const struct iovec *iov, int niov,
                         int answer_fd, int memfd)
{
    int fds[2] = { answer_fd, memfd };

    if (wsgi_msg_send(fd, iov, niov, MSG_DONTWAIT, fds, memfd >= 0 ? 2 : 1) < 0)
        return errno;
    return 0;
}

/* Nothing came: is it the end, or did somebody send a packet without bytes? */
static int hung_up(int fd)
{
    struct pollfd p = { .fd = fd, .events = 0 };

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

ssize_t wsgi_rendezvous_recv(int fd, void *buf, size_t size,
                             int *answer_fd, int *memfd)
{
    struct iovec iov = { .iov_base = buf, .iov_len = size };
    int fds[2], flags = 0, error = 0;
    ssize_t n;

    *answer_fd = *memfd = -1;
    n = wsgi_msg_recv(fd, &iov, 1, 0, fds, 2, &flags);
    if (n < 0)
        return -1;
    if (n == 0 && fds[0] < 0 && hung_up(fd))
        return 0;
    if (n == 0 || (flags & MSG_TRUNC))
        error = EMSGSIZE;
    else if (flags & MSG_CTRUNC)
        error = EMFILE;             /* room in our buffer there was */
    else if (fds[0] < 0)
        error = EMSGSIZE;
    if (error != 0) {
        wsgi_fd_close(&fds[0]);
        wsgi_fd_close(&fds[1]);
        errno = error;
        return -1;
    }
    *answer_fd = fds[0];
    *memfd = fds[1];
    return n;
}
