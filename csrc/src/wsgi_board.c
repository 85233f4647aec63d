/* wsgi_board.c - the scoreboard of one daemon group, in shared memory.
 *
 * The file is a header page, then slots, threads, cells and what they count, as
 * wsgi_board_inner.h lays them out. The sizes are
 * kept in each process's own memory after the first look: a process that maps
 * the board can scribble on it, but can neither make another one read outside
 * it nor cut it short (the file is sealed).
 *
 * All words are accessed with the __atomic builtins: acquire and release where
 * one word tells that others are valid, relaxed for counters.
 */
#include "wsgi_board_inner.h"
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

#define LOAD(p)          WSGI_LOAD(p)
#define LOAD_ACQUIRE(p)  WSGI_LOAD_ACQUIRE(p)
#define STORE(p, v)      WSGI_STORE(p, v)
#define STORE_RELEASE(p, v) WSGI_STORE_RELEASE(p, v)

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

uint64_t wsgi_board_bytes(uint32_t slots, uint32_t threads, uint32_t cells)
{
    uint64_t n;

    if (slots == 0 || slots > SLOTS_MAX || cells == 0 ||
        cells == WSGI_CELL_INVALID)
        return 0;
    n = sizeof(wsgi_board_header) + (uint64_t)slots * sizeof(wsgi_board_slot) +
        (uint64_t)cells * (sizeof(wsgi_board_cell) + sizeof(wsgi_board_tally)) + sizeof(wsgi_board_shared);
    /* slots * threads * 512 is below 2^55: no overflow. */
    n += (uint64_t)slots * threads * sizeof(wsgi_board_thread);
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
    p += sizeof(wsgi_board_header);
    b->slot = (void *)p;
    p += sizeof(wsgi_board_slot) * (size_t)slots;
    b->thread = (void *)p;
    p += sizeof(wsgi_board_thread) * (size_t)slots * threads;
    b->cell = (void *)p;
    p += sizeof(wsgi_board_cell) * (size_t)cells;
    b->tally = (void *)p;
    p += sizeof(wsgi_board_tally) * (size_t)cells;
    b->shared = (void *)p;
}

/* What is added for the bytes of a score. */
static uint64_t score_size(uint32_t n)
{
    return n == 0 ? 0 : sizeof(wsgi_board_score) + ((uint64_t)n + 7) / 8 * 8;
}

/* Of the whole file; 0: out of bounds. */
static uint64_t file_bytes(uint32_t slots, uint32_t threads, uint32_t cells, uint32_t score)
{
    uint64_t n = wsgi_board_bytes(slots, threads, cells);

    return n == 0 || score > WSGI_SCORE_MAX ? 0 : n + score_size(score);
}

int wsgi_board_create(uint32_t slots, uint32_t threads, uint32_t cells, wsgi_board **out, int *fd)
{
    return wsgi_board_create_with(slots, threads, cells, 0, out, fd);
}

int wsgi_board_create_with(uint32_t slots, uint32_t threads, uint32_t cells, uint32_t n,
                           wsgi_board **out, int *fd)
{
    uint64_t size = file_bytes(slots, threads, cells, n);
    wsgi_board_header *h;
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
    h->score_bytes = n;
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
    wsgi_board_header h;
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
    size = file_bytes(h.slots, h.threads, h.cells, h.score_bytes);
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
    if (h.score_bytes > 0) {
        b->score_bytes = h.score_bytes;
        b->score = (void *)(b->shared + 1);
    }
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

/* ---- cells ---------------------------------------------------------------- */

/* The ticket stays and goes up for the life of the board, so that no copy of
 * an older request ever fits the cell again. */
static void cell_free(wsgi_board_cell *c)
{
    uint64_t w = LOAD_ACQUIRE(&c->word);

    while (!__atomic_compare_exchange_n(&c->word, &w,
               cell_word(word_ticket(w), 0, 0, WSGI_CELL_FREE), 0,
               __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        ;
}

static int cell_try_claim(wsgi_board_cell *c, uint32_t from, pid_t pid)
{
    if (!__atomic_compare_exchange_n(&c->owner, &from, (uint32_t)pid, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return 0;
    cell_free(c);
    return 1;
}

/* The cells up to this one have been used. */
static uint32_t note_use(wsgi_board *b, uint32_t cell)
{
    uint32_t used = LOAD(&b->header->cells_used);

    while (used <= cell && !__atomic_compare_exchange_n(&b->header->cells_used, &used, cell + 1, 0,
                                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    return cell;
}

uint32_t wsgi_cell_claim(wsgi_board *b, pid_t pid)
{
    uint32_t i;

    for (i = 0; i < b->cells; i++)
        if (LOAD(&b->cell[i].owner) == 0 && cell_try_claim(&b->cell[i], 0, pid))
            return note_use(b, i);
    for (i = 0; i < b->cells; i++) {
        uint32_t owner = LOAD(&b->cell[i].owner);

        if (owner == (uint32_t)pid || owner > INT32_MAX)
            continue;
        if (owner != 0 && (kill((pid_t)owner, 0) == 0 || errno != ESRCH))
            continue;
        if (cell_try_claim(&b->cell[i], owner, pid))
            return note_use(b, i);
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
