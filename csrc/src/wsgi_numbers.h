/* wsgi_numbers.h - what a scoreboard counts, for the metrics page.
 *
 * Requests are counted where the client is, in httpd: with the status that was
 * sent and the time from receipt to end, so that a daemon process that is
 * killed takes no count with it. What only the thread that runs them knows
 * (time in the queue, time busy, waits for Python's lock) is counted there.
 * Every word has one writer and only goes up; sums are made by who reads.
 */
#ifndef WSGI_NUMBERS_H
#define WSGI_NUMBERS_H

#include "wsgi_board.h"

/* ---- histograms ------------------------------------------------------------ */

#define WSGI_HISTOGRAM_BOUNDS  18           /* and one place for all that is longer */
#define WSGI_HISTOGRAM_BUCKETS (WSGI_HISTOGRAM_BOUNDS + 1)

/* Upper bounds in microseconds, each included. */
extern const uint64_t wsgi_histogram_bounds[WSGI_HISTOGRAM_BOUNDS];

typedef struct {
    uint64_t sum_us;
    uint64_t buckets[WSGI_HISTOGRAM_BUCKETS];       /* each for itself, not added up */
} wsgi_histogram;

/* ---- counted by httpd -------------------------------------------------------- */

#define WSGI_CLASSES 5                    /* 1xx to 5xx */

/* What a client was told by httpd, since no daemon process told it. */
enum wsgi_loss { WSGI_LOSS_BAD_GATEWAY, WSGI_LOSS_UNAVAILABLE, WSGI_LOSS_TIMEOUT,
                 WSGI_LOSS_REFUSED,       /* not told: sent to another process */
                 WSGI_LOSSES };

typedef struct {
    int status;                           /* that the client got */
    uint64_t duration_us;                 /* from receipt to end */
    uint64_t bytes_in, bytes_out;         /* of the bodies */
} wsgi_outcome;

/* A request of the thread that owns CELL is over. WSGI_CELL_INVALID: of one
 * that has none. */
void wsgi_numbers_count(wsgi_board *b, uint32_t cell, const wsgi_outcome *o);
/* By any thread. */
void wsgi_numbers_lose(wsgi_board *b, enum wsgi_loss kind);

/* ---- sums -------------------------------------------------------------------- */

typedef struct {
    uint64_t classes[WSGI_CLASSES];
    uint64_t bytes_in, bytes_out;
    uint64_t losses[WSGI_LOSSES];
    wsgi_histogram duration, wait;
    uint64_t busy_us, gil_us, gil_waits;
    uint64_t deaths[WSGI_DEATH_KINDS];
} wsgi_sums;

/* Of the whole life of the board, added to what OUT holds. Reads no more than
 * was ever used. */
void wsgi_numbers_add(const wsgi_board *b, wsgi_sums *out);

/* A board that took the place of another one counts what that had counted, too.
 * At any time; once for each. */
void wsgi_numbers_inherit(wsgi_board *b, const wsgi_sums *t);

/* Is it that of embedded mode? It has one slot, of no process, and for each cell
 * the thread of httpd that claimed it. */
int wsgi_board_local(const wsgi_board *b);
/* Cells, and threads of such a board, that were ever used; and the process that
 * has CELL, or 0. */
uint32_t wsgi_numbers_places(const wsgi_board *b);
pid_t wsgi_numbers_owner(const wsgi_board *b, uint32_t cell);

/* Requests that wait for a thread at this moment. */
uint32_t wsgi_numbers_queued(const wsgi_board *b);

/* ---- processes and threads ------------------------------------------------------ */

/* By the process itself, in bytes; 0 is not known. */
void wsgi_numbers_memory(wsgi_board *b, uint32_t slot, uint64_t rss, uint64_t pss);

/* By the thread itself: its request has waited this long for a thread. */
void wsgi_thread_waited(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t us);
/* The same: it had to wait for Python's lock. */
void wsgi_thread_gil(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t us, uint64_t waits);

#endif
