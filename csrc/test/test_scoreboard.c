/* Apache's scoreboard as bytes, and on a board that several write to and read
 * from at a time. Built with ASan and with TSan. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "../src/wsgi_scoreboard.h"

#define ROOM   2000
#define ROUNDS 20000

static wsgi_board *board;
static int fd;

static void make(uint32_t room)
{
    CHECK_INT(wsgi_board_create_with(4, 2, 3, room, &board, &fd), 0);
}

static void drop(void)
{
    wsgi_board_unmap(board);
    close(fd);
}

static wsgi_str text(const char *s)
{
    return (wsgi_str){ s, (uint32_t)strlen(s) };
}

static void there_and_back(void)
{
    wsgi_score s = { 4, 64, 3, 1000001, 2000002, 1 }, s2;
    wsgi_score_process p = { 2, 4242, 3, 1, 1 }, p2;
    wsgi_score_worker w = { 7, 3, 'W', 11, 1u << 31, 5, 6, 7, text("192.0.2.1"), text("GET / HTTP/1.1"), text("") }, w2;
    wsgi_buf b;
    wsgi_cur in;
    size_t n;

    memset(&b, 0, sizeof(b));
    wsgi_score_put(&b, &s);
    wsgi_score_put_process(&b, &p);
    wsgi_score_put_worker(&b, &w);
    in = wsgi_cur_of(b.data, b.len);
    CHECK(wsgi_score_get(&in, &s2) == 0 && s2.server_limit == 4 && s2.thread_limit == 64 && s2.generation == 3 &&
          s2.restart_us == 1000001 && s2.now_us == 2000002 && s2.nprocesses == 1);
    CHECK(wsgi_score_get_process(&in, &p2) == 0 && p2.number == 2 && p2.pid == 4242 && p2.generation == 3 &&
          p2.quiescing == 1 && p2.nworkers == 1);
    CHECK(wsgi_score_get_worker(&in, &w2) == 0 && w2.number == 7 && w2.status == 'W' && w2.access_count == 11 &&
          w2.bytes_served == 1u << 31 && w2.start_us == 5 && w2.stop_us == 6 && w2.last_used_us == 7 &&
          w2.client.len == 9 && w2.request.len == 14 && w2.vhost.len == 0 && in.left == 0);
    for (n = 0; n < b.len; n++) {               /* cut anywhere */
        in = wsgi_cur_of(b.data, n);
        CHECK(wsgi_score_get(&in, &s2) < 0 || wsgi_score_get_process(&in, &p2) < 0 ||
              wsgi_score_get_worker(&in, &w2) < 0);
    }
    CHECK(wsgi_score_bytes(4, 64) >= b.len && wsgi_score_bytes(UINT32_MAX, UINT32_MAX) == WSGI_SCORE_MAX);
    wsgi_buf_free(&b);
}

static int read_back(char *to, size_t size)
{
    wsgi_buf b;
    int rv;

    memset(&b, 0, sizeof(b));
    rv = wsgi_score_read(board, &b);
    snprintf(to, size, "%.*s", (int)b.len, b.data != NULL ? (char *)b.data : "");
    wsgi_buf_free(&b);
    return rv;
}

static void turns(void)
{
    static char large[ROOM + 1];
    wsgi_board *other;
    char got[100];
    int i;

    CHECK_INT(wsgi_board_create_with(4, 2, 3, WSGI_SCORE_MAX + 1, &board, &fd), EINVAL);
    make(0);
    CHECK(!wsgi_score_claim(board, 1000000, 0));
    CHECK_INT(read_back(got, sizeof(got)), ENODATA);
    drop();
    make(ROOM);
    CHECK_INT(read_back(got, sizeof(got)), ENODATA);
    CHECK_INT(wsgi_board_map(fd, &other), 0);
    CHECK(wsgi_score_claim(board, 1000000, 100));
    CHECK(!wsgi_score_claim(other, 1000001, 0));                /* somebody is about to */
    CHECK_INT(read_back(got, sizeof(got)), EAGAIN);
    wsgi_score_publish(board, "one two three", 13);
    wsgi_board_unmap(other);
    for (i = 0; i < 3; i++)
        CHECK(read_back(got, sizeof(got)) == 0 && strcmp(got, "one two three") == 0);
    CHECK(!wsgi_score_claim(board, 1000050, 100));              /* fresh enough */
    CHECK(wsgi_score_claim(board, 1000100, 100));
    /* It is killed before it has written: the next one takes over in the end. */
    CHECK(!wsgi_score_claim(board, 5000000, 100));
    CHECK(wsgi_score_claim(board, 6000100, 100));
    CHECK_INT(read_back(got, sizeof(got)), EAGAIN);
    wsgi_score_publish(board, "four", 4);
    CHECK(read_back(got, sizeof(got)) == 0 && strcmp(got, "four") == 0);
    CHECK(!wsgi_score_claim(board, 6000050, 100));              /* whose clock was asked before ours */
    CHECK(wsgi_score_claim(board, 7000000, 100));
    CHECK(!wsgi_score_claim(board, 6999990, 100));              /* nor is it stuck */
    wsgi_score_publish(board, large, sizeof(large));            /* more than there is room for */
    CHECK_INT(read_back(got, sizeof(got)), ENODATA);
    CHECK(wsgi_score_claim(board, 1000, 100));                  /* the clock was set back */
    wsgi_score_publish(board, "five", 4);
    drop();
}

static int finished, torn;

/* Texts of one letter. */
static void *writer(void *arg)
{
    char letters[ROOM];
    uint64_t now;

    for (now = 1; now < ROUNDS; now++) {
        memset(letters, *(const char *)arg, sizeof(letters));
        if (wsgi_score_claim(board, now * 10, 1))
            wsgi_score_publish(board, letters, 1 + now % ROOM);
    }
    return NULL;
}

static void *reader(void *arg)
{
    wsgi_buf b;
    size_t i;

    (void)arg;
    memset(&b, 0, sizeof(b));
    while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
        wsgi_buf_reset(&b);
        if (wsgi_score_read(board, &b) != 0)
            continue;
        for (i = 1; i < b.len; i++)
            if (b.data[i] != b.data[0])
                __atomic_add_fetch(&torn, 1, __ATOMIC_RELAXED);
    }
    wsgi_buf_free(&b);
    return NULL;
}

static void together(void)
{
    pthread_t threads[3];
    int i;

    make(ROOM);
    CHECK(pthread_create(&threads[0], NULL, writer, "a") == 0);
    CHECK(pthread_create(&threads[1], NULL, writer, "b") == 0);
    CHECK(pthread_create(&threads[2], NULL, reader, NULL) == 0);
    for (i = 0; i < 3; i++) {
        if (i == 2)
            __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK_INT(torn, 0);
    drop();
}

int main(void)
{
    RUN(there_and_back);
    RUN(turns);
    RUN(together);
    return TEST_DONE();
}
