/* The supervisor between an httpd and hosts that say what they like, while
 * processes end and time passes: its own reading of messages and its machine,
 * without processes. The functions of wsgi_supervisor_main.c are static, so the
 * file is included here; what it does to the outside is replaced.
 *
 * Input: steps of one byte each, with what they need behind it. */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>

static int fuzz_clock_gettime(clockid_t id, struct timespec *ts);

/* Its log goes nowhere, and our standard output stays what it is. */
static ssize_t fuzz_write(int fd, const void *p, size_t n)
{
    (void)fd;
    (void)p;
    return (ssize_t)n;
}

static int fuzz_dup2(int from, int to)
{
    (void)from;
    return to;
}

#define main           supervisor_main
#define clock_gettime  fuzz_clock_gettime
#define write          fuzz_write
#define dup2           fuzz_dup2
#include "wsgi_supervisor_main.c"
#undef main
#undef clock_gettime
#undef write
#undef dup2

#define PROCESSES_MAX 256       /* ever started in one run */
#define STEPS_MAX     200
#define GROUPS        3

/* A process that is only a number and the host's end of its control pair. */
typedef struct { int alive, control, signals; const wsgi_sv_group *group; uint32_t slot; } fake;

static fake fakes[PROCESSES_MAX];
static int nfakes, spawn_fails;
static int64_t clock_ms;

static int fuzz_clock_gettime(clockid_t id, struct timespec *ts)
{
    (void)id;
    ts->tv_sec = (time_t)(clock_ms / 1000);
    ts->tv_nsec = (long)(clock_ms % 1000) * 1000000;
    return 0;
}

#define PID_OF(i) ((pid_t)(1000 + (i)))

static pid_t fake_spawn(void *ctx, const wsgi_sv_group *g, uint32_t slot, uint16_t incarnation, int *control)
{
    int pair[2], i;

    (void)ctx;
    MUST(incarnation != 0 && slot < wsgi_board_slots(g->board));
    *control = -1;
    if (spawn_fails || nfakes == PROCESSES_MAX) {
        errno = EAGAIN;
        return -1;
    }
    for (i = 0; i < nfakes; i++)            /* a slot is given to one process at a time */
        MUST(!fakes[i].alive || fakes[i].group != g || fakes[i].slot != slot);
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    *control = pair[0];
    fakes[nfakes] = (fake){ .alive = 1, .control = pair[1], .group = g, .slot = slot };
    return PID_OF(nfakes++);
}

static void fake_signal(void *ctx, pid_t pid, int sig)
{
    int i = (int)(pid - PID_OF(0));

    (void)ctx;
    MUST(i >= 0 && i < nfakes && fakes[i].alive);       /* a pid that is gone may be anybody's */
    MUST(sig == SIGTERM || sig == SIGUSR1 || sig == SIGKILL);
    fakes[i].signals++;
}

static void fake_log(void *ctx, const wsgi_sv_group *g, int level, const char *text)
{
    (void)ctx;
    (void)g;
    MUST(level >= 3 && text[0] != '\0');
}

static int fake_exists(void *ctx, pid_t pid)
{
    (void)ctx; (void)pid;
    return 0;
}

static const wsgi_sv_effects fake_effects = { fake_spawn, fake_signal, fake_exists, fake_log };

/* ---- what others say ------------------------------------------------------------ */

/* A packet as wsgi_control_send would make it, with a version byte of the input's. */
static void send_any(int fd, fuzz_input *in)
{
    uint8_t version = fuzz_byte(in), counts = fuzz_byte(in);
    int fds[3] = { fd, fd, fd }, nfds = counts & 3;
    unsigned char header[4] = { version == 0 ? WSGI_INTERFACE_VERSION : version, fuzz_byte(in),
                                fuzz_byte(in), fuzz_byte(in) };
    size_t n = (size_t)(counts >> 2) * 4;
    const uint8_t *payload = fuzz_bytes(in, &n);
    struct iovec iov[2] = { { header, counts == 0xff ? 1 : sizeof(header) }, { (void *)payload, n } };

    wsgi_msg_send(fd, iov, 2, MSG_DONTWAIT, fds, nfds);
}

/* A group that can be right: its name, its key, its size and its times vary, its
 * board can be of another size, a byte of the message can be another. */
