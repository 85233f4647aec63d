/* wsgi_life.h - when a daemon process ends, as a machine.
 *
 *   serving -> draining   takes no more requests; those under way have the
 *                         graceful timeout
 *           -> stopping   as before, and the shutdown timeout ends the process
 *           -> finishing  no request is left; Python is being ended, in the
 *                         rest of the shutdown timeout
 *
 * The machine decides, a table of functions acts. Time comes in as an argument
 * (milliseconds of a clock that never jumps), what the threads do as a view, so
 * that its tests run it without either. The wall clock only names requests: a
 * step of it neither ends nor prolongs any.
 *
 * Single thread. Plain tier.
 */
#ifndef WSGI_LIFE_H
#define WSGI_LIFE_H

#include "wsgi_board.h"
#include "wsgi_options.h"

enum wsgi_life_state { WSGI_LIFE_SERVING, WSGI_LIFE_DRAINING, WSGI_LIFE_STOPPING,
                       WSGI_LIFE_FINISHING };

/* WAITING: in or about to be in recvmsg, or seeing that there is no more to do. */
enum wsgi_seat_state { WSGI_SEAT_WAITING, WSGI_SEAT_BUSY, WSGI_SEAT_GONE };

/* What a request thread does. */
typedef struct {
    enum wsgi_seat_state state;
    uint64_t since_us;            /* when it took its request, by the wall clock */
    uint64_t received_us;         /* when httpd received that; 0 if not known yet */
} wsgi_life_seat;

/* The process at one moment. */
typedef struct {
    const wsgi_life_seat *seats;
    uint32_t nseats;
    uint32_t activity;            /* changes with each sign of life of a request */
    int serving;                  /* requests are being taken, or were */
    int loading, loaded;          /* a script was tried; one has been loaded since */
    int locking;                  /* the watchdog waits for Python's lock */
    uint32_t locked;              /* how often it has had it */
    uint32_t helpers;             /* threads besides the seats that have to end first */
    uint64_t wall_us;             /* now, by the wall clock */
    int64_t memory;               /* of the process, when last looked at; -1 not known */
} wsgi_life_view;

typedef struct {
    void (*close)(void *ctx);     /* no more requests are taken */
    void (*draining)(void *ctx);  /* for the scoreboard */
    /* Ask for a successor. */
    void (*recycle)(void *ctx, enum wsgi_death why);
    /* The same, and go on until it is ready, which is told by DRAIN. 0, or no such
     * function: nobody is there to see to it. */
    int (*renew)(void *ctx, enum wsgi_death why);
    /* Say what the thread of SEAT does, if that still runs the request of SINCE:
     * request-timeout has passed, or request-deadline is about to (AHEAD). */
    void (*report)(void *ctx, uint32_t seat, uint64_t since_us, int ahead);
    /* Raise RequestTimeout in it. TOLD: what it does was reported before. */
    void (*interrupt)(void *ctx, uint32_t seat, uint64_t since_us, int told);
    void (*stacks)(void *ctx);    /* log what Python's threads do */
    void (*wake)(void *ctx);      /* threads that wait for a request see that it is over */
    void (*finish)(void *ctx);    /* end Python */
    void (*force)(void *ctx);     /* end the process; may return in a test */
    void (*log)(void *ctx, int level, const char *text);
} wsgi_life_effects;

/* What may be told to it, by a thread or a signal handler. */
enum wsgi_news { WSGI_NEWS_STOP = 't', WSGI_NEWS_DRAIN = 'u', WSGI_NEWS_EVICT = 'v',
                 WSGI_NEWS_CPU = 'x', WSGI_NEWS_END_OF_QUEUE = 'e', WSGI_NEWS_STALE = 'r',
                 WSGI_NEWS_MAXIMUM = 'm', WSGI_NEWS_ORPHAN = 'o', WSGI_NEWS_IMPORT = 'i',
                 WSGI_NEWS_USELESS = 'z',      /* it cannot load the one script that it is asked for */
                 WSGI_NEWS_LOOK = 's' };       /* something of the view changed */

/* What is known of the request of a seat, by the clock of the machine. */
typedef struct {
    uint64_t since_us;            /* 0: none */
    int64_t began, received;
    int64_t interrupted;          /* -1: not */
    int reported;                 /* what it does */
} wsgi_life_request;

typedef struct {
    const wsgi_options *options;  /* borrowed */
    const wsgi_life_effects *effects;
    void *ctx;
    enum wsgi_life_state state;
    const char *reason;           /* the first one; static */
    const char *awaited;          /* why a successor was asked for, or NULL; static */
    int awaited_limit;            /* how long it drains once that is ready, seconds */
    wsgi_life_request *requests;  /* of nseats */
    uint32_t nseats;
    int64_t looked;               /* the tick before */
    int64_t serving_since, loading_since, active, lock_had;   /* -1: not yet */
    int64_t drain_end, kill;      /* -1: never */
    int armed;                    /* startup-timeout */
    uint32_t activity, locked;
    int64_t memory_first;         /* when it began to serve, 0: not known */
} wsgi_life;

/* For NSEATS threads at most. 0 or an errno. */
int  wsgi_life_init(wsgi_life *l, const wsgi_options *options, uint32_t nseats,
                    const wsgi_life_effects *effects, void *ctx, int64_t now);
void wsgi_life_free(wsgi_life *l);

void wsgi_life_hear(wsgi_life *l, enum wsgi_news what, const wsgi_life_view *v, int64_t now);
/* Do what is due. After all news of a round, and when next says so. */
void wsgi_life_tick(wsgi_life *l, const wsgi_life_view *v, int64_t now);
/* Milliseconds until something has to be looked at without news; -1: never. */
int  wsgi_life_next(const wsgi_life *l, const wsgi_life_view *v, int64_t now);

#endif
