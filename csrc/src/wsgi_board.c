/* wsgi_board.c - the scoreboard of one daemon group, in shared memory.
 *
 * The file is a header page, then slots, threads and cells, every record on a
 * cache line of its own so that two writers never share one. The sizes are
 * kept in each process's own memory after the first look: a process that maps
 * the board can scribble on it, but can neither make another one read outside
 * it nor cut it short (the file is sealed).
 *
 * All words are accessed with the __atomic builtins: acquire and release where
 * one word tells that others are valid, relaxed for counters.
 */
#include "wsgi_board.h"
#include "wsgi_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BOARD_MAGIC   0x31424957u       /* "WIB1" */
#define BOARD_BYTES_MAX ((uint64_t)1 << 32)
#define SLOT_BITS     14
#define SLOTS_MAX     ((1u << SLOT_BITS) - 1)
#define LINE          64

typedef struct {
    uint32_t magic, interface;
    uint32_t slots, threads, cells;
    uint32_t deaths, turns;
    uint32_t deaths_of[WSGI_DEATH_KINDS];
} __attribute__((aligned(4 * LINE))) board_header;

/* life: incarnation in the upper sixteen bits, state in the lower. One word,
 * so that "does incarnation N live" is one load. */
typedef struct {
    uint32_t life;
    uint32_t pid;
    uint64_t started_us, ready_us;
    uint32_t death, death_detail, dead_incarnation, dead_pid;
} __attribute__((aligned(LINE))) board_slot;

typedef struct {
    uint32_t state;
    uint64_t since_us, count;
} __attribute__((aligned(LINE))) board_thread;

typedef struct {
    uint64_t word;
    uint32_t owner;             /* pid of the httpd child, 0 is nobody */
} __attribute__((aligned(LINE))) board_cell;

struct wsgi_board {
    uint32_t slots, threads, cells;
    size_t size;
    board_header *header;
    board_slot *slot;
    board_thread *thread;
    board_cell *cell;
};

#define LOAD(p)          __atomic_load_n((p), __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(p)  __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define STORE(p, v)      __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define STORE_RELEASE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

/* ---- cell words: ticket 32, incarnation 16, slot 14, state 2 -------------- */

static uint64_t cell_word(uint32_t ticket, uint16_t incarnation, uint32_t slot,
                          enum wsgi_cell_state state)
{
    return (uint64_t)ticket << 32 | (uint64_t)incarnation << 16 |
           (uint64_t)(slot & ((1u << SLOT_BITS) - 1)) << 2 | (uint64_t)state;
}

static uint32_t word_ticket(uint64_t w)
{
    return (uint32_t)(w >> 32);
}

static enum wsgi_cell_state word_state(uint64_t w)
{
    return (enum wsgi_cell_state)(w & 3);
}

static uint32_t next_ticket(uint32_t ticket)
{
    return ticket == UINT32_MAX ? 1 : ticket + 1;
}

/* ---- making and mapping ------------------------------------------------ */

/* Bytes of a board with these sizes, or 0 when they are out of bounds. */
static uint64_t board_bytes(uint32_t slots, uint32_t threads, uint32_t cells)
{
    uint64_t n;

    if (slots == 0 || slots > SLOTS_MAX || cells == 0 ||
        cells == WSGI_CELL_INVALID)
        return 0;
    n = sizeof(board_header) + (uint64_t)slots * sizeof(board_slot) +
        (uint64_t)cells * sizeof(board_cell);
    /* slots * threads * 64 is below 2^52: no overflow. */
    n += (uint64_t)slots * threads * sizeof(board_thread);
    return n <= BOARD_BYTES_MAX && n <= SIZE_MAX ? n : 0;
}

