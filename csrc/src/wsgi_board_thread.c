/* wsgi_board_thread.c - the threads on a scoreboard: what each does, since when,
 * how often, and at whose request. See wsgi_board.h.
 *
 * The text of a request is written in words under a turn that is odd meanwhile.
 * Who reads looks at the turn before and after, and takes no text that changed
 * under its eyes. Words are stored with release and loaded with acquire in place
 * of fences, which costs nothing where it is read and written most.
 */
#include "wsgi_board_inner.h"

#include <string.h>

wsgi_board_thread *wsgi_board_thread_at(const wsgi_board *b, uint32_t slot, uint32_t thread)
{
    if (slot >= b->slots || thread >= b->threads)
        return NULL;
    return &b->thread[(size_t)slot * b->threads + thread];
}

static void set_state(wsgi_board *b, uint32_t slot, uint32_t thread, enum wsgi_thread_state state)
{
    wsgi_board_thread *t = wsgi_board_thread_at(b, slot, thread);

    if (t != NULL)
        WSGI_STORE_RELEASE(&t->state, (uint32_t)state);
}

void wsgi_thread_idle(wsgi_board *b, uint32_t slot, uint32_t thread)
{
    set_state(b, slot, thread, WSGI_THREAD_IDLE);
}

void wsgi_thread_none(wsgi_board *b, uint32_t slot, uint32_t thread)
{
    set_state(b, slot, thread, WSGI_THREAD_NONE);
}

void wsgi_thread_busy(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t now_us)
{
    wsgi_board_thread *t = wsgi_board_thread_at(b, slot, thread);

    if (t == NULL)
        return;
    WSGI_STORE(&t->since_us, now_us);
    WSGI_STORE(&t->received_us, 0);
    WSGI_STORE(&t->what_len, 0);
    WSGI_STORE_RELEASE(&t->state, (uint32_t)WSGI_THREAD_BUSY);
}

/* As much as fits of N bytes of TEXT, behind the LEN that are there. */
static size_t append(char *to, size_t len, const char *text, size_t n)
{
    if (n > WSGI_WHAT_MAX - len)
        n = WSGI_WHAT_MAX - len;
    if (n > 0)
        memcpy(to + len, text, n);
    return len + n;
}

static size_t without_query(const char *uri, size_t n)
{
    const char *query = n > 0 ? memchr(uri, '?', n) : NULL;

    return query != NULL ? (size_t)(query - uri) : n;
}

void wsgi_thread_what(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t received_us,
                      const char *method, size_t nmethod, const char *uri, size_t nuri)
{
    wsgi_board_thread *t = wsgi_board_thread_at(b, slot, thread);
    uint64_t words[WSGI_WHAT_MAX / 8];
    char *text = (char *)words;
    size_t len, i;
    uint32_t turn;

    if (t == NULL)
        return;
    len = append(text, 0, method, nmethod);
    len = append(text, len, " ", 1);
    len = append(text, len, uri, without_query(uri, nuri));
    memset(text + len, 0, (WSGI_WHAT_MAX - len) % 8);
    WSGI_STORE(&t->received_us, received_us);
    turn = WSGI_LOAD(&t->what_turn);
    WSGI_STORE(&t->what_turn, turn | 1);
    for (i = 0; i < (len + 7) / 8; i++)
        WSGI_STORE_RELEASE(&t->what[i], words[i]);
    WSGI_STORE_RELEASE(&t->what_len, (uint32_t)len);
    WSGI_STORE_RELEASE(&t->what_turn, (turn | 1) + 1);
}

void wsgi_thread_done(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t now_us)
{
    wsgi_board_thread *t = wsgi_board_thread_at(b, slot, thread);
    uint64_t since;

    if (t == NULL)
        return;
    since = WSGI_LOAD(&t->since_us);
    if (now_us > since)           /* the clock may have been set back */
        WSGI_COUNT(&t->busy_us, now_us - since);
    WSGI_COUNT(&t->count, 1);
    WSGI_STORE_RELEASE(&t->state, (uint32_t)WSGI_THREAD_IDLE);
}

void wsgi_thread_waited(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t us)
{
    wsgi_board_thread *t = wsgi_board_thread_at(b, slot, thread);

    if (t != NULL)
        wsgi_histogram_add(&t->wait, us);
}

void wsgi_thread_gil(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t us, uint64_t waits)
{
    wsgi_board_thread *t = wsgi_board_thread_at(b, slot, thread);

    if (t == NULL || waits == 0)
        return;
    WSGI_COUNT(&t->gil_us, us);
    WSGI_COUNT(&t->gil_waits, waits);
}

static enum wsgi_thread_state state_of(const wsgi_board_thread *t)
{
    uint32_t state = WSGI_LOAD_ACQUIRE(&t->state);

    return state > WSGI_THREAD_BUSY ? WSGI_THREAD_NONE : (enum wsgi_thread_state)state;
}

enum wsgi_thread_state wsgi_thread_read(const wsgi_board *b, uint32_t slot, uint32_t thread,
                                        uint64_t *since_us, uint64_t *count)
{
    const wsgi_board_thread *t = wsgi_board_thread_at(b, slot, thread);

    if (since_us != NULL)
        *since_us = t != NULL ? WSGI_LOAD(&t->since_us) : 0;
    if (count != NULL)
        *count = t != NULL ? WSGI_LOAD(&t->count) : 0;
    return t != NULL ? state_of(t) : WSGI_THREAD_NONE;
}

/* The text, or nothing if it is just being written. */
static void read_what(const wsgi_board_thread *t, char out[WSGI_WHAT_MAX + 1])
{
    uint64_t words[WSGI_WHAT_MAX / 8];
    uint32_t turn = WSGI_LOAD_ACQUIRE(&t->what_turn), len = WSGI_LOAD_ACQUIRE(&t->what_len), i;

    if (len > WSGI_WHAT_MAX)      /* nobody of ours wrote that */
        len = WSGI_WHAT_MAX;
    for (i = 0; i < (len + 7) / 8; i++)
        words[i] = WSGI_LOAD_ACQUIRE(&t->what[i]);
    if (turn % 2 != 0 || WSGI_LOAD(&t->what_turn) != turn)
        len = 0;
    if (len > 0)
        memcpy(out, words, len);
    out[len] = '\0';
}

void wsgi_thread_look(const wsgi_board *b, uint32_t slot, uint32_t thread, wsgi_thread_view *out)
{
    const wsgi_board_thread *t = wsgi_board_thread_at(b, slot, thread);

    memset(out, 0, sizeof(*out));
    if (t == NULL)
        return;
    out->state = state_of(t);
    out->count = WSGI_LOAD(&t->count);
    if (out->state != WSGI_THREAD_BUSY)
        return;
    out->since_us = WSGI_LOAD(&t->since_us);
    out->received_us = WSGI_LOAD(&t->received_us);
    read_what(t, out->what);
}
