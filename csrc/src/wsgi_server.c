/* wsgi_server.c - see wsgi_server.h. */
#include "wsgi_server.h"

#include <stdlib.h>
#include <string.h>

#define TIME_MAX_US      (INT64_MAX / 4)

void wsgi_server_init(wsgi_server *s)
{
    memset(s, 0, sizeof(*s));
}

void wsgi_server_free(wsgi_server *s)
{
    free(s->description);
    free(s->mpm);
    free(s->build_date);
    free(s->telemetry);
    wsgi_server_init(s);
}

/* *TO is a copy of FROM, which may be NULL. 0 or -1. */
static int copy_text(const char *from, char **to)
{
    *to = from == NULL ? NULL : strdup(from);
    return from != NULL && *to == NULL ? -1 : 0;
}

int wsgi_server_copy(const wsgi_server *s, wsgi_server *out)
{
    *out = *s;
    out->description = out->mpm = out->build_date = out->telemetry = NULL;
    if (copy_text(s->description, &out->description) == 0 && copy_text(s->mpm, &out->mpm) == 0
        && copy_text(s->build_date, &out->build_date) == 0
        && copy_text(s->telemetry, &out->telemetry) == 0)
        return 0;
    wsgi_server_free(out);
    return -1;
}

void wsgi_server_encode(const wsgi_server *s, wsgi_buf *out)
{
    int i;

    wsgi_buf_text(out, s->description);
    for (i = 0; i < 3; i++)
        wsgi_buf_u16(out, s->version[i]);
    wsgi_buf_text(out, s->mpm);
    wsgi_buf_text(out, s->build_date);
    wsgi_buf_u32(out, s->processes);
    wsgi_buf_u32(out, s->threads);
    wsgi_buf_u64(out, s->parent);
    wsgi_buf_u8(out, s->json);
    wsgi_buf_text(out, s->telemetry);
    wsgi_buf_u64(out, (uint64_t)s->interval_us);
    wsgi_buf_u64(out, (uint64_t)s->slow_us);
    wsgi_buf_u8(out, s->user_agent);
}

static int is_usable(const wsgi_server *s)
{
    if (s->processes > WSGI_SERVER_LIMIT_MAX || s->threads > WSGI_SERVER_LIMIT_MAX
        || s->json > 1 || s->user_agent > 1)
        return 0;
    if (s->interval_us < 0 || s->interval_us > TIME_MAX_US || s->slow_us < 0
        || s->slow_us > TIME_MAX_US)
        return 0;
    return s->telemetry == NULL || (s->telemetry[0] == '/'
                                    && strlen(s->telemetry) <= WSGI_TELEMETRY_PATH_MAX);
}

int wsgi_server_decode(wsgi_cur *in, wsgi_server *out)
{
    int i;

    wsgi_server_init(out);
    if (wsgi_cur_text(in, &out->description) < 0)
        goto failed;
    for (i = 0; i < 3; i++)
        out->version[i] = wsgi_cur_u16(in);
    if (wsgi_cur_text(in, &out->mpm) < 0 || wsgi_cur_text(in, &out->build_date) < 0)
        goto failed;
    out->processes = wsgi_cur_u32(in);
    out->threads = wsgi_cur_u32(in);
    out->parent = wsgi_cur_u64(in);
    out->json = wsgi_cur_u8(in);
    if (wsgi_cur_text(in, &out->telemetry) < 0)
        goto failed;
    out->interval_us = (int64_t)wsgi_cur_u64(in);
    out->slow_us = (int64_t)wsgi_cur_u64(in);
    out->user_agent = wsgi_cur_u8(in);
    if (!in->bad && is_usable(out))
        return 0;
failed:
    wsgi_server_free(out);
    return -1;
}