static void send_group(int fd, fuzz_input *in)
{
    static const char *const names[GROUPS] = { "one", "two", "three" };
    uint8_t which = fuzz_byte(in), sizes = fuzz_byte(in), times = fuzz_byte(in), flip = fuzz_byte(in);
    wsgi_group_config c;
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_board *board = NULL;
    int fds[3];

    memset(&c, 0, sizeof(c));
    wsgi_options_init(&c.options);
    c.key = which >> 4;
    c.host = (char *)"/";
    c.runtime = c.server_name = (char *)"";
    c.options.name = (char *)names[which % GROUPS];
    c.options.processes = 1 + (sizes & 3);
    c.options.threads = 1 + (sizes >> 2 & 1);
    c.options.graceful_timeout = times & 3;
    c.options.shutdown_timeout = times >> 2 & 3;
    c.options.startup_timeout = times >> 4;
    wsgi_group_config_encode(&c, &b);
    if (flip != 0 && flip < b.len)
        b.data[flip] ^= fuzz_byte(in);
    MUST(wsgi_board_create(wsgi_group_slots(&c.options) + (sizes >> 7), (uint32_t)c.options.threads, 2,
                           &board, &fds[1]) == 0);
    wsgi_board_unmap(board);
    fds[0] = fds[2] = fd;                   /* copies arrive; what they are nobody asks here */
    MUST(wsgi_control_send(fd, WSGI_CTL_GROUP, 0, b.data, b.len, fds, 3) == 0);
    close(fds[1]);
    wsgi_buf_free(&b);
}

/* The living process that byte N means, -1 if none lives. */
static int pick(uint8_t n)
{
    int i, living = 0;

    for (i = 0; i < nfakes; i++)
        living += fakes[i].alive;
    if (living == 0)
        return -1;
    n = (uint8_t)(n % living);
    for (i = 0; !fakes[i].alive || n-- > 0; )
        i++;
    return i;
}

static void host_speaks(supervisor *s, fuzz_input *in)
{
    uint8_t how = fuzz_byte(in);
    int i = pick(how >> 2);
    wsgi_sv_group *g;
    uint32_t slot;

    if (i < 0 || fakes[i].control < 0)
        return;
    if ((how & 3) == 0)
        send_any(fakes[i].control, in);
    else if ((how & 3) == 1)
        wsgi_control_send(fakes[i].control, WSGI_CTL_READY, 0, NULL, 0, NULL, 0);
    else if ((how & 3) == 2)
        wsgi_control_send(fakes[i].control, WSGI_CTL_RECYCLE, fuzz_byte(in), NULL, 0, NULL, 0);
    else {
        close(fakes[i].control);
        fakes[i].control = -1;
    }
    MUST(wsgi_sv_find(&s->machine, PID_OF(i), &g, &slot) != NULL && g == fakes[i].group && slot == fakes[i].slot);
    if (!g->processes[slot].deaf && g->processes[slot].control >= 0)
        on_host(s, g, slot);
}

static void host_ends(supervisor *s, int i, int status)
{
    MUST(wsgi_sv_exited(&s->machine, PID_OF(i), status, status == SIGKILL, clock_ms) == 1);
    MUST(wsgi_sv_exited(&s->machine, PID_OF(i), status, 0, clock_ms) == 0);
    fakes[i].alive = 0;
    if (fakes[i].control >= 0)
        close(fakes[i].control);
    fakes[i].control = -1;
}

/* A host may write what it likes into the board of its group. */
static void host_scribbles(supervisor *s, fuzz_input *in)
{
    uint8_t at = fuzz_byte(in), value = fuzz_byte(in);
    wsgi_sv_group *g = s->machine.groups;

    if (g != NULL)
        MUST(pwrite(g->board_fd, &value, 1, (off_t)at * 2) == 1);
}

/* ---- what must hold ----------------------------------------------------------------- */

static void check_group(const wsgi_sv_group *g)
{
    uint32_t i, processes = 0;

    MUST(g->config.options.name != NULL && g->nplaces == (uint32_t)wsgi_options_processes(&g->config.options));
    for (i = 0; i < g->nplaces; i++) {
        const wsgi_sv_place *p = &g->places[i];

        MUST(p->current < (int)g->nslots && p->next < (int)g->nslots);
        MUST(p->current < 0 || (g->processes[p->current].pid != 0 && g->processes[p->current].place == i));
        MUST(p->next < 0 || (g->processes[p->next].pid != 0 && g->processes[p->next].place == i));
        MUST(p->next < 0 || p->next != p->current);
    }
    for (i = 0; i < g->nslots; i++) {
        const wsgi_sv_process *p = &g->processes[i];

        processes += p->pid != 0;
        MUST((p->pid != 0) == (p->state != WSGI_SV_NONE));
        MUST(p->pid == 0 || fakes[p->pid - PID_OF(0)].alive);
    }
    MUST(processes <= g->nslots);
}

