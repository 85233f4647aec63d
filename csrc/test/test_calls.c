/* Calls and their verdicts as bytes: there and back, cut at every place, and
 * verdicts of one kind for another. */
#include "test.h"

#include "../src/wsgi_calls_wire.h"

static wsgi_str str(const char *text)
{
    return (wsgi_str){ text, (uint32_t)strlen(text) };
}

static void there_and_back(void)
{
    static const struct { uint8_t kind; int nargs; } kinds[] = {
        { WSGI_CALL_ACCESS, 1 }, { WSGI_CALL_PASSWORD, 2 }, { WSGI_CALL_REALM_HASH, 2 },
        { WSGI_CALL_GROUPS, 1 }, { WSGI_CALL_DISPATCH, 0 }
    };
    size_t i, n, used;

    for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        wsgi_call call = { kinds[i].kind, { str("first"), str("") } }, out;
        wsgi_buf b = { NULL, 0, 0, 0 };

        CHECK_INT(wsgi_call_args(kinds[i].kind), kinds[i].nargs);
        wsgi_call_encode(&call, &b);
        n = b.len;
        wsgi_buf_bytes(&b, "head", 4);
        CHECK_INT(wsgi_call_decode(b.data, b.len, &out, &used), 0);
        CHECK_INT(used, n);
        CHECK_INT(out.kind, kinds[i].kind);
        CHECK(kinds[i].nargs == 0 || (out.args[0].len == 5 && memcmp(out.args[0].data, "first", 5) == 0));
        while (n-- > 0)
            CHECK_INT(wsgi_call_decode(b.data, n, &out, &used), -1);
        wsgi_buf_free(&b);
    }
}

static void unknown_kinds(void)
{
    unsigned char bytes[16] = { 0 };
    wsgi_call out;
    size_t used;
    int kind;

    for (kind = 0; kind < 256; kind++) {
        bytes[0] = (unsigned char)kind;
        CHECK_INT(wsgi_call_decode(bytes, sizeof(bytes), &out, &used) == 0,
                  kind >= WSGI_CALL_ACCESS && kind <= WSGI_CALL_DISPATCH);
    }
}

static int decode(uint16_t code, uint32_t count, const wsgi_buf *pairs, wsgi_verdict *v)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_frame f = { .type = WSGI_FRAME_VERDICT, .code = code, .fd = -1 };
    int rv;

    wsgi_buf_u32(&b, count);
    wsgi_buf_bytes(&b, pairs->data, pairs->len);
    f.data = b.data;
    f.len = (uint32_t)b.len;
    rv = wsgi_verdict_decode(&f, v);
    wsgi_buf_free(&b);
    return rv;
}

static void verdicts(void)
{
    wsgi_buf none = { NULL, 0, 0, 0 }, one = { NULL, 0, 0, 0 };
    wsgi_verdict v;

    wsgi_buf_pair(&one, "user", 4, "other", 5);
    CHECK_INT(decode(WSGI_VERDICT_YES, 0, &none, &v), 0);
    CHECK_INT(v.code, WSGI_VERDICT_YES);
    CHECK_INT(decode(WSGI_VERDICT_VALUES, 1, &one, &v), 0);
    CHECK_INT(v.nvalues, 1);
    CHECK_INT(decode(WSGI_VERDICT_YES, 1, &one, &v), -1);          /* yes is all it says */
    CHECK_INT(decode(WSGI_VERDICT_VALUES, 2, &one, &v), -1);
    CHECK_INT(decode(WSGI_VERDICT_VALUES, 0, &one, &v), -1);       /* more than it counts */
    CHECK_INT(decode(WSGI_VERDICT_VALUES + 1, 0, &none, &v), -1);
    CHECK_INT(decode(WSGI_VERDICT_VALUES, 0xffffffff, &one, &v), -1);
    one.len--;
    CHECK_INT(decode(WSGI_VERDICT_VALUES, 1, &one, &v), -1);
    wsgi_buf_free(&one);
}

/* Which verdict is one for which call; rows are NONE, NO, YES, no value, one,
 * two, four. */
static void fitting(void)
{
    static const wsgi_verdict verdicts[] = {
        { .code = WSGI_VERDICT_NONE }, { .code = WSGI_VERDICT_NO }, { .code = WSGI_VERDICT_YES },
        { .code = WSGI_VERDICT_VALUES }, { .code = WSGI_VERDICT_VALUES, .nvalues = 1 },
        { .code = WSGI_VERDICT_VALUES, .nvalues = 2 }, { .code = WSGI_VERDICT_VALUES, .nvalues = 4 }
    };
    static const char *const fits[] = { "0000000", "1110000", "1110100", "1000100", "0001111", "0001110", "0000000" };
    size_t kind, i;

    for (kind = 0; kind < sizeof(fits) / sizeof(*fits); kind++)
        for (i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
            CHECK_INT(wsgi_verdict_fits((uint8_t)kind, &verdicts[i]), fits[kind][i] == '1');
}

int main(void)
{
    RUN(there_and_back);
    RUN(unknown_kinds);
    RUN(verdicts);
    RUN(fitting);
    return TEST_DONE();
}
