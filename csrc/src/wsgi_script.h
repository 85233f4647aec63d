/* wsgi_script.h - loading WSGI scripts, and loading them again.
 *
 * A script is a module named after the digest of its path, one per
 * interpreter. The first request loads it, others that need it wait; a failed
 * load fails those that waited; the next request tries again, or, in a daemon
 * process, is told what failed (wsgi_script_keep_failures).
 */
#ifndef WSGI_SCRIPT_H
#define WSGI_SCRIPT_H

#include "wsgi_interp.h"
#include "wsgi_pymod.h"

typedef struct wsgi_script wsgi_script;

/* What the disk says of a script now; made without the GIL. */
typedef struct {
    int64_t mtime_ns;             /* -1: cannot be read */
    int64_t size;
} wsgi_stamp;

/* FAILED: it could not be loaded, and is not tried again in this process. */
enum wsgi_script_state { WSGI_SCRIPT_READY, WSGI_SCRIPT_ABSENT, WSGI_SCRIPT_STALE,
                         WSGI_SCRIPT_FAILED };

/* What a daemon process does with its scripts' fate. Any thread, without the
 * lock of the interpreter. */
typedef struct {
    /* A script was loaded (GOOD), or a request came for one that is not good. */
    void (*report)(const char *path, const char *application_group, int good);
    /* It could not be loaded here: does another process of the group have it in
     * service, which is to answer instead? */
    int (*elsewhere)(const char *path, const char *application_group);
} wsgi_script_gate;

/* From now on a script whose load failed stays FAILED until it changes: modules
 * that it imported are half made, and would only hide the first error. */
void wsgi_script_keep_failures(const wsgi_script_gate *gate);

/* The record of the script at PATH in the slot's interpreter, made on first
 * use. NULL without memory. GIL not held. */
wsgi_script *wsgi_script_find(wsgi_slot *slot, const char *path, size_t len);
const char *wsgi_script_path(const wsgi_script *s);

wsgi_stamp wsgi_script_stat(const wsgi_script *s);

/* Loaded, not loaded, or changed since? NOW NULL: do not look for changes. The
 * script's reload_required() may run. *SEEN is for the call below. GIL held. */
enum wsgi_script_state wsgi_script_check(wsgi_slot *slot, wsgi_script *s, const wsgi_stamp *now,
                                         unsigned *seen);

/* Is this the first sight of the change that NOW shows? Once each. GIL held,
 * released while it waits. */
int wsgi_script_first_sight(wsgi_slot *slot, wsgi_script *s, const wsgi_stamp *now);
/* A request for a FAILED one, or for a STALE one that was never good: log what
 * was wrong with it, report it. GIL held. */
void wsgi_script_failed(wsgi_slot *slot, wsgi_script *s);
/* Is S, which could not be loaded here, to be asked of another process? */
int wsgi_script_elsewhere(const wsgi_slot *slot, const wsgi_script *s);

/* Load S unless another thread has done so since *SEEN; AGAIN if it was STALE.
 * 0, or -1 with the reason in the log. GIL held, released while another thread
 * loads. */
int wsgi_script_load(wsgi_slot *slot, wsgi_script *s, unsigned seen, int again);

/* Attribute NAME of the loaded module: new reference; NULL without an exception
 * if there is none, NULL with one if looking failed. GIL held. */
PyObject *wsgi_script_callable(wsgi_slot *slot, wsgi_script *s, wsgi_str name);

/* Drop the references of all scripts of INTERP. GIL held in it. */
void wsgi_script_forget(wsgi_interp *interp);

/* When the process first tried to load a script (microseconds, 0: not yet), and
 * whether one has been loaded since. Any thread. */
void wsgi_script_progress(uint64_t *first_us, int *loaded);

/* In a service: did a script raise SystemExit, as it does when the process is
 * told to end? That is how a script ends, and not logged. */
int wsgi_script_exit_asked(void);

#endif
