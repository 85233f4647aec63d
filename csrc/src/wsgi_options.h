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
#include <stdint.h>
#include "wsgi_wire.h"

typedef struct {
    char *name;                   /* of the group */
    char *start_folder;           /* without home=: where to be; NULL as inherited. Found by httpd */
    char *user, *group;           /* as written: a name or #id; NULL is httpd's */
    char *supplementary_groups;   /* names and #ids by commas; NULL: those of the user */
    char *script_user, *script_group;     /* at most one of them */
    char *socket_user;
    char *display_name;           /* as written; see wsgi_options_title */
    char *chroot, *home, *python_home, *python_path, *python_eggs, *lang, *locale;
    char *newrelic_config_file, *newrelic_environment;
    int processes;                /* -1 unset: 1, and wsgi.multiprocess false */
    int threads;                  /* -1 unset: 15; 0 is a service process */
    int umask;                    /* -1 unset: inherited */
    int startup_timeout;          /* seconds; -1 unset. Defaults: 0 = off, */
    int shutdown_timeout;         /*   5 (0: never forced), */
    int graceful_timeout;         /*   15 (0: do not wait), */
    int eviction_timeout;         /*   0 = graceful_timeout, */
    int deadlock_timeout;         /*   300, 0 = off, */
    int request_timeout;          /*   0 = off, */
    int interrupt_timeout;        /*   0 = off, */
    int request_deadline;         /*   0 = off, */
    int queue_timeout;            /*   0 = off, */
    int connect_timeout;          /*   15, */
    int socket_timeout;           /*   0 = httpd's Timeout, */
    int response_socket_timeout;  /*   0 = socket_timeout, */
    int inactivity_timeout;       /*   0 = off, */
    int restart_interval;         /*   0 = off, */
    int cpu_time_limit;           /*   0 = off, */
    int maximum_requests;         /*   0 = off */
    int cpu_priority;             /* -20..19, 0 = left as it is */
    int listen_backlog;           /* -1 unset: see wsgi_options_queue_bytes */
    int send_buffer_size, receive_buffer_size;        /* bytes; 0 or unset: the system's */
    int header_buffer_size;       /* bytes; defaults: 32768, */
    int response_buffer_size;     /*   8 MB, */
    int response_flush_delay;     /*   5 milliseconds */
    int server_metrics;           /* 1: Apache's scoreboard may be seen; -1 unset: not */
    int64_t stack_size;           /* bytes; -1 unset: the system's */
    int64_t memory_soft_limit;    /*   0 = off, bytes of PSS, or see wsgi_options_memory_share, */
    int64_t memory_limit, virtual_memory_limit;       /* bytes; 0 or unset: off */
    int64_t switch_interval_us;   /* -1 unset: Python's */
} wsgi_options;

void wsgi_options_init(wsgi_options *o);                  /* all unset */
void wsgi_options_free(wsgi_options *o);

/* Set option NAME from its text. 0, or -1 with one sentence in ERR that names
 * the option, what was given and what is accepted. */
int wsgi_options_set(wsgi_options *o, const char *name, const char *value,
                     char *err, size_t errlen);

/* The nearest known option name for a misspelt one, or NULL. */
const char *wsgi_options_nearest(const char *name);

int wsgi_options_processes(const wsgi_options *o);        /* with defaults applied */
int wsgi_options_threads(const wsgi_options *o);
int wsgi_options_shutdown_timeout(const wsgi_options *o);
int wsgi_options_graceful_timeout(const wsgi_options *o);
int wsgi_options_connect_timeout(const wsgi_options *o);
int wsgi_options_deadlock_timeout(const wsgi_options *o);
int wsgi_options_header_buffer_size(const wsgi_options *o);
int wsgi_options_response_buffer_size(const wsgi_options *o);
int wsgi_options_response_flush_delay(const wsgi_options *o);     /* milliseconds */
/* memory-soft-limit as a percentage of the memory that there is, for all processes
 * of the group together; 0: it is in bytes, or off. */
int wsgi_options_memory_share(const wsgi_options *o);
/* Milliseconds that a request may run: request-timeout x (1 + ln threads), so
 * that one of many threads has more of it. 0 is off. */
int64_t wsgi_options_request_limit(const wsgi_options *o);
/* The longest a draining process may be busy, whoever told it to drain. */
int wsgi_options_drain_limit(const wsgi_options *o);
/* SO_SNDBUF of the queue's sending end: what the kernel charges for
 * listen-backlog requests of usual size, room for one of any size at least. */
int wsgi_options_queue_bytes(const wsgi_options *o);
int wsgi_options_seconds(int value);                      /* unset is 0 = off */
int wsgi_options_multiprocess(const wsgi_options *o);     /* processes= was given */

/* Remark number I, a sentence for the admin about an option that was given and
 * has no effect, or NULL past the last. */
const char *wsgi_options_remark(const wsgi_options *o, size_t i);

/* The process title: display-name with %{GROUP} as "(wsgi:NAME)", else NULL. */
char *wsgi_options_title(const wsgi_options *o);          /* malloc */

/* To and from bytes, for the supervisor and the host. Decode: 0 or -1. */
void wsgi_options_encode(const wsgi_options *o, wsgi_buf *out);
int  wsgi_options_decode(wsgi_cur *in, wsgi_options *out);

/* For the reference documents and their test: option I, or NULL past the last. */
typedef struct { const char *name, *type, *fallback, *help; } wsgi_option_doc;
const wsgi_option_doc *wsgi_options_doc(size_t i);

#endif
