/* Calls, from both ends: what a host reads before the head of a request, what the
 * relay takes for a verdict, and what the host takes for the value of a variable
 * that it asked for. What is accepted is written again as the same bytes, and a
 * verdict that fits a kind of call says no more than that kind may say.
 *
 * Input: which of the three, then
 *   0  a call and the head behind it
 *   1  the code of a frame VERDICT in two bytes, its payload
 *   2  the bytes that the relay sends while the host waits for a FOUND frame */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>

#include "wsgi_calls_wire.h"
#include "wsgi_host_answer.h"

static void check_call(const uint8_t *data, size_t n)
{
    wsgi_buf again = { NULL, 0, 0, 0 };
    wsgi_call call;
    wsgi_head head;
    size_t used;
    int i;

    if (wsgi_call_decode(data, n, &call, &used) < 0)
        return;
    MUST(used <= n && wsgi_call_args(call.kind) >= 0 && wsgi_call_args(call.kind) <= WSGI_CALL_ARGS_MAX);
    for (i = 0; i < WSGI_CALL_ARGS_MAX; i++)
        MUST(i < wsgi_call_args(call.kind) ? call.args[i].len <= used : call.args[i].len == 0);
    wsgi_call_encode(&call, &again);
    MUST(!again.failed && again.len == used && memcmp(again.data, data, used) == 0);
    fuzz_accepted += wsgi_head_decode(data + used, n - used, &head) == 0;
    wsgi_buf_free(&again);
}

static void check_fit(const wsgi_verdict *v)
{
    uint8_t kind;

    for (kind = 0; kind < 8; kind++) {
        if (!wsgi_verdict_fits(kind, v))
            continue;
        MUST(wsgi_call_args(kind) >= 0);
        MUST(kind != WSGI_CALL_ACCESS || v->nvalues == 0);
        MUST(kind != WSGI_CALL_REALM_HASH || v->code == WSGI_VERDICT_NONE || v->nvalues == 1);
        MUST(kind != WSGI_CALL_PASSWORD || v->nvalues <= 1);
        MUST(kind != WSGI_CALL_GROUPS || v->code == WSGI_VERDICT_VALUES);
    }
}

static void check_verdict(fuzz_input *in)
{
    wsgi_frame f = { .type = WSGI_FRAME_VERDICT, .fd = -1 };
    wsgi_buf again = { NULL, 0, 0, 0 };
    wsgi_verdict v;
    wsgi_cur c;
    uint32_t i;

    f.code = (uint16_t)(fuzz_byte(in) | fuzz_byte(in) << 8);
    f.data = in->p;
    f.len = (uint32_t)in->left;
    if (wsgi_verdict_decode(&f, &v) < 0)
        return;
    MUST(v.code == f.code && v.code <= WSGI_VERDICT_VALUES && v.nvalues <= WSGI_VERDICT_VALUES_MAX);
    MUST(v.code == WSGI_VERDICT_VALUES || v.nvalues == 0);
    wsgi_buf_u32(&again, v.nvalues);
    c = wsgi_cur_of(v.values, v.values_len);
    for (i = 0; i < v.nvalues; i++) {
        wsgi_pair p = wsgi_cur_pair(&c);

        wsgi_buf_pair(&again, p.name.data, p.name.len, p.value.data, p.value.len);
    }
    MUST(!c.bad && c.left == 0);
    MUST(!again.failed && again.len == f.len && memcmp(again.data, f.data, f.len) == 0);
    check_fit(&v);
    fuzz_accepted++;
    wsgi_buf_free(&again);
}

static void check_lookup(fuzz_input *in)
{
    struct iovec iov = { (void *)(uintptr_t)in->p, in->left < 65536 ? in->left : 65536 };
    wsgi_buf found = { NULL, 0, 0, 0 };
    int pair[2], error, before = fuzz_lowest_fd();
    wsgi_answer a;

    memset(&a, 0, sizeof(a));
    pthread_mutex_init(&a.sending, NULL);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    MUST(iov.iov_len == 0 || wsgi_stream_send(pair[0], &iov, 1, -1) == 0);
    shutdown(pair[0], SHUT_WR);
    a.fd = pair[1];
    error = wsgi_answer_peer.lookup(&a, "SSL_PROTOCOL", 12, &found);
    MUST(error == 0 || error == ENOENT || error == EPROTO || error == ECONNRESET);
    MUST(error == 0 || found.len == 0);
    MUST(found.len <= WSGI_LOOKUP_MAX && !found.failed);
    MUST(error == 0 || error == ENOENT || a.write_error == error);     /* and nothing more is sent */
    fuzz_accepted += error == 0;
    wsgi_buf_free(&found);
    wsgi_answer_free(&a);
    pthread_mutex_destroy(&a.sending);
    close(pair[0]);
    close(pair[1]);
    MUST(fuzz_lowest_fd() == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);    /* of exactly that size */
    fuzz_input in;

    MUST(copy != NULL);
    memcpy(copy, data, size);
    in.p = copy;
    in.left = size;
    switch (fuzz_byte(&in) % 3) {
    case 0:
        check_call(in.p, in.left);
        break;
    case 1:
        check_verdict(&in);
        break;
    default:
        check_lookup(&in);
        break;
    }
    free(copy);
    return 0;
}
