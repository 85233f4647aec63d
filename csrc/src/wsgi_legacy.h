/* wsgi_legacy.h - directives of other releases of mod_wsgi that configurations
 * still have: they are checked, and without effect, which is said once. */
#ifndef WSGI_LEGACY_H
#define WSGI_LEGACY_H

#include "wsgi_config.h"

/* An element of wsgi_global's legacy. */
typedef struct {
    const struct wsgi_legacy *what;   /* wsgi_legacy.c */
    const char *file;
    unsigned line;
} wsgi_legacy_sighting;

/* Setters for the table in wsgi_config.c. */
const char *wsgi_legacy_set_flag(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_legacy_set_text(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_legacy_set_mutex(cmd_parms *cmd, void *dir, const char *value);

/* Say of what was given that it does nothing. */
void wsgi_legacy_remark(const wsgi_global *global, server_rec *s);

#endif
