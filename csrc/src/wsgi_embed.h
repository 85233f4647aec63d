/* wsgi_embed.h - the one symbol of wsgi-embed.so, and what hangs on it.
 *
 * An httpd child opens the plugin (RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE) on
 * the first request that runs in embedded mode, checks the interface number,
 * and calls it from its request threads. Neither httpd nor Python here.
 */
#ifndef WSGI_EMBED_H
#define WSGI_EMBED_H

#include "wsgi_calls_wire.h"
#include "wsgi_peer.h"
#include "wsgi_server.h"
#include "wsgi_settings.h"

typedef struct { const char *path, *application_group; } wsgi_embed_script;

typedef struct {
    const char *python_home;      /* WSGIPythonHome or NULL */
    const char *python_path;      /* WSGIPythonPath or NULL */
    const char *runtime;          /* folder of the Python package */
    const wsgi_settings *settings;/* NULL: all unset */
    /* Loaded before start() returns, in this order, by the thread that is
     * Python's main thread. */
    const wsgi_embed_script *scripts;
    uint32_t nscripts;
    const wsgi_server *server;    /* the Apache of this child; NULL: nothing known */
    int log_level;                /* of it: more verbose lines are not written */
    int multithread, multiprocess;
    int keep_stdout;              /* sys.stdout is the process's own: httpd -X */
    int caseless;                 /* as in wsgi_group_config */
    /* A line that belongs to no request. */
    void (*log)(void *ctx, int level, const char *text, size_t n);
    /* The same with the place in the source it comes from; may be NULL. */
    void (*log_at)(void *ctx, int level, const char *file, int line, const char *text, size_t n);
    void *log_ctx;
    /* As in wsgi_python_config. */
    int (*scoreboard)(void *ctx, wsgi_buf *out);
} wsgi_embed_config;

typedef struct {
    uint32_t interface_version;   /* WSGI_INTERFACE_VERSION */
    const char *python;           /* "3.11.2" */
    /* Start Python in this process, once; thread safe, later calls give the
     * first result. 0, or -1 with a sentence in ERR. CONFIG is copied. */
    int (*start)(const wsgi_embed_config *config, char *err, size_t errlen);
    /* Run one request on the calling thread. */
    enum wsgi_end (*run)(const wsgi_request *r, const wsgi_peer *peer, void *ctx);
    /* Ask a function of a script about one, on the calling thread: wsgi_calls.h. */
    enum wsgi_end (*call)(const wsgi_request *r, const wsgi_call *call, const wsgi_peer *peer, void *ctx);
    /* What the calling thread had to wait for Python's lock, in microseconds and
     * times, since it last asked. */
    void (*waited)(uint64_t *us, uint64_t *waits);
    /* End interpreters and Python; no request runs any more. */
    void (*stop)(void);
} wsgi_embed_api;

typedef const wsgi_embed_api *(*wsgi_embed_entry_fn)(void);
#define WSGI_EMBED_ENTRY "wsgi_embed_entry"

#endif
