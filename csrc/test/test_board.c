/* The scoreboard in one thread: sizes, seals, slots, threads, cells. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/wsgi_board.h"

static void making_and_mapping(void)
{
    wsgi_board *b, *other;
    wsgi_slot_view v;
    int fd;

    CHECK_INT(wsgi_board_create(0, 1, 1, &b, &fd), EINVAL);
    CHECK_INT(wsgi_board_create(1, 0, 1, &b, &fd), 0);      /* of a service */
    CHECK_INT(wsgi_board_threads(b), 0);
    wsgi_board_unmap(b);
    close(fd);
    CHECK_INT(wsgi_board_create(1, 1, 0, &b, &fd), EINVAL);
    CHECK_INT(wsgi_board_create(16384, 1, 1, &b, &fd), EINVAL);
    CHECK_INT(wsgi_board_create(16383, 0xffffffff, 1, &b, &fd), EINVAL);
    CHECK(b == NULL && fd == -1);

    CHECK_INT(wsgi_board_create(4, 5, 6, &b, &fd), 0);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK(wsgi_board_slots(b) == 4 && wsgi_board_threads(b) == 5 && wsgi_board_cells(b) == 6);
    CHECK_INT(wsgi_board_map(fd, &other), 0);
    CHECK_INT(wsgi_slot_begin(b, 3), 1);
    wsgi_slot_read(other, 3, &v);
    CHECK(v.state == WSGI_SLOT_STARTING && v.incarnation == 1);
    CHECK(ftruncate(fd, 64) == -1);                 /* nobody can end the others by SIGBUS */
    wsgi_board_unmap(other);
    wsgi_board_unmap(b);
    wsgi_board_unmap(NULL);
    close(fd);
}

/* A board of SIZE bytes whose header says SLOTS. The errno of mapping it. */
static int map_bent(size_t size, uint32_t slots)
{
    wsgi_board *b = NULL;
    int good, bent = memfd_create("bent", MFD_CLOEXEC), rv;
    unsigned char header[256];

    CHECK_INT(wsgi_board_create(4, 5, 6, &b, &good), 0);
    CHECK(pread(good, header, sizeof(header), 0) == (ssize_t)sizeof(header));
    memcpy(header + 8, &slots, 4);
    CHECK(pwrite(bent, header, sizeof(header), 0) == (ssize_t)sizeof(header));
    CHECK(ftruncate(bent, (off_t)size) == 0);
    wsgi_board_unmap(b);
    rv = wsgi_board_map(bent, &b);
    if (rv == 0)
        wsgi_board_unmap(b);
    close(good);
    close(bent);
    return rv;
}

static void bent_boards(void)
{
    size_t right = wsgi_board_bytes(4, 5, 6);
    wsgi_board *b;
    int p[2];

    CHECK_INT(map_bent(right, 4), 0);
    CHECK_INT(map_bent(right - 1, 4), EINVAL);
    CHECK_INT(map_bent(right, 5), EINVAL);
    CHECK_INT(map_bent(right, 0xffffffff), EINVAL);
    CHECK_INT(map_bent(0, 4), EINVAL);
    CHECK_INT(map_bent(63, 4), EINVAL);
    CHECK(pipe(p) == 0);
    CHECK(wsgi_board_map(p[0], &b) != 0 && wsgi_board_map(-1, &b) == EBADF);
    close(p[0]);
    close(p[1]);
}

static void slots(void)
{
    wsgi_board *b;
    wsgi_slot_view v;
    uint16_t one, two;
    int fd, i;

    CHECK_INT(wsgi_board_create(2, 3, 4, &b, &fd), 0);
    one = wsgi_slot_begin(b, 1);
    wsgi_slot_pid(b, 1, 4242);
    CHECK(wsgi_slot_lives(b, 1, one) && !wsgi_slot_lives(b, 1, (uint16_t)(one + 1)));
    CHECK(!wsgi_slot_lives(b, 0, 0) && !wsgi_slot_lives(b, 7, one));
    wsgi_slot_state(b, 1, one, WSGI_SLOT_DRAINING);
    wsgi_slot_state(b, 1, one, WSGI_SLOT_READY);    /* late: states only go forward */
    wsgi_slot_read(b, 1, &v);
    CHECK(v.state == WSGI_SLOT_DRAINING && v.pid == 4242 && v.started_us > 0);
    CHECK(wsgi_slot_lives(b, 1, one));
    wsgi_thread_busy(b, 1, 2, 99);
    wsgi_thread_done(b, 1, 2, 99);
    wsgi_slot_read(b, 1, &v);
    CHECK_INT(v.requests, 1);
    CHECK_INT(wsgi_board_deaths(b), 0);
    wsgi_slot_end(b, 1, WSGI_DEATH_SIGNAL, 9);
    CHECK_INT(wsgi_board_deaths(b), 1);
    CHECK(!wsgi_slot_lives(b, 1, one));
    CHECK(wsgi_board_deaths_of(b, WSGI_DEATH_SIGNAL) == 1 && wsgi_board_deaths_of(b, WSGI_DEATH_OOM) == 0);
    CHECK_INT(wsgi_board_deaths_of(b, WSGI_DEATH_KINDS), 0);
    wsgi_slot_state(b, 1, one, WSGI_SLOT_READY);    /* a ghost cannot come back */
    CHECK(!wsgi_slot_lives(b, 1, one));
    two = wsgi_slot_begin(b, 1);
    CHECK(two == one + 1 && wsgi_slot_lives(b, 1, two) && !wsgi_slot_lives(b, 1, one));
    wsgi_slot_state(b, 1, two, WSGI_SLOT_READY);
    wsgi_slot_state(b, 1, one, WSGI_SLOT_DRAINING); /* the last word of the one before */
    wsgi_slot_read(b, 1, &v);
    CHECK_INT(v.state, WSGI_SLOT_READY);
    CHECK(v.death == WSGI_DEATH_SIGNAL && v.death_detail == 9 && v.dead_incarnation == one &&
          v.dead_pid == 4242 && v.requests == 0 && v.ready_us >= v.started_us);
    for (i = 0; i < 65534; i++)
        two = wsgi_slot_begin(b, 1);
    CHECK_INT(two, 1);                              /* wrapped, and not through 0 */
    CHECK_INT(wsgi_slot_begin(b, 2), 0);
    wsgi_slot_end(b, 9, WSGI_DEATH_EXIT, 1);
    wsgi_slot_pid(b, 9, 1);
    wsgi_slot_state(b, 9, one, WSGI_SLOT_READY);
    CHECK_INT(wsgi_board_deaths(b), 1);
    wsgi_board_unmap(b);
    close(fd);
}

