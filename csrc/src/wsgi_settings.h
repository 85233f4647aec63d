/* wsgi_settings.h - what the configuration says of Python and its interpreters,
 * of those in httpd's children and of those in every daemon process alike.
 *
 * The directives make it (wsgi_settings_conf), it travels to each process as it
 * is, and whoever wants to know what holds for one interpreter asks
 * wsgi_settings_resolve. Unset is a value of its own; defaults apply there
 * where a setting is used.
 *
 * Plain tier.
 */
#ifndef WSGI_SETTINGS_H
#define WSGI_SETTINGS_H

#include <stdint.h>
#include "wsgi_wire.h"

#define WSGI_SCOPES_MAX   1024     /* of one configuration */
#define WSGI_WARNINGS_MAX 1024
#define WSGI_OPTIMIZE_MAX 2
#define WSGI_SWITCH_INTERVAL_MAX 1000000000   /* microseconds */
#define WSGI_HASH_SEED_RANDOM (-2)

typedef struct {                   /* one <WSGIInterpreterOptions>, or the plain directives */
    char *process_group, *application_group;   /* selectors; NULL: not given; "" is %{GLOBAL} */
    int per_interpreter_gil, free_threading, restrict_stdin, restrict_stdout, restrict_signal;  /* -1 unset, 0, 1 */
    int64_t switch_interval_us;    /* -1 unset, else 1..WSGI_SWITCH_INTERVAL_MAX */
    char *python_path;             /* NULL unset */
} wsgi_scope;

typedef struct {
    int python_optimize, dont_write_bytecode, destroy_interpreter;   /* -1 unset */
    int64_t hash_seed;             /* -1 unset, -2 random, else 0..4294967295 */
    char *python_eggs;             /* of children only */
    char **warnings; uint32_t nwarnings;
    wsgi_scope *scopes; uint32_t nscopes;      /* the plain directives first, then in file order */
} wsgi_settings;

void wsgi_scope_init(wsgi_scope *s);              /* all unset */
void wsgi_settings_init(wsgi_settings *s);        /* all unset, no scopes */
void wsgi_settings_free(wsgi_settings *s);        /* and initialises it again */
/* One more scope, all unset, for these selectors, which are copied. Borrowed until
 * the next is added. NULL without memory, or if there are WSGI_SCOPES_MAX. */
wsgi_scope *wsgi_settings_add_scope(wsgi_settings *s, const char *process_group,
                                    const char *application_group);
/* One more filter for warnings. 0, or -1 as above. */
int  wsgi_settings_add_warning(wsgi_settings *s, const char *filter);
/* A copy of its own. 0, or -1 without memory: OUT is then all unset. */
int  wsgi_settings_copy(const wsgi_settings *s, wsgi_settings *out);

/* The values that hold for an interpreter: each member set by the most specific
 * scope, the later of equals; the first scope is the least of all. For
 * APPLICATION_GROUP NULL those of the process as a whole. free_threading is one
 * of the process always, so scopes of an application group do not decide it.
 * OUT has no selectors and no path (see below): it owns nothing. */
void wsgi_settings_resolve(const wsgi_settings *s, const char *process_group,
                           const char *application_group, wsgi_scope *out);

/* The switch interval of the scopes that name this application group, in
 * microseconds; -1 if none does. It is for an interpreter with a GIL of its own. */
int64_t wsgi_settings_own_interval(const wsgi_settings *s, const char *process_group,
                                   const char *application_group);

/* Path list number I (a colon list, borrowed) in the order in which they are to
 * be applied, or NULL past the last: least specific first, since each is put in
 * front of what is there. */
const char *wsgi_settings_path(const wsgi_settings *s, const char *process_group,
                               const char *application_group, uint32_t i);

/* To and from bytes. Decode: 0, or -1 and OUT is all unset. */
void wsgi_settings_encode(const wsgi_settings *s, wsgi_buf *out);
int  wsgi_settings_decode(wsgi_cur *in, wsgi_settings *out);

#endif
