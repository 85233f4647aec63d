/* wsgi_interp.h - which Python interpreter serves which application group, and
 * how a thread gets in and out of it.
 *
 * One registry per process, append only, read without a lock. The main
 * interpreter serves the group with the empty name. Sub-interpreters share its
 * GIL and are made on first use by the home thread, the one that started
 * Python: it stays threading.main_thread() of all of them, and it ends them.
 * Lock order: a lock of ours is never waited for while the GIL is held.
 */
#ifndef WSGI_INTERP_H
#define WSGI_INTERP_H

#include "wsgi_python.h"
#include <pthread.h>

struct wsgi_script;
struct wsgi_state;

typedef struct wsgi_interp {
    char *group;
    size_t group_len;
    PyInterpreterState *is;
    PyObject *module;             /* built-in module mod_wsgi; strong */
    struct wsgi_state *state;     /* of that module */
    struct wsgi_script *scripts;  /* append only: wsgi_script.c */
    pthread_mutex_t lock;         /* scripts: appending and loading */
    pthread_cond_t loaded;
    struct wsgi_interp *next;
} wsgi_interp;

/* Names of environ keys by their bytes: a small direct-mapped cache, so that
 * names made up by clients can only push each other out. */
#define WSGI_KEYS 256
typedef struct {
    PyObject *key;                /* interned; strong */
    uint8_t kind;                 /* wsgi_environ_py.c */
} wsgi_key;

/* One thread in one interpreter. */
typedef struct wsgi_slot {
    PyThreadState *ts;
    wsgi_interp *interp;
    struct wsgi_script *script;   /* used last */
    wsgi_key keys[WSGI_KEYS];
    struct wsgi_slot *next;
} wsgi_slot;

enum wsgi_line { WSGI_LINE_STDOUT, WSGI_LINE_STDERR, WSGI_LINE_ERRORS, WSGI_LINES };

typedef struct {
    wsgi_buf text;                /* without its newline yet */
    int flushed;                  /* what came before it: a newline now only ends that */
} wsgi_unfinished;

/* What a thread that runs requests keeps from one to the next. */
typedef struct wsgi_runner {
    wsgi_slot *slots;
    const wsgi_peer *peer;        /* of the request under way, or NULL */
    void *ctx;
    wsgi_unfinished lines[WSGI_LINES];
    wsgi_buf head, scratch, body; /* of the response: wsgi_start.c, wsgi_adapter.c */
    /* What may be interrupted: written by the own thread under interrupting, the
     * last of all locks, under which nothing is waited for. */
    const wsgi_request *request;  /* that the application runs, or NULL */
    wsgi_interp *running;         /* in which */
    uint32_t thread;              /* number of a request thread, from 1 */
    unsigned long ident;          /* as Python knows the thread */
    int interrupted;
    int pinned;                   /* the home thread looks at it; under the registry's lock */
    pthread_mutex_t interrupting;
    struct wsgi_runner *next;
} wsgi_runner;

/* Registry, main interpreter included. Home thread, GIL held, Python just
 * started. 0, or -1 with a Python exception set. */
int  wsgi_interp_init(void);

/* The interpreter of GROUP, made on first use. It lives until the process
 * ends. NULL if it cannot be made, which is in the log. GIL not held. */
wsgi_interp *wsgi_interp_get(const char *group, size_t len);

/* The calling thread's record, made on first use; NULL without memory. */
wsgi_runner *wsgi_runner_self(void);
/* The same, but NULL if the thread has none. */
wsgi_runner *wsgi_runner_known(void);

/* The calling thread's place in INTERP, made on first use and kept; NULL
 * without memory. GIL not held. */
wsgi_slot *wsgi_interp_slot(wsgi_runner *w, wsgi_interp *interp);

/* Take the GIL there, and give it up. */
void wsgi_interp_enter(wsgi_slot *slot);
void wsgi_interp_leave(wsgi_slot *slot);

/* Give up the calling thread's states and record. GIL not held. */
void wsgi_runner_end(void);

/* Between the two the application runs R and may be interrupted. GIL held. The
 * second says whether it was; what is still pending of it is taken back. */
void wsgi_interrupt_begin(wsgi_runner *w, wsgi_interp *interp, const wsgi_request *r);
int  wsgi_interrupt_end(wsgi_runner *w);

/* Ask the home thread to log, at info, what every Python thread is doing. Does
 * not wait: the GIL may never be had. */
void wsgi_home_stacks(void);
/* Ask it to raise mod_wsgi.RequestTimeout in request thread number THREAD, if
 * that still runs the request it took at TAKEN_US. One at a time. */
void wsgi_home_interrupt(uint32_t thread, uint64_t taken_us);

/* The home thread serves requests for new interpreters until it is told to
 * stop, once, by any thread. */
void wsgi_home_run(void);
void wsgi_home_stop(void);

/* End the sub-interpreters, then give up all thread states of the main one but
 * the home thread's. Home thread, GIL not held on entry, held in the main
 * interpreter on exit. Returns the number of interpreters that could not be
 * ended because application threads still run in them; Python must then not
 * be finalized. */
int  wsgi_interp_end_all(void);

#endif
