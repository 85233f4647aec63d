/* wsgi_options.h - the options of a daemon group, and nothing else.
 *
 * One table defines name, type, range and default of every WSGIDaemonProcess
 * option: mod_wsgi.so parses the directive with it, the supervisor and the
 * host read what it encoded. Unset is a value of its own; defaults apply when
 * an option is read. Source: the directive reference, docs/directives.md.
 */
#ifndef WSGI_OPTIONS_H
#define WSGI_OPTIONS_H

#include <stddef.h>
#include "wsgi_wire.h"

typedef struct {
    char *name;                   /* of the group */
    char *user, *group;           /* as written: a name or #id; NULL is httpd's */
    char *display_name;           /* as written; see wsgi_options_title */
    char *home, *python_home, *python_path, *lang, *locale;
    int processes;                /* -1 unset: 1, and wsgi.multiprocess false */
    int threads;                  /* -1 unset: 15 */
    int umask;                    /* -1 unset: inherited */
    int startup_timeout;          /* seconds; -1 unset. Defaults: 0 = off, */
    int shutdown_timeout;         /*   5 (0: never forced), */
    int graceful_timeout;         /*   15 (0: do not wait), */
    int request_timeout;          /*   0 = off, */
    int queue_timeout;            /*   0 = off, */
    int connect_timeout;          /*   15, */
    int socket_timeout;           /*   0 = httpd's Timeout, */
    int inactivity_timeout;       /*   0 = off, */
    int restart_interval;         /*   0 = off, */
    int maximum_requests;         /*   0 = off */
} wsgi_options;

void wsgi_options_init(wsgi_options *o);                  /* all unset */
void wsgi_options_free(wsgi_options *o);

/* Set option NAME from its text. 0, or -1 with one sentence in ERR that names
 * the option, what was given and what is accepted. An option that exists in
 * other releases of mod_wsgi and is not available here says so. */
int wsgi_options_set(wsgi_options *o, const char *name, const char *value,
                     char *err, size_t errlen);

/* The nearest known option name for a misspelt one, or NULL. */
const char *wsgi_options_nearest(const char *name);

int wsgi_options_processes(const wsgi_options *o);        /* with defaults applied */
int wsgi_options_threads(const wsgi_options *o);
int wsgi_options_shutdown_timeout(const wsgi_options *o);
int wsgi_options_graceful_timeout(const wsgi_options *o);
int wsgi_options_connect_timeout(const wsgi_options *o);
int wsgi_options_seconds(int value);                      /* unset is 0 = off */
int wsgi_options_multiprocess(const wsgi_options *o);     /* processes= was given */

/* The process title: display-name with %{GROUP} as "(wsgi:NAME)", else NULL. */
char *wsgi_options_title(const wsgi_options *o);          /* malloc */

/* To and from bytes, for the supervisor and the host. Decode: 0 or -1. */
void wsgi_options_encode(const wsgi_options *o, wsgi_buf *out);
int  wsgi_options_decode(wsgi_cur *in, wsgi_options *out);

/* For the reference documents and their test: option I, or NULL past the last. */
typedef struct { const char *name, *type, *fallback, *help; } wsgi_option_doc;
const wsgi_option_doc *wsgi_options_doc(size_t i);

#endif
