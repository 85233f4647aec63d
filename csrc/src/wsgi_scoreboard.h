/* wsgi_scoreboard.h - Apache's own scoreboard, as far as applications may see it,
 * on its way to mod_wsgi.server_metrics().
 *
 * mod_wsgi.so writes it as bytes. An application in embedded mode gets those at
 * once; a daemon process finds them on the board of its group, where relays
 * renew them as requests come, so that no process of an application ever has
 * Apache's memory. Only groups with server-metrics=On have room for them.
 *
 * Plain tier.
 */
#ifndef WSGI_SCOREBOARD_H
#define WSGI_SCOREBOARD_H

#include "wsgi_board.h"
#include "wsgi_wire.h"

typedef struct {
    uint32_t server_limit, thread_limit, generation;
    uint64_t restart_us, now_us;          /* since the epoch, as all below */
    uint32_t nprocesses;                  /* that follow */
} wsgi_score;

typedef struct {
    uint32_t number, pid, generation;
    uint8_t quiescing;
    uint32_t nworkers;                    /* that follow */
} wsgi_score_process;

typedef struct {
    uint32_t number, generation;
    uint8_t status;                       /* one of "_SRWKLDCGI." */
    uint64_t access_count, bytes_served, start_us, stop_us, last_used_us;
    wsgi_str client, request, vhost;
} wsgi_score_worker;

void wsgi_score_put(wsgi_buf *out, const wsgi_score *s);
void wsgi_score_put_process(wsgi_buf *out, const wsgi_score_process *p);
void wsgi_score_put_worker(wsgi_buf *out, const wsgi_score_worker *w);

/* 0, or -1 if the bytes are none; strings are borrowed from them. */
int  wsgi_score_get(wsgi_cur *in, wsgi_score *s);
int  wsgi_score_get_process(wsgi_cur *in, wsgi_score_process *p);
int  wsgi_score_get_worker(wsgi_cur *in, wsgi_score_worker *w);

/* Room for that of a server with these limits. */
uint32_t wsgi_score_bytes(uint32_t server_limit, uint32_t thread_limit);

/* ---- on a board -------------------------------------------------------------- */

/* Who is to renew it, at NOW_US of the steady clock: 1 if it is older than AGE_US
 * and nobody else is about to; publish is then called. */
int  wsgi_score_claim(wsgi_board *b, uint64_t now_us, uint64_t age_us);
void wsgi_score_publish(wsgi_board *b, const void *p, size_t n);
/* A copy, appended to OUT. 0; ENODATA: there is none yet, or no room for it; EAGAIN:
 * it is just being written. */
int  wsgi_score_read(const wsgi_board *b, wsgi_buf *out);

#endif
