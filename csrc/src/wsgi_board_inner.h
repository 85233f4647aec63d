/* wsgi_board_inner.h - the records of the scoreboard, for the files that make
 * it up: wsgi_board.c, wsgi_board_slot.c, wsgi_board_thread.c, wsgi_numbers.c.
 *
 * Every record begins a cache line, so that two writers never share one. What
 * counts is never set back: a process or thread that comes after another goes
 * on where the words stand, so that sums never go backwards whatever became of
 * the one before. Numbers of one process are those since its slot began.
 */
#ifndef WSGI_BOARD_INNER_H
#define WSGI_BOARD_INNER_H

#include "wsgi_board.h"
#include "wsgi_numbers.h"

#define WSGI_BOARD_LINE 64

typedef struct {
    uint32_t magic, interface;
    uint32_t slots, threads, cells;
    uint32_t deaths, turns;
    uint32_t deaths_of[WSGI_DEATH_KINDS];
    uint32_t score_bytes;
    uint32_t cells_used;        /* no cell from here on was ever claimed */
    uint64_t losses[WSGI_LOSSES];
} __attribute__((aligned(4 * WSGI_BOARD_LINE))) wsgi_board_header;

/* life: incarnation in the upper sixteen bits, state in the lower. One word,
 * so that "does incarnation N live" is one load. */
typedef struct {
    uint32_t life;
    uint32_t pid;
    uint64_t started_us, ready_us;
    uint32_t death, death_detail, dead_incarnation, dead_pid;
    uint64_t requests_before;   /* of earlier incarnations */
    uint64_t rss, pss;          /* bytes, 0 not known; written by the host */
    uint64_t scripts[WSGI_SLOT_SCRIPTS];    /* in service; 0 ends them */
} __attribute__((aligned(WSGI_BOARD_LINE))) wsgi_board_slot;

typedef struct {
    uint32_t state;
    uint32_t what_turn;         /* odd while what is written */
    uint64_t since_us, received_us;
    uint64_t count, busy_us;
    uint64_t gil_us, gil_waits;
    uint32_t what_len, unused;
    uint64_t what[WSGI_WHAT_MAX / 8];
    wsgi_histogram wait;
} __attribute__((aligned(WSGI_BOARD_LINE))) wsgi_board_thread;

typedef struct {
    uint64_t word;
    uint32_t owner;             /* pid of the httpd child, 0 is nobody */
} __attribute__((aligned(WSGI_BOARD_LINE))) wsgi_board_cell;

/* What became of the requests of a cell: written by its owner. */
typedef struct {
    uint64_t classes[WSGI_CLASSES];
    uint64_t bytes_in, bytes_out;
    wsgi_histogram duration;
} __attribute__((aligned(WSGI_BOARD_LINE))) wsgi_board_tally;

/* Of those who have no cell or thread on this board. Any of them writes it, by
 * locked adds. */
typedef struct {
    wsgi_board_tally tally;
    wsgi_histogram wait;
    uint64_t busy_us, gil_us, gil_waits;
} __attribute__((aligned(WSGI_BOARD_LINE))) wsgi_board_shared;

/* What wsgi_scoreboard.h tells of. */
typedef struct {
    uint64_t turn;              /* odd while it is written */
    uint64_t since_us;          /* of the last time, by the steady clock */
    uint64_t len;
    uint64_t words[];
} __attribute__((aligned(WSGI_BOARD_LINE))) wsgi_board_score;

struct wsgi_board {
    uint32_t slots, threads, cells;
    size_t size;
    wsgi_board_header *header;
    wsgi_board_slot *slot;
    wsgi_board_thread *thread;
    wsgi_board_cell *cell;
    wsgi_board_tally *tally;    /* one for each cell */
    wsgi_board_shared *shared;
    wsgi_board_score *score;    /* with room for so many bytes; NULL: none */
    uint32_t score_bytes;
};

#define WSGI_LOAD(p)             __atomic_load_n((p), __ATOMIC_RELAXED)
#define WSGI_LOAD_ACQUIRE(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define WSGI_STORE(p, v)         __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define WSGI_STORE_RELEASE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
/* One writer: no locked instruction. */
#define WSGI_COUNT(p, n)         WSGI_STORE((p), WSGI_LOAD(p) + (n))

/* The record of THREAD of the process in SLOT, or NULL. */
wsgi_board_thread *wsgi_board_thread_at(const wsgi_board *b, uint32_t slot, uint32_t thread);

/* One more of US, by the only writer. */
void wsgi_histogram_add(wsgi_histogram *h, uint64_t us);

#endif
