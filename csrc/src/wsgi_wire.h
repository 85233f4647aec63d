/* wsgi_wire.h - what travels between an httpd child and a daemon process.
 *
 * A request is one packet on the group's rendezvous (SOCK_SEQPACKET): a fixed
 * header, the request head, and as much of a small body as is already there,
 * with the far end of the answer pair as SCM_RIGHTS. A head too large for a
 * packet travels in a memfd, passed as a second descriptor. What comes back is
 * in wsgi_frames.h.
 *
 * Integers are little-endian and of fixed width, no struct goes over a socket,
 * and a length is checked against its bound before anything is allocated by
 * it. Both sides treat the other as hostile: fuzzed from both ends.
 *
 * Plain tier: C99 and POSIX, neither httpd nor Python.
 */
#ifndef WSGI_WIRE_H
#define WSGI_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The number that an Apache half and a Python half must share: wire, board and
 * plugin table together. build.json carries it as "interface". */
#define WSGI_INTERFACE_VERSION 3

#define WSGI_PACKET_HEADER   48            /* bytes before the head */
#define WSGI_PACKET_MAX      (48 * 1024)   /* a larger head goes by memfd */
#define WSGI_HEAD_MAX        (16 * 1024 * 1024)
#define WSGI_HEAD_PAIRS_MAX  65536         /* variables of one request */
#define WSGI_BODY_INLINE_MAX (16 * 1024)   /* a body this small rides along */
/* Room for any packet: header, head, body. */
#define WSGI_PACKET_BUFFER   (WSGI_PACKET_HEADER + WSGI_PACKET_MAX + WSGI_BODY_INLINE_MAX)

/* A counted string; not NUL terminated, may hold any byte. Borrowed. */
typedef struct { const char *data; uint32_t len; } wsgi_str;
typedef struct { wsgi_str name, value; } wsgi_pair;

/* ---- integers ---------------------------------------------------------- */

static inline void wsgi_store_u16(unsigned char *p, uint16_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}

static inline void wsgi_store_u32(unsigned char *p, uint32_t v)
{
    wsgi_store_u16(p, (uint16_t)v);
    wsgi_store_u16(p + 2, (uint16_t)(v >> 16));
}

static inline void wsgi_store_u64(unsigned char *p, uint64_t v)
{
    wsgi_store_u32(p, (uint32_t)v);
    wsgi_store_u32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t wsgi_load_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}

static inline uint32_t wsgi_load_u32(const unsigned char *p)
{
    return wsgi_load_u16(p) | (uint32_t)wsgi_load_u16(p + 2) << 16;
}

static inline uint64_t wsgi_load_u64(const unsigned char *p)
{
    return wsgi_load_u32(p) | (uint64_t)wsgi_load_u32(p + 4) << 32;
}

/* ---- growing output buffer ------------------------------------------- */

typedef struct {
    unsigned char *data;
    size_t len, cap;
    int failed;             /* out of memory: sticky, later puts do nothing */
} wsgi_buf;

void wsgi_buf_free(wsgi_buf *b);
void wsgi_buf_reset(wsgi_buf *b);                       /* keeps the memory */
void wsgi_buf_u8(wsgi_buf *b, uint8_t v);
void wsgi_buf_u16(wsgi_buf *b, uint16_t v);
void wsgi_buf_u32(wsgi_buf *b, uint32_t v);
void wsgi_buf_u64(wsgi_buf *b, uint64_t v);
void wsgi_buf_bytes(wsgi_buf *b, const void *p, size_t n);      /* raw */
void wsgi_buf_str(wsgi_buf *b, const char *p, size_t n);        /* u32 length, bytes */
void wsgi_buf_pair(wsgi_buf *b, const char *name, size_t nlen,
                   const char *value, size_t vlen);     /* two lengths, two texts */
/* A text that may be NULL: a byte that says so, then the string. */
void wsgi_buf_text(wsgi_buf *b, const char *s);
/* Overwrite four bytes at OFFSET, written earlier. */
void wsgi_buf_patch_u32(wsgi_buf *b, size_t offset, uint32_t v);

/* ---- bounded reader --------------------------------------------------- */

typedef struct {
    const unsigned char *p;
    size_t left;
    int bad;                /* read past the end: sticky, later gets give 0 */
} wsgi_cur;

wsgi_cur wsgi_cur_of(const void *p, size_t n);
uint8_t  wsgi_cur_u8(wsgi_cur *c);
uint16_t wsgi_cur_u16(wsgi_cur *c);
uint32_t wsgi_cur_u32(wsgi_cur *c);
uint64_t wsgi_cur_u64(wsgi_cur *c);
wsgi_str wsgi_cur_str(wsgi_cur *c);                     /* as wsgi_buf_str */
wsgi_pair wsgi_cur_pair(wsgi_cur *c);                   /* as wsgi_buf_pair */
/* As wsgi_buf_text: *OUT is NULL or a copy, the caller's to free. 0, or -1 if it
 * is cut, holds a NUL, or memory is out. */
