/* wsgi_settings.c - see wsgi_settings.h. */
#include "wsgi_settings.h"

#include <stdlib.h>
#include <string.h>

#define SCOPE_BYTES 31             /* on the wire a scope has so many at least, */
#define WARNING_BYTES 5            /* and a filter so many */

/* Members of a scope that are off, on or unset. */
static const size_t flags[] = {
    offsetof(wsgi_scope, per_interpreter_gil), offsetof(wsgi_scope, free_threading),
    offsetof(wsgi_scope, restrict_stdin), offsetof(wsgi_scope, restrict_stdout),
    offsetof(wsgi_scope, restrict_signal)
};

#define NFLAGS (sizeof(flags) / sizeof(flags[0]))

static int *flag_of(const wsgi_scope *s, size_t i)
{
    return (int *)((char *)s + flags[i]);
}

void wsgi_scope_init(wsgi_scope *s)
{
    size_t i;

    memset(s, 0, sizeof(*s));
    for (i = 0; i < NFLAGS; i++)
        *flag_of(s, i) = -1;
    s->switch_interval_us = -1;
}

void wsgi_settings_init(wsgi_settings *s)
{
    memset(s, 0, sizeof(*s));
    s->python_optimize = s->dont_write_bytecode = s->destroy_interpreter = -1;
    s->hash_seed = -1;
}

void wsgi_settings_free(wsgi_settings *s)
{
    uint32_t i;

    for (i = 0; i < s->nscopes; i++) {
        free(s->scopes[i].process_group);
        free(s->scopes[i].application_group);
        free(s->scopes[i].python_path);
    }
    free(s->scopes);
    for (i = 0; i < s->nwarnings; i++)
        free(s->warnings[i]);
    free(s->warnings);
    free(s->python_eggs);
    wsgi_settings_init(s);
}

/* LIST with room for one more than N; NULL as wsgi_settings_add_scope. */
static void *grow(void *list, uint32_t n, uint32_t most, size_t size)
{
    return n < most ? realloc(list, (n + 1) * size) : NULL;
}

static int copy_text(const char *s, char **out)
{
    *out = s != NULL ? strdup(s) : NULL;
    return s == NULL || *out != NULL ? 0 : -1;
}

wsgi_scope *wsgi_settings_add_scope(wsgi_settings *s, const char *process_group,
                                    const char *application_group)
{
    wsgi_scope *scopes = grow(s->scopes, s->nscopes, WSGI_SCOPES_MAX, sizeof(*scopes)), *scope;

    if (scopes == NULL)
        return NULL;
    s->scopes = scopes;
    scope = &scopes[s->nscopes++];
    wsgi_scope_init(scope);
    if (copy_text(process_group, &scope->process_group) < 0
        || copy_text(application_group, &scope->application_group) < 0)
        return NULL;              /* it is freed with the settings */
    return scope;
}

int wsgi_settings_add_warning(wsgi_settings *s, const char *filter)
{
    char **warnings = grow(s->warnings, s->nwarnings, WSGI_WARNINGS_MAX, sizeof(*warnings));

    if (warnings == NULL)
        return -1;
    s->warnings = warnings;
    if (copy_text(filter, &warnings[s->nwarnings]) < 0)
        return -1;
    s->nwarnings++;
    return 0;
}

int wsgi_settings_copy(const wsgi_settings *s, wsgi_settings *out)
{
    wsgi_buf bytes = { NULL, 0, 0, 0 };
    wsgi_cur in;
    int rv = -1;

    wsgi_settings_init(out);
    wsgi_settings_encode(s, &bytes);
    if (!bytes.failed) {
        in = wsgi_cur_of(bytes.data, bytes.len);
        rv = wsgi_settings_decode(&in, out);
    }
    wsgi_buf_free(&bytes);
    return rv;
}

/* ---- what holds for an interpreter --------------------------------------------- */

/* How many selectors of S there are, all of which choose this interpreter; -1 if
 * one does not. */
static int specificity(const wsgi_scope *s, const char *process_group, const char *application_group)
{
    if (s->process_group != NULL && strcmp(s->process_group, process_group) != 0)
        return -1;
    if (s->application_group != NULL
        && (application_group == NULL || strcmp(s->application_group, application_group) != 0))
        return -1;
    return (s->process_group != NULL) + (s->application_group != NULL);
}

void wsgi_settings_resolve(const wsgi_settings *s, const char *process_group,
                           const char *application_group, wsgi_scope *out)
{
    uint32_t i;
    size_t f;
    int level;

    wsgi_scope_init(out);
    for (level = 0; level <= 2; level++) {
        for (i = 0; i < s->nscopes; i++) {
            const wsgi_scope *scope = &s->scopes[i];

            if (specificity(scope, process_group, application_group) != level)
                continue;
            for (f = 0; f < NFLAGS; f++) {
                if (flags[f] == offsetof(wsgi_scope, free_threading) && scope->application_group != NULL)
                    continue;
                if (*flag_of(scope, f) != -1)
                    *flag_of(out, f) = *flag_of(scope, f);
            }
            if (scope->switch_interval_us != -1)
                out->switch_interval_us = scope->switch_interval_us;
        }
    }
}

