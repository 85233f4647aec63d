/* wsgi_host.h - what the threads of a daemon process share.
 *
 * Three kinds of threads: the main one starts Python, makes interpreters and
 * ends Python (wsgi_interp's home thread); one for each seat takes requests;
 * the watch keeps time, hears signals and the supervisor, and never touches
 * Python, so that it can end a process in which Python hangs.
 */
#ifndef WSGI_HOST_H
#define WSGI_HOST_H

#include <pthread.h>
#include "wsgi_board.h"
#include "wsgi_control.h"
#include "wsgi_host_answer.h"

/* WAITING: in or about to be in recvmsg, or seeing that there is no more to do. */
enum wsgi_seat_state { WSGI_SEAT_WAITING, WSGI_SEAT_BUSY, WSGI_SEAT_GONE };

typedef struct {
    pthread_t thread;
    uint32_t number;              /* from 0 */
    int state;                    /* atomic */
    uint64_t since_us;            /* start of the request, atomic */
    wsgi_answer answer;
} wsgi_seat;

typedef struct {
    wsgi_group_config config;
    const char *group;
    wsgi_board *board;
    wsgi_seat *seats;
    uint32_t nseats;
    int closing;                  /* atomic: no more requests are taken */
    uint64_t requests;            /* finished; atomic */
    uint64_t active_us;           /* last start or end of a request; atomic */
} wsgi_host;

/* A line in the process' error log, if the log level wants it. Any thread. */
void wsgi_host_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- wsgi_host_watch.c ----------------------------------------------------- */

/* What may be told to the watch, by a thread or a signal handler. */
enum wsgi_news { WSGI_NEWS_STOP = 't', WSGI_NEWS_DRAIN = 'u', WSGI_NEWS_END_OF_QUEUE = 'e',
                 WSGI_NEWS_STALE = 'r', WSGI_NEWS_MAXIMUM = 'm', WSGI_NEWS_SEAT = 's',
                 WSGI_NEWS_SERVING = 'b' };

/* Signal handling, then the watch's thread. 0 or an errno. */
int  wsgi_watch_start(wsgi_host *h);
void wsgi_watch_tell(enum wsgi_news what);

#endif