static void check_all(supervisor *s)
{
    const wsgi_sv_group *g;
    int64_t next = wsgi_sv_next(&s->machine, clock_ms);

    MUST(next >= -1);
    for (g = s->machine.groups; g != NULL; g = g->link)
        check_group(g);
}

/* What the supervisor has to say to httpd is read, so that its queue is not full. */
static void read_answers(int fd)
{
    unsigned char text[4096];
    uint8_t type;
    uint16_t code;
    int fds[3];

    while (wsgi_control_recv(fd, &type, &code, text, sizeof(text), fds) >= 0 && type != 0)
        MUST(type == WSGI_CTL_ACK && fds[0] < 0);
}

static void step(supervisor *s, int parent, fuzz_input *in)
{
    uint8_t what = fuzz_byte(in);
    int i;

    if (s->control < 0 && ((what & 7) < 3 || what == 0xff))
        return;                             /* nobody would hear it */
    switch (what & 7) {
    case 0:
        send_any(parent, in);
        break;
    case 1:
        send_group(parent, in);
        break;
    case 2:
        wsgi_control_send(parent, WSGI_CTL_COMMIT, 0, NULL, 0, NULL, 0);
        break;
    case 3:
        host_speaks(s, in);
        break;
    case 4:
        i = pick(what >> 3);
        if (i >= 0)
            host_ends(s, i, fuzz_byte(in) << 8);
        break;
    case 5:
        i = pick(what >> 3);
        if (i >= 0)
            host_ends(s, i, (fuzz_byte(in) & 31) + 1);
        break;
    case 6:
        clock_ms += (int64_t)fuzz_byte(in) << (what >> 3 & 7);
        break;
    default:
        if (what == 0xff)
            wsgi_control_send(parent, WSGI_CTL_STOP, 0, NULL, 0, NULL, 0);
        else if (what & 8)
            spawn_fails = !spawn_fails;
        else
            host_scribbles(s, in);
    }
    if (s->control >= 0)
        on_parent(s);
    read_answers(parent);
    wsgi_sv_tick(&s->machine, clock_ms);
    check_all(s);
}

/* Stopped, it ends: those that do not go are killed in bounded time. */
static void stop(supervisor *s)
{
    int i, rounds = 2 * nfakes + 4;         /* each has at most two deadlines left */

    wsgi_sv_stop(&s->machine, clock_ms);
    while (!wsgi_sv_done(&s->machine)) {
        int64_t wait = wsgi_sv_next(&s->machine, clock_ms);

        MUST(rounds-- > 0);
        clock_ms += wait > 0 ? wait : 0;
        wsgi_sv_tick(&s->machine, clock_ms);
        check_all(s);
        if (wait < 0)                       /* nothing is left to be done but to wait for them */
            for (i = 0; i < nfakes; i++)
                if (fakes[i].alive) {
                    MUST(fakes[i].signals > 0);
                    host_ends(s, i, SIGKILL);
                }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = { data, size };
    int before = fuzz_lowest_fd(), pair[2], steps, i;
    supervisor s;

    memset(&s, 0, sizeof(s));
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    s.level = -1;
    s.control = pair[0];
    s.buffer = malloc(WSGI_CONTROL_MAX);
    MUST(s.buffer != NULL);
    wsgi_sv_init(&s.machine, &fake_effects, &s);
    nfakes = spawn_fails = 0;
    clock_ms = 1000000;
    for (steps = 0; steps < STEPS_MAX && in.left > 0; steps++)
        step(&s, pair[1], &in);
    fuzz_accepted += nfakes > 0;
    stop(&s);
    wsgi_sv_free(&s.machine);
    for (i = 0; i < nfakes; i++)
        MUST(!fakes[i].alive && fakes[i].control < 0);
    free(s.buffer);
    if (s.control >= 0)
        close(s.control);
    close(pair[1]);
    MUST(fuzz_lowest_fd() == before);
    return 0;
}