static void turns_and_texts(void)
{
    wsgi_board *b;
    int fd, i, k;

    CHECK_INT(wsgi_board_create(1, 1, 1, &b, &fd), 0);
    CHECK_INT(wsgi_board_turns(b), 0);
    wsgi_board_turn(b);
    CHECK_INT(wsgi_board_turns(b), 1);
    for (i = 1; i < WSGI_DEATH_KINDS; i++)          /* each cause has words of its own */
        for (k = i + 1; k <= WSGI_DEATH_KINDS; k++)
            CHECK(strcmp(wsgi_death_text((enum wsgi_death)i), wsgi_death_text((enum wsgi_death)k)) != 0);
    wsgi_board_unmap(b);
    close(fd);
}

static void threads(void)
{
    wsgi_board *b;
    uint64_t since, count;
    int fd;

    CHECK_INT(wsgi_board_create(2, 3, 4, &b, &fd), 0);
    CHECK_INT(wsgi_thread_read(b, 0, 0, &since, &count), WSGI_THREAD_NONE);
    wsgi_thread_idle(b, 0, 0);
    CHECK_INT(wsgi_thread_read(b, 0, 0, NULL, NULL), WSGI_THREAD_IDLE);
    wsgi_thread_busy(b, 0, 0, 77);
    CHECK_INT(wsgi_thread_read(b, 0, 0, &since, &count), WSGI_THREAD_BUSY);
    CHECK(since == 77 && count == 0);
    wsgi_thread_done(b, 0, 0, 177);
    CHECK_INT(wsgi_thread_read(b, 0, 0, &since, &count), WSGI_THREAD_IDLE);
    CHECK_INT(count, 1);
    wsgi_thread_none(b, 0, 0);
    CHECK_INT(wsgi_thread_read(b, 0, 0, NULL, NULL), WSGI_THREAD_NONE);
    wsgi_thread_busy(b, 2, 0, 1);                   /* outside: nothing */
    wsgi_thread_done(b, 0, 3, 1);
    CHECK_INT(wsgi_thread_read(b, 0, 3, &since, &count), WSGI_THREAD_NONE);
    wsgi_board_unmap(b);
    close(fd);
}

