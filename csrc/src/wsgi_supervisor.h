/* wsgi_supervisor.h - the life of the daemon processes, as a machine.
 *
 * The machine decides, a table of functions acts: time comes in as an argument
 * (milliseconds of any monotonic clock), processes are started and signalled
 * through the table, so that its tests run it without either. It writes the
 * slots of the boards itself: those are only memory.
 *
 * A group has as many places as it has processes. A place has a current
 * process and, while that is being replaced, the next one:
 *
 *   STARTING --ready--> READY --replaced--> DRAINING --> STOPPING --> KILLED
 *                         |                  SIGUSR1      SIGTERM     SIGKILL
 *                         +--retired--> LINGERING ----------^
 *
 * Replace always means: start the next one, wait until it is ready, then drain
 * the old one. If the next one fails the old one stays, and there is another try
 * after a while. Only a process that takes no more requests of its own accord
 * (RECYCLE) is drained while the next one starts.
 *
 * A process that is started while others serve has to load the scripts that they
 * have in service before it is ready: else it would be the one that cannot answer.
 *
 * A changed script, and SIGUSR1 to the supervisor, renew all processes of the
 * group, one after the other: the first that fails holds up the others.
 *
 * A place whose process cannot start, or lives less than a second, is filled
 * again after 0.1, 1, 2, 4 ... 32 seconds, any other at once. Who was ended by
 * somebody's kill has not failed: its place is filled at once as well, or after
 * 0.1 seconds if that one too was killed before it was a second old, and from the
 * sixth time in a row on after one second.
 *
 * After the death of an earlier supervisor the board shows processes that are
 * not ours: ORPHANS, which drain and end by themselves. Their slots are left
 * alone until they are gone, so that who waits for an answer of theirs gets it.
 *
 * Single thread. Plain tier.
 */
#ifndef WSGI_SUPERVISOR_H
#define WSGI_SUPERVISOR_H

#include "wsgi_board.h"
#include "wsgi_control.h"

enum wsgi_sv_state { WSGI_SV_NONE = 0, WSGI_SV_STARTING, WSGI_SV_READY, WSGI_SV_LINGERING,
                     WSGI_SV_DRAINING, WSGI_SV_STOPPING, WSGI_SV_KILLED, WSGI_SV_ORPHAN };

/* The process in a slot; pid 0 is none. */
typedef struct {
    enum wsgi_sv_state state;
    pid_t pid;
    int control;                  /* our end of its control pair, -1 none; ours to close */
    int deaf;                     /* it talked nonsense: kept open, not listened to */
    uint32_t place, generation;
    uint16_t incarnation;
    int gate;                     /* others served when it was started */
    enum wsgi_death wants;        /* to be replaced, said before it was ready */
    int64_t started, deadline;    /* deadline -1: none */
    enum wsgi_death planned;      /* why we end it, NONE while we do not */
} wsgi_sv_process;

typedef struct {
    int current, next;            /* slots, -1 none */
    unsigned failures;            /* in a row */
    unsigned kills;               /* of young ones by others, in a row */
    int64_t retry_at;
    enum wsgi_death renew;        /* why the current one is to be replaced, or NONE */
} wsgi_sv_place;

#define WSGI_SV_SCRIPTS_MAX 64

/* A script that processes of the group have loaded, or are to. */
typedef struct { char *script, *application_group; } wsgi_sv_script;

enum wsgi_sv_group_state { WSGI_SV_STAGED = 0, WSGI_SV_ACTIVE, WSGI_SV_RETIRED };

typedef struct wsgi_sv_group {
    struct wsgi_sv_group *link;
    enum wsgi_sv_group_state state;
    wsgi_group_config config;
    wsgi_board *board;
    int rendezvous, board_fd, log_fd;     /* ours to close; -1 none */
    wsgi_group_config staged;             /* of the generation being told to us ... */
    int staged_log, has_staged;           /* ... when rendezvous and board stay */
    uint32_t generation;
    uint32_t nslots, nplaces;
    uint32_t latest;                      /* the slot that was given away last */
    int rolling;                          /* a rolling reload was asked for */
    wsgi_sv_process *processes;           /* one per slot of the board */
    wsgi_sv_place *places;
    wsgi_sv_script *scripts;              /* WSGI_SV_SCRIPTS_MAX */
    uint32_t nscripts;
} wsgi_sv_group;

