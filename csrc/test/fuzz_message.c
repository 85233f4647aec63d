/* Packets as they come from a socket, with descriptors: requests on the
 * rendezvous and control messages. Whatever arrives, each descriptor is either
 * the caller's or closed, and what is refused says why.
 *
 * Input: what kind of receiver (bit 0), its room (bits 1 and 2), whether the
 * packet's first byte becomes our version (bit 3); how many descriptors come
 * along; the bytes of the packet. */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>

#include "wsgi_control.h"
#include "wsgi_wire.h"

#define SENT_MAX 6              /* descriptors: more than a receiver has room for */

/* As a peer does that keeps to no rule of ours. */
static void send_packet(int fd, const uint8_t *data, size_t n, int nfds)
{
    union { char space[CMSG_SPACE(sizeof(int) * SENT_MAX)]; struct cmsghdr align; } control;
    struct iovec iov = { (void *)data, n };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    int i;

    memset(&control, 0, sizeof(control));
    if (nfds > 0) {
        struct cmsghdr *c;

        m.msg_control = control.space;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)nfds);
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)nfds);
        for (i = 0; i < nfds; i++)
            memcpy(CMSG_DATA(c) + sizeof(int) * (size_t)i, &fd, sizeof(int));
    }
    MUST(sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)n);
}

/* How many of the N are open; they are closed, and those that are not stand
 * behind them. */
static int count_and_close(const int *fds, int n)
{
    int i, count = 0;

    for (i = 0; i < n; i++)
        if (fds[i] >= 0) {
            MUST(i == count);
            close(fds[i]);
            count++;
        }
    return count;
}

static void check_request(int fd, unsigned char *buf, size_t room, const uint8_t *data, size_t n, int nfds)
{
    int fds[2], got;
    ssize_t rv = wsgi_rendezvous_recv(fd, buf, room, &fds[0], &fds[1]);
    int error = errno;

    got = count_and_close(fds, 2);
    if (rv < 0) {
        MUST(got == 0 && (error == EMSGSIZE || error == EMFILE));
        MUST(n == 0 || n > room || nfds == 0 || nfds > WSGI_FDS_MAX);
        return;
    }
    MUST(rv == (ssize_t)n && n > 0 && nfds > 0);        /* 0 is the end, and the sender is there */
    MUST(got == (nfds < 2 ? nfds : 2) && memcmp(buf, data, n) == 0);
}

static void check_control(int fd, unsigned char *buf, size_t room, const uint8_t *data, size_t n, int nfds)
{
    uint8_t type;
    uint16_t code;
    int fds[3], got;
    ssize_t rv = wsgi_control_recv(fd, &type, &code, buf, room, fds);
    int error = errno;

    got = count_and_close(fds, 3);
    if (rv < 0) {
        MUST(got == 0 && type == 0 && (error == EMSGSIZE || error == EMFILE || error == EPROTO));
        return;
    }
    if (type == 0) {
        MUST(rv == 0 && n == 0 && got == 0);
        return;
    }
    MUST(n >= 4 && data[0] == WSGI_INTERFACE_VERSION && data[1] == type && rv == (ssize_t)n - 4);
    MUST(code == (data[2] | data[3] << 8));
    MUST(got == (nfds < 3 ? nfds : 3) && memcmp(buf, data + 4, (size_t)rv) == 0);
    fuzz_accepted++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t rooms[] = { 16, 64, 1024, 65536 };
    int before = fuzz_lowest_fd(), pair[2], nfds;
    unsigned char *buf, *packet;
    size_t room, n = size - 2;

    if (size < 2 || n > rooms[3])
        return 0;
    room = rooms[data[0] >> 1 & 3];
    nfds = data[1] % (SENT_MAX + 1);
    buf = malloc(room);
    packet = malloc(n + 1);
    MUST(buf != NULL && packet != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    memcpy(packet, data + 2, n);
    if (n > 0 && (data[0] & 8))
        packet[0] = WSGI_INTERFACE_VERSION;
    send_packet(pair[0], packet, n, nfds);
    if (data[0] & 1)
        check_control(pair[1], buf, room, packet, n, nfds);
    else
        check_request(pair[1], buf, room, packet, n, nfds);
    free(packet);
    free(buf);
    close(pair[0]);
    close(pair[1]);
    MUST(fuzz_lowest_fd() == before);
    return 0;
}
