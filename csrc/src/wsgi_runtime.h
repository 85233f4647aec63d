/* wsgi_runtime.h - the installed programs: where they are, and which Python
 * half serves which Python.
 *
 * The runtime folder lies beside mod_wsgi.so, or where WSGIRuntimeDirectory
 * says. It holds wsgi-supervisor, python/ and a folder per Python ABI, a
 * "half". A half is chosen by reading files; nothing is ever run to find out.
 */
#ifndef WSGI_RUNTIME_H
#define WSGI_RUNTIME_H

#include "apr_pools.h"
#include "apr_tables.h"

typedef struct wsgi_half {
    const char *abi;                  /* cpython-311-x86_64-linux-gnu */
    const char *tag;                  /* 3.11, 3.13t, 3.11d */
    const char *python;               /* 3.11.2, from build.json */
    const char *program;              /* the interpreter it was built with, from there too; or NULL */
    const char *host, *embed;         /* absolute files */
    const char *build_json;
    int interface_version;            /* 0: build.json could not be read */
} wsgi_half;

typedef struct wsgi_runtime {
    const char *folder;               /* .../mod_wsgi */
    const char *supervisor;           /* .../mod_wsgi/wsgi-supervisor */
    const char *package;              /* .../mod_wsgi/python */
    apr_array_header_t *halves;       /* wsgi_half, by name of the ABI folder */
    int fallback;                     /* index of what "default" names, or -1 */
} wsgi_runtime;

/* Read the runtime folder; CONFIGURED is WSGIRuntimeDirectory or NULL. NULL
 * with a sentence in *ERROR if there is none. Lives as long as POOL. */
const wsgi_runtime *wsgi_runtime_open(apr_pool_t *pool, const char *configured,
                                      const char **error);

/* The half for the Python at HOME (NULL: the default one). NULL with a sentence
 * in *ERROR that names versions, files and the command that builds the half. */
const wsgi_half *wsgi_runtime_pick(apr_pool_t *pool, const wsgi_runtime *runtime,
                                   const char *home, const char **error);

/* A sentence if HOME is of another installation than the half that was picked for
 * it: one of the same version, but what is compiled for one release need not load
 * in another. NULL if it is not, or nobody can tell. */
const char *wsgi_runtime_remark(apr_pool_t *pool, const wsgi_half *half, const char *home);

/* The folder of the Python that the virtual environment HOME was made with, as
 * its pyvenv.cfg says; NULL: it is none, or does not say. */
const char *wsgi_runtime_base(apr_pool_t *pool, const char *home);

#endif