typedef struct {
    /* Start a process for SLOT. Its pid, and our end of its control pair in
     * *CONTROL; or -1 with errno. */
    pid_t (*spawn)(void *ctx, const wsgi_sv_group *g, uint32_t slot, uint16_t incarnation,
                   int *control);
    void (*signal)(void *ctx, pid_t pid, int sig);
    /* Is there a process PID, whoever's? 2: and it is a daemon process. (What a
     * board says may have been written by an application.) */
    int (*exists)(void *ctx, pid_t pid);
    /* One line about group G (NULL: about none); LEVEL as APLOG_*. */
    void (*log)(void *ctx, const wsgi_sv_group *g, int level, const char *text);
} wsgi_sv_effects;

typedef struct {
    const wsgi_sv_effects *effects;
    void *ctx;
    wsgi_sv_group *groups;
    int stopping;
} wsgi_supervisor;

void wsgi_sv_init(wsgi_supervisor *sv, const wsgi_sv_effects *effects, void *ctx);
/* Forget everything; processes that still run are left alone. */
void wsgi_sv_free(wsgi_supervisor *sv);

/* A group of the next generation. Takes CONFIG (left empty) and the three
 * descriptors {rendezvous, board, log} whatever it returns: 0, or -1 with a
 * sentence in ERR. Nothing happens to any process before the commit. */
int wsgi_sv_stage(wsgi_supervisor *sv, wsgi_group_config *config, const int fds[3],
                  char *err, size_t errlen);
/* The generation is complete: staged groups get new processes, groups that
 * were not staged are retired. */
void wsgi_sv_commit(wsgi_supervisor *sv, int64_t now);

void wsgi_sv_ready(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t slot, int64_t now);
void wsgi_sv_recycle(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t slot,
                     enum wsgi_death reason, int64_t now);
/* Replace it, it goes on meanwhile. */
void wsgi_sv_renew(wsgi_supervisor *sv, wsgi_sv_group *g, uint32_t slot,
                   enum wsgi_death reason, int64_t now);
/* Replace all processes of all groups, one after the other. */
void wsgi_sv_roll(wsgi_supervisor *sv, int64_t now);
/* A process of G has loaded, or wants a successor to load, a script. */
void wsgi_sv_script_seen(wsgi_sv_group *g, wsgi_str script, wsgi_str application_group);
/* What the process in SLOT of G is to load: what is configured and what its
 * group has in service. In LIST, borrowed, room for MOST; their number. */
uint32_t wsgi_sv_preloads(const wsgi_sv_group *g, uint32_t slot, wsgi_preload *list,
                          uint32_t most);
/* The process PID of ours and its group and slot; NULL if it is none. */
wsgi_sv_process *wsgi_sv_find(wsgi_supervisor *sv, pid_t pid, wsgi_sv_group **group,
                              uint32_t *slot);
/* A child was waited for, STATUS as waitpid gave it; OOM: the kernel ran out
 * of memory meanwhile. 1 if the process was one of ours, else 0. */
int wsgi_sv_exited(wsgi_supervisor *sv, pid_t pid, int status, int oom, int64_t now);
void wsgi_sv_stop(wsgi_supervisor *sv, int64_t now);

/* Do what is due, then let go of groups that are over. To be called after
 * every round of the above; only this call frees groups. */
void wsgi_sv_tick(wsgi_supervisor *sv, int64_t now);
/* When the next tick is due: milliseconds from NOW, or -1 for never. */
int64_t wsgi_sv_next(const wsgi_supervisor *sv, int64_t now);
/* Was stopped, and no process is left? */
int wsgi_sv_done(const wsgi_supervisor *sv);

#endif
