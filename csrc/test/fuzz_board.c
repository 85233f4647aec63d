/* The scoreboard, as one process sees it while another writes what it likes: no
 * word of it leads a reader out of it, and the one rule on which requests rest
 * holds on any content: a ticket is taken or abandoned, never both.
 *
 * Input: a byte; the bytes of the file from its beginning, with 0 as the version
 * for ours. Bit 0 of the byte says where the file ends: there where its header
 * wants it, or else where the input does. */
#include "fuzz.h"

#include <errno.h>
#include <sys/mman.h>

#include "wsgi_board.h"
#include "wsgi_wire.h"

#define FILE_MAX (1 << 20)
#define LOOK_MAX 64             /* slots, threads, cells that are looked at */
#define HEADER   256
#define SCORE_AT (28 + 4 * WSGI_DEATH_KINDS)

static uint32_t least(uint32_t n, uint32_t most)
{
    return n < most ? n : most;
}

static void look_at_slot(const wsgi_board *b, uint32_t slot)
{
    wsgi_slot_view v;
    uint32_t t;

    wsgi_slot_read(b, slot, &v);
    MUST(v.state <= 0xffff && v.incarnation <= 0xffff);
    if (wsgi_slot_lives(b, slot, (uint16_t)v.incarnation))
        MUST(v.state >= WSGI_SLOT_STARTING && v.state <= WSGI_SLOT_DRAINING);
    MUST(!wsgi_slot_lives(b, slot, (uint16_t)(v.incarnation + 1)));
    for (t = 0; t <= least(wsgi_board_threads(b), LOOK_MAX); t++) {
        uint64_t since, count;

        MUST(wsgi_thread_read(b, slot, t, &since, &count) <= WSGI_THREAD_BUSY);
    }
}

/* The relay's part and the host's, on a cell that says anything. */
static void play_request(wsgi_board *b, uint32_t cell)
{
    uint32_t ticket = wsgi_cell_queue(b, cell), next, slot = 0;
    uint16_t incarnation = 0;

    if (cell >= wsgi_board_cells(b)) {
        MUST(ticket == 0);
        return;
    }
    MUST(ticket != 0 && wsgi_cell_read(b, cell, NULL, NULL) == WSGI_CELL_QUEUED);
    next = wsgi_cell_requeue(b, cell, ticket);
    MUST(next != 0 && next != ticket && !wsgi_cell_take(b, cell, ticket, 0, 1));
    if (cell % 2 == 0) {
        MUST(wsgi_cell_take(b, cell, next, 3, 9) && !wsgi_cell_abandon(b, cell, next));
        MUST(wsgi_cell_read(b, cell, &slot, &incarnation) == WSGI_CELL_TAKEN && slot == 3 && incarnation == 9);
        MUST(!wsgi_cell_take(b, cell, next, 3, 9) && wsgi_cell_requeue(b, cell, next) == 0);
    }
    else {
        MUST(wsgi_cell_abandon(b, cell, next) && !wsgi_cell_take(b, cell, next, 3, 9));
        MUST(wsgi_cell_abandon(b, cell, next));             /* said twice is as good */
    }
    wsgi_cell_done(b, cell);
    MUST(wsgi_cell_read(b, cell, NULL, NULL) == WSGI_CELL_FREE && !wsgi_cell_take(b, cell, next, 3, 9));
}

/* The supervisor's part and the host's. */
static void play_life(wsgi_board *b, uint32_t slot)
{
    uint16_t incarnation = wsgi_slot_begin(b, slot);
    wsgi_slot_view v;

    if (slot >= wsgi_board_slots(b)) {
        MUST(incarnation == 0 && !wsgi_slot_lives(b, slot, 0));
        return;
    }
    MUST(incarnation != 0 && wsgi_slot_lives(b, slot, incarnation));
    wsgi_slot_pid(b, slot, 77);
    wsgi_thread_busy(b, slot, 0, 5);
    wsgi_thread_done(b, slot, 0, 5);
    wsgi_slot_state(b, slot, incarnation, WSGI_SLOT_DRAINING);
    wsgi_slot_state(b, slot, incarnation, WSGI_SLOT_READY);              /* too late: states go forward */
    wsgi_slot_read(b, slot, &v);
    MUST(v.state == WSGI_SLOT_DRAINING && v.incarnation == incarnation && v.pid == 77);
    MUST(wsgi_board_threads(b) > LOOK_MAX || v.requests == (wsgi_board_threads(b) > 0));
    wsgi_slot_end(b, slot, WSGI_DEATH_SIGNAL, 9);
    wsgi_slot_read(b, slot, &v);
    MUST(!wsgi_slot_lives(b, slot, incarnation) && v.dead_incarnation == incarnation && v.dead_pid == 77);
}

static void play(wsgi_board *b)
{
    uint32_t i, claimed;

    for (i = 0; i <= least(wsgi_board_slots(b), LOOK_MAX); i++)
        look_at_slot(b, i);
    look_at_slot(b, UINT32_MAX);
    claimed = wsgi_cell_claim(b, getpid());
    MUST(claimed < wsgi_board_cells(b) || claimed == WSGI_CELL_INVALID);
    for (i = 0; i <= least(wsgi_board_cells(b), LOOK_MAX); i++)
        play_request(b, i);
    wsgi_cell_release(b, claimed);
    for (i = 0; i <= least(wsgi_board_slots(b), LOOK_MAX); i++)
        play_life(b, i);
    wsgi_board_deaths(b);
}

static uint32_t number(const uint8_t *p)
{
    wsgi_cur c = wsgi_cur_of(p, 4);

    return wsgi_cur_u32(&c);
}

/* How long the file is that a header with these words belongs to. */
static uint64_t proper_size(const uint8_t *header)
{
    uint64_t slots = number(header + 8), threads = number(header + 12), cells = number(header + 16), score = number(header + SCORE_AT), length;

    if (slots > FILE_MAX || threads > FILE_MAX || cells > FILE_MAX)
        return UINT64_MAX;
    length = wsgi_board_bytes((uint32_t)slots, (uint32_t)threads, (uint32_t)cells);
    return length == 0 || score == 0 ? length : length + 64 + (score + 7) / 8 * 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t length = size > 0 ? size - 1 : 0;
    const unsigned char version = WSGI_INTERFACE_VERSION;
    wsgi_board *b = NULL;
    int fd, rv, ours;

    if (size < 1 || size > FILE_MAX)
        return 0;
    if ((data[0] & 1) && size > HEADER)
        length = proper_size(data + 1);
    if (length > FILE_MAX)
        return 0;
    fd = memfd_create("fuzz_board", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
    ours = size > HEADER && number(data + 5) == 0;
    MUST(!ours || pwrite(fd, &version, 1, 4) == 1);
    MUST(ftruncate(fd, (off_t)length) == 0);
    rv = wsgi_board_map(fd, &b);
    MUST((rv == 0) == (b != NULL) && (rv == 0 || rv == EINVAL));
    if (rv == 0) {
        MUST(length == proper_size(data + 1) && (ours || number(data + 5) == version));
        MUST(wsgi_board_slots(b) > 0 && wsgi_board_cells(b) > 0);      /* a service has no threads */
        play(b);
        fuzz_accepted++;
        wsgi_board_unmap(b);
    }
    close(fd);
    return 0;
}
