/* wsgi_calls_wire.c - see wsgi_calls_wire.h. */
#include "wsgi_calls_wire.h"

#include <string.h>

int wsgi_call_args(uint8_t kind)
{
    switch (kind) {
    case WSGI_CALL_ACCESS:
    case WSGI_CALL_GROUPS:
        return 1;
    case WSGI_CALL_PASSWORD:
    case WSGI_CALL_REALM_HASH:
        return 2;
    case WSGI_CALL_DISPATCH:
        return 0;
    default:
        return -1;
    }
}

void wsgi_call_encode(const wsgi_call *c, wsgi_buf *out)
{
    int i;

    wsgi_buf_u8(out, c->kind);
    for (i = 0; i < wsgi_call_args(c->kind); i++)
        wsgi_buf_str(out, c->args[i].data, c->args[i].len);
}

int wsgi_call_decode(const void *p, size_t n, wsgi_call *out, size_t *used)
{
    wsgi_cur c = wsgi_cur_of(p, n);
    int i, nargs;

    memset(out, 0, sizeof(*out));
    out->kind = wsgi_cur_u8(&c);
    nargs = wsgi_call_args(out->kind);
    for (i = 0; i < nargs; i++)
        out->args[i] = wsgi_cur_str(&c);
    *used = n - c.left;
    return nargs < 0 || c.bad ? -1 : 0;
}

int wsgi_verdict_fits(uint8_t kind, const wsgi_verdict *v)
{
    int values = v->code == WSGI_VERDICT_VALUES;

    switch (kind) {
    case WSGI_CALL_ACCESS:
        return !values;
    case WSGI_CALL_PASSWORD:
        return !values || v->nvalues == 1;
    case WSGI_CALL_REALM_HASH:
        return v->code == WSGI_VERDICT_NONE || (values && v->nvalues == 1);
    case WSGI_CALL_GROUPS:
        return values;
    case WSGI_CALL_DISPATCH:
        return values && v->nvalues <= 3;
    default:
        return 0;
    }
}

int wsgi_verdict_decode(const wsgi_frame *f, wsgi_verdict *out)
{
    wsgi_cur c = wsgi_cur_of(f->data, f->len);
    uint32_t i;

    memset(out, 0, sizeof(*out));
    if (f->type != WSGI_FRAME_VERDICT || f->code > WSGI_VERDICT_VALUES)
        return -1;
    out->code = f->code;
    out->nvalues = wsgi_cur_u32(&c);
    out->values = c.p;
    out->values_len = c.left;
    if (c.bad || out->nvalues > WSGI_VERDICT_VALUES_MAX ||
        (out->code != WSGI_VERDICT_VALUES && out->nvalues > 0))
        return -1;
    for (i = 0; i < out->nvalues; i++)
        wsgi_cur_pair(&c);
    return c.bad || c.left != 0 ? -1 : 0;
}
