/* wsgi_frames.h - the answer to a request, as frames on its stream pair.
 *
 * The host sends head, body, files and log lines. Body data of the request goes
 * the other way, pulled by a WANT frame, so nothing is read from a client whose
 * body nobody wants. The rules of wsgi_wire.h hold here too.
 *
 * Plain tier.
 */
#ifndef WSGI_FRAMES_H
#define WSGI_FRAMES_H

#include "wsgi_wire.h"

#define WSGI_FRAME_HEADER    8
#define WSGI_FRAME_MAX       (1024 * 1024) /* payload of one frame */
#define WSGI_HEADERS_MAX     4096          /* header lines of one response */
#define WSGI_STACK_LINE_MAX  1000          /* payload of a STACK frame */
#define WSGI_HINTS_MAX       (64 * 1024)   /* payload of a HINTS frame */
#define WSGI_LOOKUP_NAME_MAX 1024          /* payload of a LOOKUP frame */
#define WSGI_LOOKUP_MAX      (256 * 1024)  /* and of a FOUND frame */

enum wsgi_frame_type {            /* host to relay */
    WSGI_FRAME_HEAD   = 'H',      /* code = status; i64 content length or -1, u32 count, reason, pairs */
    WSGI_FRAME_HINTS  = 'I',      /* code = 103, before HEAD; u32 count, pairs */
    WSGI_FRAME_DATA   = 'D',      /* body bytes */
    WSGI_FRAME_FILE   = 'F',      /* u64 offset, u64 length; carries a descriptor */
    WSGI_FRAME_LOG    = 'L',      /* code = syslog-like level 0..8 of httpd; one line of text */
    WSGI_FRAME_LOG_AT = 'l',      /* the same; u32 line, string file, then the text */
    WSGI_FRAME_WANT   = 'W',      /* u32 need, u32 most: body bytes asked for. Answered until NEED have
                                     come, or the end. Of more only what is there, to MOST in all,
                                     and in the frame with the last of them: nobody waits for it */
    WSGI_FRAME_REFUSE = 'R',      /* code = enum wsgi_refusal; the application did not run */
    WSGI_FRAME_STACK  = 'T',      /* code = number of the thread; a line of where its Python code is,
                                     kept and logged if request-deadline passes. An empty one begins */
    WSGI_FRAME_END    = 'E',      /* code = enum wsgi_end */
    WSGI_FRAME_VERDICT = 'V',     /* of a call, before its end: wsgi_calls_wire.h */
    WSGI_FRAME_LOOKUP = 'Q',      /* of a call: the name of a variable of mod_ssl */
                                  /* relay to host */
    WSGI_FRAME_BODY       = 'b',
    WSGI_FRAME_BODY_END   = 'e',
    WSGI_FRAME_BODY_ERROR = 'x',  /* code = errno-like: ECONNRESET client gone, ETIMEDOUT, EPROTO, EFBIG */
    WSGI_FRAME_FOUND      = 'q'   /* answers LOOKUP; code 1: its value, 0: it has none */
};

enum wsgi_end {
    WSGI_END_OK = 0,
    WSGI_END_APP_ERROR,           /* exception; it is in the log */
    WSGI_END_SHORT_BODY,          /* fewer bytes than the declared Content-Length */
    WSGI_END_LOAD_FAILED,         /* the script could not be loaded */
    WSGI_END_NO_CALLABLE,         /* the script has no such callable */
    WSGI_END_TIMEOUT,             /* request-timeout ended the request */
    WSGI_END_CANCELLED,           /* the client went away, or reading its body failed */
    WSGI_END_NO_PYTHON,           /* Python or the interpreter could not be started */
    WSGI_END_INTERNAL,            /* our own failure; it is in the log */
    WSGI_END_MAX_
};

enum wsgi_refusal {
    WSGI_REFUSE_RELOAD = 1,       /* script changed: this process is being replaced */
    WSGI_REFUSE_DRAIN             /* this process takes no more requests */
};

typedef struct {
    uint8_t type;                 /* enum wsgi_frame_type */
    uint16_t code;
    const unsigned char *data;    /* borrowed until the next fill or reset of the reader */
    uint32_t len;
    int fd;                       /* FILE: the caller's to close, else -1 */
} wsgi_frame;

void wsgi_frame_header(unsigned char out[WSGI_FRAME_HEADER], uint8_t type,
                       uint16_t code, uint32_t len);

/* Reads frames from a stream. DATA and BODY frames are handed out in pieces as
 * they arrive (len is then the piece, never 0), all others whole. */
typedef struct {
    unsigned char *buf;
    size_t cap, start, end;
    uint32_t data_left;           /* of the DATA or BODY frame being handed out */
    uint8_t  data_type;
    int pending_fd, later_fd;     /* came with bytes not yet handed out; -1 none */
} wsgi_reader;

int  wsgi_reader_init(wsgi_reader *r, size_t cap);      /* 0 or ENOMEM; cap >= 64 KiB */
void wsgi_reader_reset(wsgi_reader *r);                 /* for the next request */
void wsgi_reader_free(wsgi_reader *r);
int  wsgi_reader_idle(const wsgi_reader *r);            /* nothing buffered, no descriptor held */
/* 1: OUT is a frame; 0: more bytes are needed; -1: the peer broke the protocol. */
int  wsgi_reader_next(wsgi_reader *r, wsgi_frame *out);
/* One recvmsg with FLAGS. Bytes read, 0 at the end of the stream, -1 with errno. */
ssize_t wsgi_reader_fill(wsgi_reader *r, int fd, int flags);
/* The same of no more than a frame's header. */
ssize_t wsgi_reader_fill_header(wsgi_reader *r, int fd, int flags);
/* Of the DATA or BODY frame being handed out, while nothing is buffered: its next
 * N bytes, or all that is left of it, straight to TO, and the rest of it, as far
 * as there is room, into the buffer. Blocks until they have come. How many are at
 * TO, 0 at the end of the stream, -1 with errno. */
ssize_t wsgi_reader_into(wsgi_reader *r, int fd, void *to, size_t n);

/* Write everything (looped, MSG_NOSIGNAL), with PASS_FD attached to the first
 * byte unless -1. Changes IOV. 0 or an errno (EAGAIN: SO_SNDTIMEO passed). */
int wsgi_stream_send(int fd, struct iovec *iov, int niov, int pass_fd);

/* A response head, as the payload of a HEAD frame. */
typedef struct {
    uint16_t status;
    int64_t  content_length;      /* -1: none declared */
    wsgi_str reason;              /* may be empty: the standard one */
    uint32_t nheaders;
    const unsigned char *headers; /* undecoded; walk with wsgi_cur_pair */
    size_t headers_len;
} wsgi_response_head;

int wsgi_response_head_decode(const wsgi_frame *f, wsgi_response_head *out);
/* The same of a HINTS frame: an interim head, with no length and no reason. */
int wsgi_hints_decode(const wsgi_frame *f, wsgi_response_head *out);

#endif