static void cells(void)
{
    wsgi_board *b;
    uint32_t cell, ticket, newer, slot;
    uint16_t inc;
    int fd;

    CHECK_INT(wsgi_board_create(2, 3, 2, &b, &fd), 0);
    cell = wsgi_cell_claim(b, getpid());
    CHECK(cell == 0 && wsgi_cell_claim(b, getpid()) == 1);
    CHECK(wsgi_cell_claim(b, getpid()) == WSGI_CELL_INVALID);
    CHECK_INT(wsgi_cell_read(b, cell, NULL, NULL), WSGI_CELL_FREE);
    CHECK(!wsgi_cell_take(b, cell, 0, 0, 1));

    ticket = wsgi_cell_queue(b, cell);              /* taken once */
    CHECK(ticket != 0);
    CHECK_INT(wsgi_cell_read(b, cell, &slot, &inc), WSGI_CELL_QUEUED);
    CHECK(!wsgi_cell_take(b, cell, ticket + 1, 1, 5));
    CHECK(wsgi_cell_take(b, cell, ticket, 1, 5));
    CHECK(!wsgi_cell_take(b, cell, ticket, 0, 6));
    CHECK(!wsgi_cell_abandon(b, cell, ticket));
    CHECK_INT(wsgi_cell_requeue(b, cell, ticket), 0);
    CHECK_INT(wsgi_cell_read(b, cell, &slot, &inc), WSGI_CELL_TAKEN);
    CHECK(slot == 1 && inc == 5);
    wsgi_cell_done(b, cell);
    CHECK_INT(wsgi_cell_read(b, cell, NULL, NULL), WSGI_CELL_FREE);
    CHECK(!wsgi_cell_take(b, cell, ticket, 1, 5));

    newer = wsgi_cell_queue(b, cell);               /* abandoned: nobody runs it */
    CHECK(newer != ticket);
    CHECK(wsgi_cell_abandon(b, cell, newer));
    CHECK(wsgi_cell_abandon(b, cell, newer));
    CHECK(!wsgi_cell_take(b, cell, newer, 1, 5));
    wsgi_cell_done(b, cell);

    ticket = wsgi_cell_queue(b, cell);              /* sent again: only the last copy counts */
    newer = wsgi_cell_requeue(b, cell, ticket);
    CHECK(newer != 0 && newer != ticket);
    CHECK(!wsgi_cell_take(b, cell, ticket, 1, 5));
    CHECK(wsgi_cell_take(b, cell, newer, 1, 5));
    wsgi_cell_done(b, cell);
    wsgi_cell_release(b, cell);
    CHECK(wsgi_cell_claim(b, getpid()) == cell);

    CHECK(wsgi_cell_queue(b, 2) == 0 && !wsgi_cell_take(b, 2, 1, 0, 1));
    CHECK(!wsgi_cell_abandon(b, 2, 1) && wsgi_cell_requeue(b, 2, 1) == 0);
    CHECK_INT(wsgi_cell_read(b, 99, &slot, &inc), WSGI_CELL_FREE);
    wsgi_board_unmap(b);
    close(fd);
}

/* A child dies with a request queued: its cell is given to the next one, and
 * the copy still in the queue is void. */
static void cells_of_the_dead(void)
{
    wsgi_board *b;
    int fd, status;
    pid_t pid;
    uint32_t cell;

    CHECK_INT(wsgi_board_create(1, 1, 1, &b, &fd), 0);
    pid = fork();
    if (pid == 0)
        _exit(wsgi_cell_claim(b, getpid()) == 0 && wsgi_cell_queue(b, 0) == 1 ? 0 : 1);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK_INT(wsgi_cell_read(b, 0, NULL, NULL), WSGI_CELL_QUEUED);
    cell = wsgi_cell_claim(b, getpid());
    CHECK_INT(cell, 0);
    CHECK_INT(wsgi_cell_read(b, 0, NULL, NULL), WSGI_CELL_FREE);
    CHECK(!wsgi_cell_take(b, 0, 1, 0, 1));
    CHECK_INT(wsgi_cell_queue(b, 0), 2);
    wsgi_board_unmap(b);
    close(fd);
}

static void scripts_in_service(void)
{
    uint64_t a = wsgi_script_number("/a", ""), b_in_a = wsgi_script_number("/a", "b");
    uint16_t incarnation;
    wsgi_board *b;
    uint32_t i;
    int fd;

    CHECK(a != b_in_a && a != wsgi_script_number("/", "a") && a == wsgi_script_number("/a", ""));
    CHECK_INT(wsgi_board_create(3, 1, 1, &b, &fd), 0);
    incarnation = wsgi_slot_begin(b, 1);
    wsgi_slot_serves(b, 1, a);
    wsgi_slot_serves(b, 99, a);
    CHECK(!wsgi_board_served(b, a, 0));             /* not ready yet */
    wsgi_slot_state(b, 1, incarnation, WSGI_SLOT_READY);
    CHECK(wsgi_board_served(b, a, 0) && !wsgi_board_served(b, a, 1) && !wsgi_board_served(b, b_in_a, 0));
    for (i = 0; i < 2 * WSGI_SLOT_SCRIPTS; i++)     /* no more than there is room for */
        wsgi_slot_serves(b, 1, 1000 + i);
    wsgi_slot_serves(b, 1, a);
    CHECK(wsgi_board_served(b, 1000 + WSGI_SLOT_SCRIPTS - 2, 0));
    CHECK(!wsgi_board_served(b, 1000 + WSGI_SLOT_SCRIPTS - 1, 0));
    wsgi_slot_state(b, 1, incarnation, WSGI_SLOT_DRAINING);
    CHECK(!wsgi_board_served(b, a, 0));
    wsgi_slot_end(b, 1, WSGI_DEATH_EXIT, 0);
    wsgi_slot_state(b, 1, wsgi_slot_begin(b, 1), WSGI_SLOT_READY);
    CHECK(!wsgi_board_served(b, a, 0));             /* another life */
    wsgi_board_unmap(b);
    close(fd);
}

int main(void)
{
    RUN(making_and_mapping);
    RUN(bent_boards);
    RUN(slots);
    RUN(turns_and_texts);
    RUN(threads);
    RUN(cells);
    RUN(cells_of_the_dead);
    RUN(scripts_in_service);
    return TEST_DONE();
}
