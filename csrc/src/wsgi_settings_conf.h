/* wsgi_settings_conf.h - the directives that say how Python is started and what
 * its interpreters are like: setters for the table in wsgi_config.c.
 *
 * Those that may stand in <WSGIInterpreterOptions> set a member of the scope
 * being read, outside of it of the plain directives, which are the first scope.
 */
#ifndef WSGI_SETTINGS_CONF_H
#define WSGI_SETTINGS_CONF_H

#include "wsgi_config.h"

/* All unset, with the scope of the plain directives; freed with POOL. */
void wsgi_settings_conf_create(apr_pool_t *pool, wsgi_settings *settings);

/* What was given and cannot have its effect, for the log. */
void wsgi_settings_conf_check(const wsgi_global *global, server_rec *s);

/* <WSGIInterpreterOptions>, with all that stands in it. */
const char *wsgi_settings_set_options(cmd_parms *cmd, void *dir, const char *args);

/* cmd->info: the place of an int in wsgi_settings, in wsgi_scope; the last also notes where
 * the directive stands, for wsgi_settings_conf_check. */
const char *wsgi_settings_set_flag(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_settings_set_scope_flag(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_settings_set_own_gil_flag(cmd_parms *cmd, void *dir, const char *value);

const char *wsgi_settings_set_optimize(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_settings_set_warnings(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_settings_set_hash_seed(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_settings_set_eggs(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_settings_set_switch_interval(cmd_parms *cmd, void *dir, const char *value);
const char *wsgi_settings_set_path(cmd_parms *cmd, void *dir, const char *value);

#endif
