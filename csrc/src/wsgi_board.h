/* wsgi_board.h - the scoreboard of one daemon group, in shared memory.
 *
 * Made by the httpd parent before anything forks; httpd children inherit the
 * mapping, supervisor and hosts get the descriptor. It holds
 *   - a slot per daemon process: incarnation, state, pid, how the last one ended;
 *   - a slot per thread of those: what it does, since when, how often;
 *   - a cell per httpd thread with a request under way: who owns the request;
 *   - what is counted of all these: wsgi_numbers.h.
 * Every word has one writer at a time and is read and written atomically;
 * there are no locks, and no system call on the request path. A process of
 * another group never maps it.
 *
 * A cell is one 64-bit word {ticket, incarnation, slot, state}. The relay makes
 * it QUEUED under a new ticket; a host takes it, or the relay abandons it, by
 * compare-and-swap on the whole word. So a request runs at most once and an
 * abandoned one never, whatever copies of its packet are still in the queue.
 */
#ifndef WSGI_BOARD_H
#define WSGI_BOARD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct wsgi_board wsgi_board;     /* one mapping; opaque */

enum wsgi_slot_state { WSGI_SLOT_FREE = 0, WSGI_SLOT_STARTING, WSGI_SLOT_READY,
                       WSGI_SLOT_DRAINING, WSGI_SLOT_GONE };
enum wsgi_thread_state { WSGI_THREAD_NONE = 0, WSGI_THREAD_IDLE, WSGI_THREAD_BUSY };
enum wsgi_cell_state { WSGI_CELL_FREE = 0, WSGI_CELL_QUEUED, WSGI_CELL_TAKEN,
                       WSGI_CELL_ABANDONED };

/* Why a process ended, or is to be replaced. Detail: signal number, exit
 * status, or 0. RECYCLED: for a new generation, a rolling reload, a successor.
 * LOST: nobody was there to see it, since the supervisor had died before. */
enum wsgi_death { WSGI_DEATH_NONE = 0, WSGI_DEATH_EXIT, WSGI_DEATH_SIGNAL,
                  WSGI_DEATH_OOM, WSGI_DEATH_RELOAD, WSGI_DEATH_RECYCLED,
                  WSGI_DEATH_REQUEST_TIMEOUT, WSGI_DEATH_STARTUP_TIMEOUT,
                  WSGI_DEATH_SHUTDOWN, WSGI_DEATH_IMPORT, WSGI_DEATH_MAXIMUM_REQUESTS,
                  WSGI_DEATH_RESTART_INTERVAL, WSGI_DEATH_INACTIVITY,
                  WSGI_DEATH_DEADLOCK, WSGI_DEATH_CPU_TIME, WSGI_DEATH_MEMORY,
                  WSGI_DEATH_SIGNALLED, WSGI_DEATH_LOST, WSGI_DEATH_KINDS };

/* "ended by request-timeout": what follows "the daemon process"; static. */
const char *wsgi_death_text(enum wsgi_death d);
/* "request_timeout": a word for it; static. */
const char *wsgi_death_word(enum wsgi_death d);

/* Make a board in an anonymous file. 0 or an errno; *FD is close-on-exec. */
int  wsgi_board_create(uint32_t slots, uint32_t threads, uint32_t cells,
                       wsgi_board **out, int *fd);
/* The same with room for N bytes of wsgi_scoreboard.h. */
#define WSGI_SCORE_MAX (16u << 20)
int  wsgi_board_create_with(uint32_t slots, uint32_t threads, uint32_t cells, uint32_t n,
                            wsgi_board **out, int *fd);
/* How long its file is without that; 0: sizes that cannot be. */
uint64_t wsgi_board_bytes(uint32_t slots, uint32_t threads, uint32_t cells);
/* Map a board by its descriptor, sizes checked against the file. 0 or an errno. */
int  wsgi_board_map(int fd, wsgi_board **out);
void wsgi_board_unmap(wsgi_board *b);
uint32_t wsgi_board_slots(const wsgi_board *b);
uint32_t wsgi_board_threads(const wsgi_board *b);     /* of one process */
uint32_t wsgi_board_cells(const wsgi_board *b);
uint32_t wsgi_board_deaths(const wsgi_board *b);      /* processes ended so far */
uint32_t wsgi_board_deaths_of(const wsgi_board *b, enum wsgi_death cause);
/* How often a successor took over from a process, or was found not to be able
 * to; who waits for either waits for this number to change. */
uint32_t wsgi_board_turns(const wsgi_board *b);
void     wsgi_board_turn(wsgi_board *b);

/* ---- processes: written by the supervisor, state also by the host -------- */

typedef struct {
    uint32_t state, incarnation;
    pid_t pid;
    uint64_t started_us, ready_us;
    uint64_t requests;                    /* finished, of this incarnation */
    uint32_t death, death_detail;         /* of the incarnation before */
    uint32_t dead_incarnation;
    pid_t dead_pid;
    uint64_t rss, pss;                    /* memory, bytes; 0 not known */
} wsgi_slot_view;

