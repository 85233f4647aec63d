/* wsgi_import.h - scripts that are loaded when a process starts, before it takes
 * requests: of WSGIImportScript, and of aliases whose process group and
 * application group are both known from the start.
 */
#ifndef WSGI_IMPORT_H
#define WSGI_IMPORT_H

#include "wsgi_config.h"
#include "wsgi_embed.h"

/* Setter of WSGIImportScript. */
const char *wsgi_import_set(cmd_parms *cmd, void *dir, const char *args);

/* Enter SCRIPT in the list. Its group must have been declared by now; whether
 * this server may use it is judged when every ServerName is known. Returns NULL
 * or an error text. */
const char *wsgi_import_add(cmd_parms *cmd, const char *script, const wsgi_choice *choice);

/* Give each to its daemon group, unless its server may not use that. 0, or -1
 * with the reason in the log. */
int wsgi_import_distribute(const wsgi_global *global);

/* Those of embedded mode, in order of the configuration: *N of them. */
const wsgi_embed_script *wsgi_import_embedded(apr_pool_t *pool, const wsgi_global *global, uint32_t *n);

#endif
