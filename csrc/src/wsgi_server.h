/* wsgi_server.h - what a process with Python in it is told of the Apache around
 * it, and what that wants to be told in turn: log format and telemetry.
 *
 * mod_wsgi.so makes it; it travels in the configuration of a group and in that
 * of the plugin.
 *
 * Plain tier.
 */
#ifndef WSGI_SERVER_H
#define WSGI_SERVER_H

#include <stdint.h>
#include "wsgi_wire.h"

#define WSGI_TELEMETRY_PATH_MAX 107            /* what a UNIX socket address holds */
#define WSGI_SERVER_LIMIT_MAX   (1024 * 1024)  /* processes or threads of an MPM */

typedef struct {
    char *description;            /* "Apache/2.4.62 (Debian)"; "" is not known, as below */
    uint16_t version[3];          /* 2, 4, 62 */
    char *mpm;                    /* "event" */
    char *build_date;
    uint32_t processes, threads;  /* at most, of the MPM; 0 is not known */
    uint64_t parent;              /* process id of httpd's parent */
    uint8_t json;                 /* WSGILogFormat json: lines are objects */
    char *telemetry;              /* path of the socket that datagrams go to; NULL: none do */
    int64_t interval_us;          /* between two of them; 0: a second */
    int64_t slow_us;              /* what a slow request takes; 0: none is slow */
    uint8_t user_agent;           /* the record of a slow request names the client's program */
} wsgi_server;

void wsgi_server_init(wsgi_server *s);             /* nothing known, nothing wanted */
void wsgi_server_free(wsgi_server *s);             /* and initialises it again */
/* A copy of its own. 0, or -1 without memory: OUT is then as after init. */
int  wsgi_server_copy(const wsgi_server *s, wsgi_server *out);

/* To and from bytes. Decode: 0, or -1 and OUT is as after init. */
void wsgi_server_encode(const wsgi_server *s, wsgi_buf *out);
int  wsgi_server_decode(wsgi_cur *in, wsgi_server *out);

#endif