/* A new process will use SLOT: state STARTING, the next incarnation (never 0). */
uint16_t wsgi_slot_begin(wsgi_board *b, uint32_t slot);
void wsgi_slot_pid(wsgi_board *b, uint32_t slot, pid_t pid);
/* Nothing happens if another incarnation has the slot by now, and states only
 * go forward. */
void wsgi_slot_state(wsgi_board *b, uint32_t slot, uint16_t incarnation,
                     enum wsgi_slot_state s);
/* The process is gone: state GONE, cause kept, deaths counted. */
void wsgi_slot_end(wsgi_board *b, uint32_t slot, enum wsgi_death d, uint32_t detail);
void wsgi_slot_read(const wsgi_board *b, uint32_t slot, wsgi_slot_view *out);
/* Is this incarnation still running? */
int  wsgi_slot_lives(const wsgi_board *b, uint32_t slot, uint16_t incarnation);

/* Scripts that a process has in service are known by a number, made of path and
 * application group; never 0. */
#define WSGI_SLOT_SCRIPTS 64
uint64_t wsgi_script_number(const char *path, const char *application_group);
/* Host: SLOT, its own, has SCRIPT in service from now on. One more than there
 * is room for is not noted. */
void wsgi_slot_serves(wsgi_board *b, uint32_t slot, uint64_t script);
/* Is there a ready process, other than that of slot BUT, that has SCRIPT in
 * service? */
int  wsgi_board_served(const wsgi_board *b, uint64_t script, uint32_t but);

/* ---- threads: written by their own thread ----------------------------------- */

void wsgi_thread_idle(wsgi_board *b, uint32_t slot, uint32_t thread);
/* BUSY since NOW_US, by the wall clock. */
void wsgi_thread_busy(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t now_us);
/* What for, once that is known: method and URI, of which the query string is
 * left out, and what does not fit. */
#define WSGI_WHAT_MAX 128
void wsgi_thread_what(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t received_us,
                      const char *method, size_t nmethod, const char *uri, size_t nuri);
/* IDLE, counts a request and the time it took. */
void wsgi_thread_done(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t now_us);
void wsgi_thread_none(wsgi_board *b, uint32_t slot, uint32_t thread);
/* State, and through SINCE and COUNT (may be NULL) start of the request and requests done. */
enum wsgi_thread_state wsgi_thread_read(const wsgi_board *b, uint32_t slot, uint32_t thread,
                                        uint64_t *since_us, uint64_t *count);

typedef struct {
    enum wsgi_thread_state state;
    uint64_t count;                       /* requests done, of all who had the slot */
    uint64_t since_us, received_us;       /* of the request under way: taken, received
                                           * by httpd (0 not known); both 0 if none */
    char what[WSGI_WHAT_MAX + 1];         /* "GET /path", "" not known; as the client sent
                                           * it: whoever shows it escapes it */
} wsgi_thread_view;

void wsgi_thread_look(const wsgi_board *b, uint32_t slot, uint32_t thread, wsgi_thread_view *out);

/* ---- cells: written by relay and host ---------------------------------------- */

#define WSGI_CELL_INVALID UINT32_MAX

/* A cell for the calling thread of process PID, kept until released; cells of
 * processes that are gone are taken over. WSGI_CELL_INVALID: none is left. */
uint32_t wsgi_cell_claim(wsgi_board *b, pid_t pid);
void wsgi_cell_release(wsgi_board *b, uint32_t cell);

uint32_t wsgi_cell_queue(wsgi_board *b, uint32_t cell);     /* relay: the new ticket */
/* Relay: a new ticket for a request that is still QUEUED, so that older copies
 * are void; 0 if it was taken meanwhile. Tickets are never 0. */
uint32_t wsgi_cell_requeue(wsgi_board *b, uint32_t cell, uint32_t ticket);
/* Host: 1 if the request is ours now, 0 if nobody wants it any more. */
int wsgi_cell_take(wsgi_board *b, uint32_t cell, uint32_t ticket,
                   uint32_t slot, uint16_t incarnation);
/* Relay: 1 if nobody will ever run it, 0 if it has been taken. */
int wsgi_cell_abandon(wsgi_board *b, uint32_t cell, uint32_t ticket);
/* Relay: the state; for TAKEN also by whom. */
enum wsgi_cell_state wsgi_cell_read(const wsgi_board *b, uint32_t cell,
                                    uint32_t *slot, uint16_t *incarnation);
void wsgi_cell_done(wsgi_board *b, uint32_t cell);          /* relay: FREE again, still claimed */

/* Microseconds of a clock that nobody sets, for how long something takes. */
uint64_t wsgi_steady_us(void);
uint64_t wsgi_now_us(void);                                 /* CLOCK_REALTIME, microseconds */

#endif