int64_t wsgi_settings_own_interval(const wsgi_settings *s, const char *process_group,
                                   const char *application_group)
{
    int64_t us = -1;
    uint32_t i;
    int level;

    for (level = 1; level <= 2; level++)
        for (i = 0; i < s->nscopes; i++)
            if (s->scopes[i].application_group != NULL && s->scopes[i].switch_interval_us != -1
                && specificity(&s->scopes[i], process_group, application_group) == level)
                us = s->scopes[i].switch_interval_us;
    return us;
}

const char *wsgi_settings_path(const wsgi_settings *s, const char *process_group,
                               const char *application_group, uint32_t i)
{
    uint32_t k;
    int level;

    for (level = 0; level <= 2; level++)
        for (k = 0; k < s->nscopes; k++)
            if (s->scopes[k].python_path != NULL
                && specificity(&s->scopes[k], process_group, application_group) == level
                && i-- == 0)
                return s->scopes[k].python_path;
    return NULL;
}

/* ---- bytes ------------------------------------------------------------------------ */

static void encode_scope(const wsgi_scope *s, wsgi_buf *out)
{
    size_t i;

    wsgi_buf_text(out, s->process_group);
    wsgi_buf_text(out, s->application_group);
    for (i = 0; i < NFLAGS; i++)
        wsgi_buf_u32(out, (uint32_t)*flag_of(s, i));
    wsgi_buf_u64(out, (uint64_t)s->switch_interval_us);
    wsgi_buf_text(out, s->python_path);
}

void wsgi_settings_encode(const wsgi_settings *s, wsgi_buf *out)
{
    uint32_t i;

    wsgi_buf_u32(out, (uint32_t)s->python_optimize);
    wsgi_buf_u32(out, (uint32_t)s->dont_write_bytecode);
    wsgi_buf_u32(out, (uint32_t)s->destroy_interpreter);
    wsgi_buf_u64(out, (uint64_t)s->hash_seed);
    wsgi_buf_text(out, s->python_eggs);
    wsgi_buf_u32(out, s->nwarnings);
    for (i = 0; i < s->nwarnings; i++)
        wsgi_buf_text(out, s->warnings[i]);
    wsgi_buf_u32(out, s->nscopes);
    for (i = 0; i < s->nscopes; i++)
        encode_scope(&s->scopes[i], out);
}

/* A number from -1, which is unset, to MOST. 0 or -1. */
static int decode_small(wsgi_cur *in, int most, int *out)
{
    *out = (int)wsgi_cur_u32(in);
    return in->bad || *out < -1 || *out > most ? -1 : 0;
}

static int decode_scope(wsgi_cur *in, wsgi_scope *out)
{
    size_t i;

    if (wsgi_cur_text(in, &out->process_group) < 0 || wsgi_cur_text(in, &out->application_group) < 0)
        return -1;
    for (i = 0; i < NFLAGS; i++)
        if (decode_small(in, 1, flag_of(out, i)) < 0)
            return -1;
    out->switch_interval_us = (int64_t)wsgi_cur_u64(in);
    if (in->bad || out->switch_interval_us < -1 || out->switch_interval_us == 0
        || out->switch_interval_us > WSGI_SWITCH_INTERVAL_MAX)
        return -1;
    return wsgi_cur_text(in, &out->python_path);
}

static int decode_scopes(wsgi_cur *in, wsgi_settings *out)
{
    uint32_t count = wsgi_cur_u32(in);

    if (in->bad || count > WSGI_SCOPES_MAX || count > in->left / SCOPE_BYTES)
        return -1;
    while (out->nscopes < count) {
        wsgi_scope *scope = wsgi_settings_add_scope(out, NULL, NULL);

        if (scope == NULL || decode_scope(in, scope) < 0)
            return -1;
    }
    return 0;
}

static int decode_warnings(wsgi_cur *in, wsgi_settings *out)
{
    uint32_t count = wsgi_cur_u32(in);
    char *filter;
    int rv = 0;

    if (in->bad || count > WSGI_WARNINGS_MAX || count > in->left / WARNING_BYTES)
        return -1;
    while (rv == 0 && out->nwarnings < count) {
        rv = wsgi_cur_text(in, &filter) == 0 && filter != NULL ? wsgi_settings_add_warning(out, filter) : -1;
        free(filter);
    }
    return rv;
}

int wsgi_settings_decode(wsgi_cur *in, wsgi_settings *out)
{
    wsgi_settings_init(out);
    if (decode_small(in, WSGI_OPTIMIZE_MAX, &out->python_optimize) < 0
        || decode_small(in, 1, &out->dont_write_bytecode) < 0
        || decode_small(in, 1, &out->destroy_interpreter) < 0)
        goto failed;
    out->hash_seed = (int64_t)wsgi_cur_u64(in);
    if (in->bad || out->hash_seed < WSGI_HASH_SEED_RANDOM || out->hash_seed > UINT32_MAX)
        goto failed;
    if (wsgi_cur_text(in, &out->python_eggs) < 0 || decode_warnings(in, out) < 0
        || decode_scopes(in, out) < 0)
        goto failed;
    return 0;
failed:
    wsgi_settings_free(out);
    return -1;
}
