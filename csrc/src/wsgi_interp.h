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

/* What a thread that runs requests keeps from one to the next. */
typedef struct wsgi_runner {
    wsgi_slot *slots;
    const wsgi_peer *peer;        /* of the request under way, or NULL */
    void *ctx;
    wsgi_buf lines[WSGI_LINES];   /* text without its newline yet */
    wsgi_buf head, scratch, body; /* of the response: wsgi_start.c, wsgi_adapter.c */
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
