/* wsgi_board_slot.c - the processes on a scoreboard: which incarnation has a
 * slot, how far it is, what it serves, and how the one before ended. See
 * wsgi_board.h.
 */
#include "wsgi_board_inner.h"

#include <stdint.h>
#include <string.h>

#define LOAD(p)          WSGI_LOAD(p)
#define LOAD_ACQUIRE(p)  WSGI_LOAD_ACQUIRE(p)
#define STORE(p, v)      WSGI_STORE(p, v)
#define STORE_RELEASE(p, v) WSGI_STORE_RELEASE(p, v)

const char *wsgi_death_text(enum wsgi_death d)
{
    switch (d) {
    case WSGI_DEATH_EXIT:             return "exited";
    case WSGI_DEATH_SIGNAL:           return "killed by a signal";
    case WSGI_DEATH_OOM:              return "killed: out of memory";
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

const char *wsgi_death_word(enum wsgi_death d)
{
    switch (d) {
    case WSGI_DEATH_EXIT:             return "exit";
    case WSGI_DEATH_SIGNAL:           return "signal";
    case WSGI_DEATH_OOM:              return "oom";
    case WSGI_DEATH_RELOAD:           return "reload";
    case WSGI_DEATH_RECYCLED:         return "recycled";
    case WSGI_DEATH_REQUEST_TIMEOUT:  return "request_timeout";
    case WSGI_DEATH_STARTUP_TIMEOUT:  return "startup_timeout";
    case WSGI_DEATH_SHUTDOWN:         return "shutdown";
    case WSGI_DEATH_IMPORT:           return "import";
    case WSGI_DEATH_MAXIMUM_REQUESTS: return "maximum_requests";
    case WSGI_DEATH_RESTART_INTERVAL: return "restart_interval";
    case WSGI_DEATH_INACTIVITY:       return "inactivity";
    case WSGI_DEATH_DEADLOCK:         return "deadlock";
    case WSGI_DEATH_CPU_TIME:         return "cpu_time";
    case WSGI_DEATH_MEMORY:           return "memory";
    case WSGI_DEATH_SIGNALLED:        return "signalled";
    case WSGI_DEATH_LOST:             return "lost";
    default:                          return "other";
    }
}

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

/* Finished by all that ever had the slot. */
static uint64_t requests_of(const wsgi_board *b, uint32_t slot)
{
    uint64_t n = 0;
    uint32_t i;

    for (i = 0; i < b->threads; i++)
        n += LOAD(&b->thread[(size_t)slot * b->threads + i].count);
    return n;
}

uint16_t wsgi_slot_begin(wsgi_board *b, uint32_t slot)
{
    wsgi_board_slot *s;
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
    for (i = 0; i < WSGI_SLOT_SCRIPTS; i++)
        STORE(&s->scripts[i], 0);
    STORE(&s->rss, 0);
    STORE(&s->pss, 0);
    STORE(&s->requests_before, requests_of(b, slot));
    for (i = 0; i < b->threads; i++) {  /* the last user of these is gone */
        wsgi_board_thread *t = &b->thread[(size_t)slot * b->threads + i];

        STORE(&t->state, WSGI_THREAD_NONE);
        STORE(&t->since_us, 0);
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
    wsgi_board_slot *s;
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
    wsgi_board_slot *s;
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
    const wsgi_board_slot *s;
    uint32_t life;

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
    out->requests = requests_of(b, slot) - LOAD(&s->requests_before);
    out->rss = LOAD(&s->rss);
    out->pss = LOAD(&s->pss);
}

static uint64_t number_of(uint64_t so_far, const char *text)
{
    do {                                /* FNV-1a, its end included */
        so_far = (so_far ^ (unsigned char)*text) * 0x100000001b3u;
    } while (*text++ != '\0');
    return so_far;
}

uint64_t wsgi_script_number(const char *path, const char *application_group)
{
    uint64_t n = number_of(number_of(0xcbf29ce484222325u, path), application_group);

    return n != 0 ? n : 1;
}

/* Threads of the process may note different scripts at a time. */
void wsgi_slot_serves(wsgi_board *b, uint32_t slot, uint64_t script)
{
    uint32_t i;

    for (i = 0; slot < b->slots && i < WSGI_SLOT_SCRIPTS; i++) {
        uint64_t none = 0;

        if (__atomic_compare_exchange_n(&b->slot[slot].scripts[i], &none, script, 0,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED) || none == script)
            return;
    }
}

int wsgi_board_served(const wsgi_board *b, uint64_t script, uint32_t but)
{
    uint32_t i, k;

    for (i = 0; i < b->slots; i++) {
        const wsgi_board_slot *s = &b->slot[i];

        if (i == but || life_state(LOAD_ACQUIRE(&s->life)) != WSGI_SLOT_READY)
            continue;
        for (k = 0; k < WSGI_SLOT_SCRIPTS && LOAD(&s->scripts[k]) != 0; k++)
            if (LOAD(&s->scripts[k]) == script)
                return 1;
    }
    return 0;
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