int wsgi_cur_text(wsgi_cur *c, char **out);

/* ---- descriptors in messages ------------------------------------------ */

#define WSGI_FDS_MAX 3

/* One sendmsg (repeated on EINTR) with NFDS descriptors attached to its first
 * byte. Bytes sent, or -1 with errno. */
ssize_t wsgi_msg_send(int fd, const struct iovec *iov, int niov, int flags,
                      const int *fds, int nfds);
/* One recvmsg. Descriptors go to FDS (NFDS <= WSGI_FDS_MAX, -1 where none
 * came), close-on-exec and the caller's; any more are closed. MSG_FLAGS gets
 * the flags of the message. Bytes, or -1 with errno. */
ssize_t wsgi_msg_recv(int fd, struct iovec *iov, int niov, int flags,
                      int *fds, int nfds, int *msg_flags);
/* Close it unless it is -1, which it becomes. */
void wsgi_fd_close(int *fd);

/* ---- the request packet ------------------------------------------------ */

enum wsgi_request_flag {
    WSGI_REQ_MEMFD         = 1,   /* the head is in the second descriptor */
    WSGI_REQ_RELOADING     = 2,   /* WSGIScriptReloading On */
    WSGI_REQ_HTTPS         = 4,   /* wsgi.url_scheme is https */
    WSGI_REQ_HEAD          = 8,   /* the client will see no body */
    WSGI_REQ_UNSEEN        = 16,  /* WSGIIgnoreActivity On: no sign of life of the process */
    WSGI_REQ_CALL          = 64   /* a call stands before the head: wsgi_calls_wire.h */
};

#define WSGI_LENGTH_NONE    (-1)  /* request without a body */
#define WSGI_LENGTH_CHUNKED (-2)  /* body of unknown length */

typedef struct {
    uint8_t  version;             /* WSGI_INTERFACE_VERSION */
    uint8_t  flags;               /* enum wsgi_request_flag */
    uint8_t  log_level;           /* as in wsgi_request */
    uint32_t cell, ticket;        /* who may run it: wsgi_board.h */
    uint32_t head_len;            /* bytes of the head */
    uint32_t body_len;            /* body bytes that follow the head; the whole body or none */
    uint16_t resent, refused;     /* how often it was sent before; how many of those a process refused */
    int64_t  content_length;      /* >= 0, or WSGI_LENGTH_* */
    uint64_t received_us;         /* by Apache, microseconds since the epoch */
    uint64_t queued_us;           /* sent to the group */
} wsgi_packet;

void wsgi_packet_encode(const wsgi_packet *p, unsigned char out[WSGI_PACKET_HEADER]);
/* N is the size of the whole packet as received. Returns 0, or -1 if version,
 * flags or a length is out of bounds or the lengths do not add up to N. */
int  wsgi_packet_decode(const unsigned char *in, size_t n, wsgi_packet *out);

/* The head: four strings, then u32 count, then COUNT pairs (name, value).
 *   script             file to load
 *   application_group  interpreter, empty is the main one
 *   callable_object    attribute looked up in the script
 *   handler_script     as script when a WSGIHandlerScript runs it, else empty
 * The pairs are the CGI variables and the mod_wsgi.* text values, by the names
 * they have in the environ. A later pair of the same name wins. */
typedef struct {
    wsgi_str script, application_group, callable_object, handler_script;
    uint32_t npairs;
    const unsigned char *pairs;   /* undecoded; walk with wsgi_cur_pair */
    size_t pairs_len;
    wsgi_str method, uri;         /* REQUEST_METHOD and REQUEST_URI among them, or empty */
} wsgi_head;

/* Checks every length of the head, pairs included, once. 0 or -1. */
int wsgi_head_decode(const void *p, size_t n, wsgi_head *out);

/* Send one request: IOV is packet header, head (unless in MEMFD), body. Never
 * blocks. Returns 0 or an errno: EAGAIN, ENOBUFS and ETOOMANYREFS mean the
 * queue is full, EPIPE and ECONNRESET that no process holds the other end. */
int wsgi_rendezvous_send(int fd, const struct iovec *iov, int niov,
                         int answer_fd, int memfd);
/* Take one request; blocks. Returns its size, 0 when every sender is gone, or
 * -1 with errno (EINTR included). Descriptors are close-on-exec, -1 is none;
 * a packet cut short by SIZE, empty or without an answer descriptor gives
 * EMSGSIZE, one whose descriptors this process had no room for EMFILE: that
 * request is lost to this process, its descriptors are closed. */
ssize_t wsgi_rendezvous_recv(int fd, void *buf, size_t size,
                             int *answer_fd, int *memfd);

#endif