/* A file without a name that nobody can truncate. -1 with errno. */
static int anonymous_file(uint64_t size)
{
    int fd;

#ifdef MFD_ALLOW_SEALING
    fd = memfd_create("wsgi-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
#else
    char path[] = "/tmp/wsgi-board.XXXXXX";

    fd = mkstemp(path);
    if (fd >= 0) {
        unlink(path);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
#endif
    if (fd < 0)
        return -1;
    if (ftruncate(fd, (off_t)size) < 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
#ifdef F_ADD_SEALS
    /* A process that cut the file would end every other one by SIGBUS. */
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
#endif
    return fd;
}

static void lay_out(wsgi_board *b, void *base, uint32_t slots, uint32_t threads,
                    uint32_t cells)
{
    unsigned char *p = base;

    b->slots = slots;
    b->threads = threads;
    b->cells = cells;
    b->header = base;
    p += sizeof(board_header);
    b->slot = (void *)p;
    p += sizeof(board_slot) * (size_t)slots;
    b->thread = (void *)p;
    p += sizeof(board_thread) * (size_t)slots * threads;
    b->cell = (void *)p;
}

int wsgi_board_create(uint32_t slots, uint32_t threads, uint32_t cells,
                      wsgi_board **out, int *fd)
{
    uint64_t size = board_bytes(slots, threads, cells);
    board_header *h;
    int file, error;

    *out = NULL;
    *fd = -1;
    if (size == 0)
        return EINVAL;
    file = anonymous_file(size);
    if (file < 0)
        return errno;
    h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (h == MAP_FAILED) {
        error = errno;
        goto failed;
    }
    h->slots = slots;
    h->threads = threads;
    h->cells = cells;
    h->interface = WSGI_INTERFACE_VERSION;
    STORE_RELEASE(&h->magic, BOARD_MAGIC);
    munmap(h, sizeof(*h));
    error = wsgi_board_map(file, out);
    if (error != 0)
        goto failed;
    *fd = file;
    return 0;
failed:
    close(file);
    return error;
}

int wsgi_board_map(int fd, wsgi_board **out)
{
    wsgi_board *b = NULL;
    void *base = MAP_FAILED;
    struct stat st;
    board_header h;
    uint64_t size;
    int error;

    *out = NULL;
    if (fstat(fd, &st) < 0)
        return errno;
    if (st.st_size < (off_t)sizeof(h))
        return EINVAL;
    base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return errno;
    memcpy(&h, base, sizeof(h));        /* one look, then our own copy counts */
    size = board_bytes(h.slots, h.threads, h.cells);
    if (h.magic != BOARD_MAGIC || h.interface != WSGI_INTERFACE_VERSION ||
        size == 0 || size != (uint64_t)st.st_size) {
        error = EINVAL;
        goto failed;
    }
    b = calloc(1, sizeof(*b));
    if (b == NULL) {
        error = ENOMEM;
        goto failed;
    }
    b->size = (size_t)st.st_size;
    lay_out(b, base, h.slots, h.threads, h.cells);
    *out = b;
    return 0;
failed:
    munmap(base, (size_t)st.st_size);
    return error;
}

void wsgi_board_unmap(wsgi_board *b)
{
    if (b == NULL)
        return;
    munmap(b->header, b->size);
    free(b);
}

uint32_t wsgi_board_slots(const wsgi_board *b)
{
    return b->slots;
}

uint32_t wsgi_board_threads(const wsgi_board *b)
{
    return b->threads;
}

uint32_t wsgi_board_cells(const wsgi_board *b)
{
    return b->cells;
}

uint32_t wsgi_board_deaths(const wsgi_board *b)
{
    return LOAD_ACQUIRE(&b->header->deaths);
}

uint32_t wsgi_board_deaths_of(const wsgi_board *b, enum wsgi_death cause)
{
    return (uint32_t)cause < WSGI_DEATH_KINDS ? LOAD(&b->header->deaths_of[cause]) : 0;
}

uint32_t wsgi_board_turns(const wsgi_board *b)
{
    return LOAD_ACQUIRE(&b->header->turns);
}

void wsgi_board_turn(wsgi_board *b)
{
    __atomic_fetch_add(&b->header->turns, 1, __ATOMIC_RELEASE);
}

const char *wsgi_death_text(enum wsgi_death d)
{
    switch (d) {
    case WSGI_DEATH_EXIT:             return "exited";
    case WSGI_DEATH_SIGNAL:           return "killed by a signal";
    case WSGI_DEATH_OOM:              return "killed because memory ran out";
    case WSGI_DEATH_RELOAD:           return "replaced because its script changed";
    case WSGI_DEATH_RECYCLED:         return "replaced";
    case WSGI_DEATH_REQUEST_TIMEOUT:  return "ended by request-timeout";
    case WSGI_DEATH_STARTUP_TIMEOUT:  return "ended by startup-timeout";
    case WSGI_DEATH_SHUTDOWN:         return "stopped";
    case WSGI_DEATH_IMPORT:           return "ended since a script could not be imported";
    case WSGI_DEATH_MAXIMUM_REQUESTS: return "replaced after maximum-requests";
    case WSGI_DEATH_RESTART_INTERVAL: return "replaced after restart-interval";
    case WSGI_DEATH_INACTIVITY:       return "ended by inactivity-timeout";
    case WSGI_DEATH_DEADLOCK:         return "ended by deadlock-timeout";
    case WSGI_DEATH_CPU_TIME:         return "ended by cpu-time-limit";
    case WSGI_DEATH_MEMORY:           return "replaced for memory-soft-limit";
    case WSGI_DEATH_SIGNALLED:        return "replaced after a signal";
    case WSGI_DEATH_LOST:             return "ended while it had no supervisor";
    default:                          return "ended";
    }
}

/* ---- processes ---------------------------------------------------------- */

static uint32_t life_word(uint32_t incarnation, uint32_t state)
{
    return incarnation << 16 | state;
}

static uint32_t life_incarnation(uint32_t life)
{
    return life >> 16;
}

static uint32_t life_state(uint32_t life)
{
    return life & 0xffff;
}

uint16_t wsgi_slot_begin(wsgi_board *b, uint32_t slot)
{
    board_slot *s;
    uint32_t incarnation, i;

    if (slot >= b->slots)
        return 0;
    s = &b->slot[slot];
    incarnation = (life_incarnation(LOAD(&s->life)) + 1) & 0xffff;
    if (incarnation == 0)
        incarnation = 1;
    STORE(&s->pid, 0);
    STORE(&s->started_us, wsgi_now_us());
    STORE(&s->ready_us, 0);
    for (i = 0; i < b->threads; i++) {  /* the last user of these is gone */
        board_thread *t = &b->thread[(size_t)slot * b->threads + i];

        STORE(&t->state, WSGI_THREAD_NONE);
        STORE(&t->since_us, 0);
        STORE(&t->count, 0);
    }
    STORE_RELEASE(&s->life, life_word(incarnation, WSGI_SLOT_STARTING));
    return (uint16_t)incarnation;
}

void wsgi_slot_pid(wsgi_board *b, uint32_t slot, pid_t pid)
{
    if (slot < b->slots)
        STORE_RELEASE(&b->slot[slot].pid, (uint32_t)pid);
}

/* Supervisor and host may both write, and the later state of the life counts
 * whoever comes last. */
void wsgi_slot_state(wsgi_board *b, uint32_t slot, uint16_t incarnation,
                     enum wsgi_slot_state state)
{
    board_slot *s;
    uint32_t life;

    if (slot >= b->slots || state == WSGI_SLOT_FREE)
        return;
    s = &b->slot[slot];
    life = LOAD_ACQUIRE(&s->life);
    do {
        if (life_incarnation(life) != incarnation || life_state(life) == WSGI_SLOT_FREE ||
            life_state(life) >= (uint32_t)state)
            return;
        if (state == WSGI_SLOT_READY)
            STORE(&s->ready_us, wsgi_now_us());
    } while (!__atomic_compare_exchange_n(&s->life, &life,
                 life_word(life_incarnation(life), state), 0,
                 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

void wsgi_slot_end(wsgi_board *b, uint32_t slot, enum wsgi_death d, uint32_t detail)
{
    board_slot *s;
    uint32_t incarnation;

    if (slot >= b->slots)
        return;
    s = &b->slot[slot];
    incarnation = life_incarnation(LOAD(&s->life));
    STORE(&s->death, d);
    STORE(&s->death_detail, detail);
    STORE(&s->dead_pid, LOAD(&s->pid));
    STORE(&s->dead_incarnation, incarnation);
    STORE_RELEASE(&s->life, life_word(incarnation, WSGI_SLOT_GONE));
    if ((uint32_t)d < WSGI_DEATH_KINDS)
        __atomic_fetch_add(&b->header->deaths_of[d], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&b->header->deaths, 1, __ATOMIC_RELEASE);
}

void wsgi_slot_read(const wsgi_board *b, uint32_t slot, wsgi_slot_view *out)
{
    const board_slot *s;
    uint32_t life, i;

    memset(out, 0, sizeof(*out));
    if (slot >= b->slots)
        return;
    s = &b->slot[slot];
    life = LOAD_ACQUIRE(&s->life);
    out->state = life_state(life);
    out->incarnation = life_incarnation(life);
    out->pid = (pid_t)LOAD(&s->pid);
    out->started_us = LOAD(&s->started_us);
    out->ready_us = LOAD(&s->ready_us);
    out->death = LOAD(&s->death);
    out->death_detail = LOAD(&s->death_detail);
    out->dead_incarnation = LOAD(&s->dead_incarnation);
    out->dead_pid = (pid_t)LOAD(&s->dead_pid);
    for (i = 0; i < b->threads; i++)
        out->requests += LOAD(&b->thread[(size_t)slot * b->threads + i].count);
}

int wsgi_slot_lives(const wsgi_board *b, uint32_t slot, uint16_t incarnation)
{
    uint32_t life, state;

    if (slot >= b->slots)
        return 0;
    life = LOAD_ACQUIRE(&b->slot[slot].life);
    state = life_state(life);
    return life_incarnation(life) == incarnation &&
           state >= WSGI_SLOT_STARTING && state <= WSGI_SLOT_DRAINING;
}

/* ---- threads --------------------------------------------------------------- */

static board_thread *thread_at(const wsgi_board *b, uint32_t slot, uint32_t thread)
{
    if (slot >= b->slots || thread >= b->threads)
        return NULL;
    return &b->thread[(size_t)slot * b->threads + thread];
}

static void thread_set(wsgi_board *b, uint32_t slot, uint32_t thread,
                       enum wsgi_thread_state state)
{
    board_thread *t = thread_at(b, slot, thread);

    if (t != NULL)
        STORE_RELEASE(&t->state, (uint32_t)state);
}

void wsgi_thread_idle(wsgi_board *b, uint32_t slot, uint32_t thread)
{
    thread_set(b, slot, thread, WSGI_THREAD_IDLE);
}

void wsgi_thread_none(wsgi_board *b, uint32_t slot, uint32_t thread)
{
    thread_set(b, slot, thread, WSGI_THREAD_NONE);
}

void wsgi_thread_busy(wsgi_board *b, uint32_t slot, uint32_t thread, uint64_t now_us)
{
    board_thread *t = thread_at(b, slot, thread);

    if (t == NULL)
        return;
    STORE(&t->since_us, now_us);
    STORE_RELEASE(&t->state, (uint32_t)WSGI_THREAD_BUSY);
}

void wsgi_thread_done(wsgi_board *b, uint32_t slot, uint32_t thread)
{
    board_thread *t = thread_at(b, slot, thread);

    if (t == NULL)
        return;
    STORE(&t->count, LOAD(&t->count) + 1);      /* one writer: no locked add */
    STORE_RELEASE(&t->state, (uint32_t)WSGI_THREAD_IDLE);
}

enum wsgi_thread_state wsgi_thread_read(const wsgi_board *b, uint32_t slot,
                                        uint32_t thread, uint64_t *since_us,
                                        uint64_t *count)
{
    const board_thread *t = thread_at(b, slot, thread);
    uint32_t state = WSGI_THREAD_NONE;
    uint64_t since = 0, done = 0;

    if (t != NULL) {
        state = LOAD_ACQUIRE(&t->state);
        since = LOAD(&t->since_us);
        done = LOAD(&t->count);
    }
    if (since_us != NULL)
        *since_us = since;
    if (count != NULL)
        *count = done;
    return state > WSGI_THREAD_BUSY ? WSGI_THREAD_NONE : (enum wsgi_thread_state)state;
}

/* ---- cells ---------------------------------------------------------------- */

/* The ticket stays and goes up for the life of the board, so that no copy of
 * an older request ever fits the cell again. */
static void cell_free(board_cell *c)
{
    uint64_t w = LOAD_ACQUIRE(&c->word);

    while (!__atomic_compare_exchange_n(&c->word, &w,
               cell_word(word_ticket(w), 0, 0, WSGI_CELL_FREE), 0,
               __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        ;
}

static int cell_try_claim(board_cell *c, uint32_t from, pid_t pid)
{
    if (!__atomic_compare_exchange_n(&c->owner, &from, (uint32_t)pid, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return 0;
    cell_free(c);
    return 1;
}

uint32_t wsgi_cell_claim(wsgi_board *b, pid_t pid)
{
    uint32_t i;

    for (i = 0; i < b->cells; i++)
        if (LOAD(&b->cell[i].owner) == 0 && cell_try_claim(&b->cell[i], 0, pid))
            return i;
    for (i = 0; i < b->cells; i++) {
        uint32_t owner = LOAD(&b->cell[i].owner);

        if (owner == (uint32_t)pid || owner > INT32_MAX)
            continue;
        if (owner != 0 && (kill((pid_t)owner, 0) == 0 || errno != ESRCH))
            continue;
        if (cell_try_claim(&b->cell[i], owner, pid))
            return i;
    }
    return WSGI_CELL_INVALID;
}

void wsgi_cell_release(wsgi_board *b, uint32_t cell)
{
    if (cell >= b->cells)
        return;
    cell_free(&b->cell[cell]);
    STORE_RELEASE(&b->cell[cell].owner, 0);
}

uint32_t wsgi_cell_queue(wsgi_board *b, uint32_t cell)
{
    uint32_t ticket;

    if (cell >= b->cells)
        return 0;
    /* Ours and not QUEUED: nobody else writes it now. */
    ticket = next_ticket(word_ticket(LOAD(&b->cell[cell].word)));
    STORE_RELEASE(&b->cell[cell].word, cell_word(ticket, 0, 0, WSGI_CELL_QUEUED));
    return ticket;
}

static int cell_swap(wsgi_board *b, uint32_t cell, uint64_t from, uint64_t to)
{
    return cell < b->cells &&
           __atomic_compare_exchange_n(&b->cell[cell].word, &from, to, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

uint32_t wsgi_cell_requeue(wsgi_board *b, uint32_t cell, uint32_t ticket)
{
    uint32_t next = next_ticket(ticket);

    return cell_swap(b, cell, cell_word(ticket, 0, 0, WSGI_CELL_QUEUED),
                     cell_word(next, 0, 0, WSGI_CELL_QUEUED)) ? next : 0;
}

int wsgi_cell_take(wsgi_board *b, uint32_t cell, uint32_t ticket,
                   uint32_t slot, uint16_t incarnation)
{
    return cell_swap(b, cell, cell_word(ticket, 0, 0, WSGI_CELL_QUEUED),
                     cell_word(ticket, incarnation, slot, WSGI_CELL_TAKEN));
}

int wsgi_cell_abandon(wsgi_board *b, uint32_t cell, uint32_t ticket)
{
    uint64_t abandoned = cell_word(ticket, 0, 0, WSGI_CELL_ABANDONED);

    if (cell_swap(b, cell, cell_word(ticket, 0, 0, WSGI_CELL_QUEUED), abandoned))
        return 1;
    return cell < b->cells && LOAD_ACQUIRE(&b->cell[cell].word) == abandoned;
}

enum wsgi_cell_state wsgi_cell_read(const wsgi_board *b, uint32_t cell,
                                    uint32_t *slot, uint16_t *incarnation)
{
    uint64_t w = cell < b->cells ? LOAD_ACQUIRE(&b->cell[cell].word) : 0;

    if (slot != NULL)
        *slot = (uint32_t)(w >> 2) & ((1u << SLOT_BITS) - 1);
    if (incarnation != NULL)
        *incarnation = (uint16_t)(w >> 16);
    return word_state(w);
}

void wsgi_cell_done(wsgi_board *b, uint32_t cell)
{
    if (cell < b->cells)
        cell_free(&b->cell[cell]);
}

static uint64_t clock_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t wsgi_now_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

uint64_t wsgi_steady_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}
