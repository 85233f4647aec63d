/* wsgi_start.h - the object that an application gets as start_response, and
 * what it has been told so far.
 *
 * It outlives the request if the application keeps it: then its peer is NULL
 * and every use raises RuntimeError. Its lock serialises threads of the
 * application that share it or wsgi.input; the request's thread takes it once
 * more to end the request, so nobody is inside the peer when that goes away.
 */
#ifndef WSGI_START_H
#define WSGI_START_H

#include "wsgi_interp.h"
#include "wsgi_pymod.h"

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    wsgi_state *state;            /* borrowed: the type holds its module */
    pthread_mutex_t lock;
    pthread_t owner;              /* of the lock; atomic */
    const wsgi_request *request;
    const wsgi_peer *peer;        /* NULL: the request is over */
    void *ctx;
    wsgi_runner *runner;          /* its head buffer holds reason and header pairs */
    int started;                  /* start_response was called */
    int head_sent;
    int written;                  /* write() was used */
    int write_error, read_error;  /* errno of the peer, 0 none */
    int status;
    uint32_t reason_len, nheaders;
    int64_t content_length;       /* declared by the application, or -1 */
    int64_t sent;                 /* body bytes given to the peer */
    int64_t dropped;              /* body bytes beyond content_length */
} wsgi_adapter;

extern PyType_Spec wsgi_adapter_spec;

/* Take the GIL back; the wait for it is W's, if its request is measured. */
static inline void wsgi_resume(wsgi_runner *w, PyThreadState *ts)
{
    uint64_t from = w != NULL && w->measure.on ? wsgi_lap_ns() : 0;

    PyEval_RestoreThread(ts);
    if (from != 0) {
        wsgi_measure_add(&w->measure.gil_ns, wsgi_lap_ns() - from);
        wsgi_measure_add(&w->measure.gil_waits, 1);
    }
}

/* Output of N bytes that began at FROM (wsgi_lap_ns), if that is not 0. */
static inline void wsgi_measure_output(wsgi_measure *m, uint64_t from, uint64_t n)
{
    if (from == 0)
        return;
    wsgi_measure_add(&m->output_ns, wsgi_lap_ns() - from);
    wsgi_measure_add(&m->output_writes, 1);
    wsgi_measure_add(&m->output_bytes, n);
}

/* For one request; new reference, or NULL with an exception. */
wsgi_adapter *wsgi_adapter_new(wsgi_state *state, wsgi_runner *w, const wsgi_request *r,
                               const wsgi_peer *peer, void *ctx);

/* The request is over: later uses raise. Waits for a thread that is inside. */
void wsgi_adapter_close(wsgi_adapter *a);
/* The same by whoever holds the lock, which is kept. */
void wsgi_adapter_end_locked(wsgi_adapter *a);

/* Exclusive use while the request runs. 0, or -1 with RuntimeError. GIL held,
 * released while waiting. */
int  wsgi_adapter_lock(wsgi_adapter *a);
void wsgi_adapter_unlock(wsgi_adapter *a);

/* Know of forks from now on. A process that the application forked out of a
 * request has the same connection, which is not its own: there every use
 * raises RuntimeError, and what it logs goes to the log of the process. */
void wsgi_adapter_watch_forks(void);
int  wsgi_adapter_forked(void);

/* What the application gets as wsgi.early_hints. New reference, or NULL with an
 * exception. */
PyObject *wsgi_adapter_hints(wsgi_adapter *a);

/* Can this response have a body that the client sees? */
int  wsgi_adapter_bodiless(const wsgi_adapter *a);

/* Pass the head, if that has not been done, and N bytes of body, which the
 * caller keeps alive. AUTO_LENGTH is used if the application declared no length;
 * -1 is none. GIL held, released while the peer works. 0, or -1 with an
 * exception. Lock held. */
int  wsgi_adapter_send_locked(wsgi_adapter *a, const char *data, Py_ssize_t n,
                              int64_t auto_length, int flush);

/* The head alone. GIL not held, lock held. 0 or an errno. */
int  wsgi_adapter_head_locked(wsgi_adapter *a, int64_t auto_length);

#endif
