/* wsgi_dispatch.c - see wsgi_dispatch.h. */
#include "wsgi_dispatch.h"

#include "apr_strings.h"

#include "wsgi_calls_ask.h"

/* One that cannot be loaded leaves the request to the configuration, as it always
 * did; the log says so. Everything else that goes wrong ends the request: a
 * function that is there may be what keeps it out of a group. */
static int failed(const wsgi_reply *reply)
{
    if (reply->status != OK)
        return reply->status;
    return reply->end == WSGI_END_LOAD_FAILED ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int is_name(wsgi_str s, const char *name)
{
    return s.len == strlen(name) && memcmp(s.data, name, s.len) == 0;
}

int wsgi_dispatch(request_rec *r, const wsgi_hook_script *script, const wsgi_route *route, wsgi_choice *out)
{
    const wsgi_call call = { .kind = WSGI_CALL_DISPATCH };
    wsgi_reply reply;
    wsgi_cur cur;
    uint32_t i;

    memset(out, 0, sizeof(*out));
    wsgi_calls_ask(r, script, &call, route, &reply);
    if (!reply.answered)
        return failed(&reply);
    cur = wsgi_cur_of(reply.verdict.values, reply.verdict.values_len);
    for (i = 0; i < reply.verdict.nvalues; i++) {
        wsgi_pair pair = wsgi_cur_pair(&cur);
        const char *value = apr_pstrmemdup(r->pool, pair.value.data, pair.value.len);

        if (is_name(pair.name, "process_group"))
            out->process_group = value;
        else if (is_name(pair.name, "application_group"))
            out->application_group = value;
        else if (is_name(pair.name, "callable_object"))
            out->callable_object = value;
    }
    return OK;
}
