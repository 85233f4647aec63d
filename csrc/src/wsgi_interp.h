/* wsgi_interp.h - which Python interpreter serves which application group, and
 * how a thread gets in and out of it.
 *
 * One registry per process, append only, read without a lock. The main
 * interpreter serves the group with the empty name. Sub-interpreters are made on
 * first use by the home thread, the one that started Python: it stays
 * threading.main_thread() of all of them, and it ends them. They share the main
 * one's GIL or have their own; where threads run free there is none. A thread
 * holds one GIL at a time. Lock order: a lock of ours is never waited for while a
 * GIL is held.
 */
#ifndef WSGI_INTERP_H
#define WSGI_INTERP_H

#include "wsgi_python.h"
#include "wsgi_tally.h"
#include "wsgi_turn.h"
#include <pthread.h>

struct wsgi_script;
struct wsgi_state;

typedef struct wsgi_interp {
    char *group;
    size_t group_len;
    PyInterpreterState *is;
    wsgi_turn *turn;              /* at the GIL it runs with; NULL: there is none */
    wsgi_turn own_turn;           /* the same if that is its own */
    PyObject *module;             /* built-in module mod_wsgi; strong */
    struct wsgi_state *state;     /* of that module */
    struct wsgi_script *scripts;  /* append only: wsgi_script.c */
    pthread_mutex_t lock;         /* scripts: appending and loading */
    pthread_cond_t loaded;
    int told;                     /* of the end of the process; atomic */
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
    PyObject *environ;            /* what each starts from; strong, NULL before the first */
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
    /* What it is doing, for others: written by the own thread under interrupting, the
     * last of all locks, under which nothing is waited for. */
    const wsgi_request *request;  /* that it runs, its script being loaded included; or NULL */
    wsgi_interp *running;         /* in which */
    PyThreadState *state;         /* of its there */
    uint32_t thread;              /* number of a request thread, from 1 */
    unsigned long ident;          /* as Python knows the thread */
    int interruptible;            /* atomic: the application runs */
    int interrupted;
    int pinned;                   /* by so many that look at it; under the registry's lock */
    PyObject *data, *id;          /* request_data() and the id of the request, once asked for; strong */
    pthread_mutex_t interrupting;
    wsgi_measure measure;         /* of the request */
    wsgi_tally *tally;            /* of the thread; NULL: nothing is counted yet */
    struct wsgi_runner *next;
} wsgi_runner;

/* Do threads of a process with this configuration run free? Where this Python can
 * do so. */
int  wsgi_interp_free(const wsgi_python_config *config);

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
/* How long, and how often, the calling thread was not alone when it wanted in,
 * since it last asked. */
void wsgi_interp_waited(uint64_t *us, uint64_t *waits);

/* Say so, once, if a GIL has come back in a process whose threads ran free, and
 * stays: where it is seen the first time, the requests that follow look again. GIL
 * held, or what stands for it. */
void wsgi_interp_watch_gil(void);

/* Take and give up every GIL of the process, one after the other: does not return
 * while one cannot be had. By a thread of which W is the record, and that ends
 * before the interpreters do; GIL not held. */
void wsgi_interp_probe(wsgi_runner *w);
/* The application group whose GIL is waited for there, or NULL. Any thread. */
const char *wsgi_interp_probing(void);

/* Give up the calling thread's states and record. GIL not held. */
void wsgi_runner_end(void);

/* Between the first and the last the thread runs R, and others may ask what it is
 * doing; from the second on it is the application that does, and it may be
 * interrupted. GIL held. The last says whether it was; what is still pending of
 * it is taken back. */
void wsgi_interrupt_begin(wsgi_runner *w, wsgi_interp *interp, const wsgi_request *r);
void wsgi_interrupt_allow(wsgi_runner *w);
int  wsgi_interrupt_end(wsgi_runner *w);

/* The record of request thread THREAD, kept until unpinned, and the interpreter
 * that it is in; or NULL if it runs no request. What it does may be another
 * thing by now: that is seen under its interrupting. */
wsgi_runner *wsgi_runner_pin(uint32_t thread, wsgi_interp **interp);
void wsgi_runner_unpin(wsgi_runner *w);

/* Ask the home thread to log, at info, what every Python thread is doing. Does
 * not wait: the GIL may never be had. */
void wsgi_home_stacks(void);

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
