/* wsgi_interp_inner.h - what the files of wsgi_interp share: the registry. */
#ifndef WSGI_INTERP_INNER_H
#define WSGI_INTERP_INNER_H

#include "wsgi_interp.h"

/* A thread that waits for an interpreter to be made. */
typedef struct wsgi_interp_job {
    const char *group;
    size_t len;
    wsgi_interp *made;
    int done;
    struct wsgi_interp_job *next;
} wsgi_interp_job;

typedef struct {
    wsgi_interp *interps;         /* atomic head; the main one is last */
    wsgi_runner *runners;         /* under lock */
    pthread_t home;
    pthread_mutex_t lock;         /* jobs, runners, stop */
    pthread_cond_t wake, made, unpinned;
    wsgi_interp_job *jobs;
    int stop, stacks;
    int is_free;                  /* the process began without a GIL */
    uint64_t gil_since_us;        /* atomic: since when it has been seen to have one, 0: it has not */
    const char *probing;          /* atomic: see wsgi_interp_probing */
} wsgi_interp_registry;

extern wsgi_interp_registry wsgi_interps;

/* The interpreter that has been made for a group, or NULL. Any thread. */
wsgi_interp *wsgi_interp_find(const char *group, size_t len);
wsgi_interp *wsgi_interp_main(void);

/* Make that of a group. Home thread, GIL not held. NULL: it is in the log. */
wsgi_interp *wsgi_interp_create(const char *group, size_t len);

/* End a sub-interpreter, in which no thread of ours is any more; its entry stays.
 * Home thread, GIL not held. 0, or -1 if threads of the application still run in
 * it, which is in the log. */
int wsgi_interp_end(wsgi_interp *interp);

/* The place that a thread already has in INTERP, or NULL. */
wsgi_slot *wsgi_slot_find(wsgi_runner *w, const wsgi_interp *interp);

#endif
