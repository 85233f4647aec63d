/* wsgi_worker.h - what a request thread of httpd keeps for daemon mode: a buffer
 * for packets and, per group, the stream pair on which answers come, the cell of
 * the scoreboard and the reader. Of one group each, since a process of another
 * must never have held the far end. Used again after a clean end, made anew
 * after any other, given up when the thread ends.
 */
#ifndef WSGI_WORKER_H
#define WSGI_WORKER_H

#include "wsgi_board.h"
#include "wsgi_module.h"
#include "wsgi_frames.h"

struct wsgi_group;

typedef struct {
    int near, far;                    /* read here; sent along. -1: none */
    uint32_t cell;
    wsgi_board *board;                /* of the cell */
    wsgi_reader reader;
    int has_reader;
} wsgi_answer;

typedef struct {
    wsgi_buf packet;
    wsgi_answer *answers;             /* by index of the group */
    int nanswers;
    int busy;                         /* with a request */
} wsgi_worker;

/* Reads on the near end, and writes to it, give up after this long. */
#define WSGI_ANSWER_TICK apr_time_from_msec(100)

void wsgi_worker_child_init(apr_pool_t *pchild, server_rec *s);

/* That of the calling thread, until it is left; NULL if memory is out. A request
 * made while another is being answered (by a filter like mod_include) must not
 * touch what that still uses, and gets a worker for itself. */
wsgi_worker *wsgi_worker_enter(void);
void wsgi_worker_leave(wsgi_worker *w);

/* Make everything that is needed to send to GROUP. 0 or an errno. */
int wsgi_answer_open(wsgi_answer *answer, const struct wsgi_group *group);
/* Nothing more is to come from, or to go to, who has the far end. */
void wsgi_answer_close(wsgi_answer *answer);

#endif
