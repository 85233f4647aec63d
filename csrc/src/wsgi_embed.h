/* wsgi_embed.h - the one symbol of wsgi-embed.so, and what hangs on it.
 *
 * An httpd child opens the plugin (RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE) on
 * the first request that runs in embedded mode, checks the interface number,
 * and calls it from its request threads. Neither httpd nor Python here.
 */
#ifndef WSGI_EMBED_H
#define WSGI_EMBED_H

#include "wsgi_peer.h"

typedef struct {
    const char *python_home;      /* WSGIPythonHome or NULL */
    const char *python_path;      /* WSGIPythonPath or NULL */
    const char *runtime;          /* folder of the Python package */
    int multithread, multiprocess;
    int caseless;                 /* as in wsgi_group_config */
    /* A line that belongs to no request. */
    void (*log)(void *ctx, int level, const char *text, size_t n);
    void *log_ctx;
} wsgi_embed_config;

typedef struct {
    uint32_t interface_version;   /* WSGI_INTERFACE_VERSION */
    const char *python;           /* "3.11.2" */
    /* Start Python in this process, once; thread safe, later calls give the
     * first result. 0, or -1 with a sentence in ERR. CONFIG is copied. */
    int (*start)(const wsgi_embed_config *config, char *err, size_t errlen);
    /* Run one request on the calling thread. */
    enum wsgi_end (*run)(const wsgi_request *r, const wsgi_peer *peer, void *ctx);
    /* End interpreters and Python; no request runs any more. */
    void (*stop)(void);
} wsgi_embed_api;

typedef const wsgi_embed_api *(*wsgi_embed_entry_fn)(void);
#define WSGI_EMBED_ENTRY "wsgi_embed_entry"

#endif
