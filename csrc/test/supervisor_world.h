/* supervisor_world.h - a supervisor in a world without processes: the clock is
 * turned by hand, processes are numbers. Included once by each of its tests. */
#ifndef SUPERVISOR_WORLD_H
#define SUPERVISOR_WORLD_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "../src/wsgi_supervisor.h"

/* Not every test does everything. */
#define UNUSED __attribute__((unused))

/* ---- a world without processes --------------------------------------------- */

typedef struct { pid_t pid; uint32_t slot; int ended; int last_signal; int signals; } fake;

static fake fakes[256];
static int nfakes, spawn_errno;
static char log_text[1 << 16];
static wsgi_supervisor sv;
static int64_t now;

static pid_t fake_spawn(void *ctx, const wsgi_sv_group *g, uint32_t slot, uint16_t incarnation,
                        int *control)
{
    (void)ctx; (void)g;
    CHECK(incarnation != 0);
    *control = -1;
    if (spawn_errno != 0) {
        errno = spawn_errno;
        return -1;
    }
    fakes[nfakes] = (fake){ .pid = 1000 + nfakes, .slot = slot };
    return fakes[nfakes++].pid;
}

static pid_t stranger;              /* a process that is not ours */
static int stranger_signal;

static void fake_signal(void *ctx, pid_t pid, int sig)
{
    (void)ctx;
    if (pid < 1000) {
        stranger_signal = sig;
        return;
    }
    fakes[pid - 1000].last_signal = sig;
    fakes[pid - 1000].signals++;
}

static int fake_exists(void *ctx, pid_t pid)
{
    (void)ctx;
    return pid == stranger ? 2 : 0;
}

static void fake_log(void *ctx, const wsgi_sv_group *g, int level, const char *text)
{
    size_t n = strlen(log_text);

    (void)ctx; (void)g;
    snprintf(log_text + n, sizeof(log_text) - n, "%d %s\n", level, text);
}

static const wsgi_sv_effects effects = { fake_spawn, fake_signal, fake_exists, fake_log };

/* ---- driving it -------------------------------------------------------------- */

UNUSED static int exited_with(int code) { return code << 8; }
UNUSED static int killed_by(int sig) { return sig; }

UNUSED static void begin(void)
{
    wsgi_sv_init(&sv, &effects, NULL);
    nfakes = spawn_errno = 0;
    log_text[0] = '\0';
    now = 1000000;
}

/* What an earlier supervisor left in the board of the next group. */
static void (*left_behind)(wsgi_board *b);

/* Tell it a group: "name=value" pairs of options, ended by NULL. */
UNUSED static void stage(uint64_t key, const char *name, const char *const *options)
{
    wsgi_group_config c;
    wsgi_board *b;
    char err[512] = "";
    int fds[3];

    memset(&c, 0, sizeof(c));
    wsgi_options_init(&c.options);
    c.key = key;
    c.options.name = strdup(name);
    c.host = strdup("/host");
    c.runtime = strdup("/runtime");
    c.server_name = strdup("");
    for (; options != NULL && *options != NULL; options += 2)
        CHECK_INT(wsgi_options_set(&c.options, options[0], options[1], err, sizeof(err)), 0);
    CHECK_INT(wsgi_board_create(wsgi_group_slots(&c.options),
                                (uint32_t)wsgi_options_threads(&c.options), 4, &b, &fds[1]), 0);
    if (left_behind != NULL)
        left_behind(b);
    left_behind = NULL;
    wsgi_board_unmap(b);
    fds[0] = open("/dev/null", O_RDWR);
    fds[2] = open("/dev/null", O_RDWR);
    CHECK_INT(wsgi_sv_stage(&sv, &c, fds, err, sizeof(err)), 0);
    CHECK(c.host == NULL);
}

UNUSED static void tick(void)
{
    wsgi_sv_tick(&sv, now);
}

UNUSED static void commit(void)
{
    wsgi_sv_commit(&sv, now);
    tick();
}

/* Let MS pass the way the loop would: tick at every moment it asks for. */
UNUSED static void pass(int64_t ms)
{
    int64_t end = now + ms;

    for (;;) {
        int64_t wait = wsgi_sv_next(&sv, now);

        if (wait < 0 || now + wait > end)
            break;
        now += wait > 0 ? wait : 1;
        tick();
    }
    now = end;
    tick();
}

UNUSED static wsgi_sv_group *group_of(int i, uint32_t *slot)
{
    wsgi_sv_group *g = NULL;

    CHECK(wsgi_sv_find(&sv, fakes[i].pid, &g, slot) != NULL);
    return g;
}

UNUSED static void ready(int i)
{
    uint32_t slot;
    wsgi_sv_group *g = group_of(i, &slot);

    wsgi_sv_ready(&sv, g, slot, now);
    tick();
}

UNUSED static void recycle(int i, enum wsgi_death reason)
{
    uint32_t slot;
    wsgi_sv_group *g = group_of(i, &slot);

    wsgi_sv_recycle(&sv, g, slot, reason, now);
    tick();
}

UNUSED static void ends(int i, int status, int oom)
{
    CHECK_INT(wsgi_sv_exited(&sv, fakes[i].pid, status, oom, now), 1);
    fakes[i].ended = 1;
    tick();
}

UNUSED static int alive(void)
{
    int i, n = 0;

    for (i = 0; i < nfakes; i++)
        n += !fakes[i].ended;
    return n;
}

UNUSED static wsgi_slot_view view(wsgi_sv_group *g, uint32_t slot)
{
    wsgi_slot_view v;

    wsgi_slot_read(g->board, slot, &v);
    return v;
}

UNUSED static void renew(int i, enum wsgi_death reason)
{
    uint32_t slot;
    wsgi_sv_group *g = group_of(i, &slot);

    wsgi_sv_renew(&sv, g, slot, reason, now);
    tick();
}

UNUSED static void over(void)
{
    wsgi_sv_free(&sv);
}

#endif
