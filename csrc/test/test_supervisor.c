/* The life of processes: starting, replacing, stopping. */
#include "supervisor_world.h"

/* ---- what must hold ---------------------------------------------------------------- */

static void starts_and_becomes_ready(void)
{
    const char *const options[] = { "processes", "3", NULL };
    wsgi_slot_view v;

    begin();
    stage(1, "g", options);
    tick();
    CHECK_INT(nfakes, 0);                   /* nothing before the commit */
    commit();
    CHECK_INT(nfakes, 3);
    v = view(sv.groups, fakes[0].slot);
    CHECK(v.state == WSGI_SLOT_STARTING && v.pid == 1000);
    ready(0); ready(1); ready(2);
    CHECK_INT(view(sv.groups, fakes[2].slot).state, WSGI_SLOT_READY);
    CHECK_INT(wsgi_sv_next(&sv, now), -1);  /* nothing is due */
    pass(1000000);
    CHECK_INT(nfakes, 3);
    CHECK_HAS(log_text, "6 starting daemon process (pid 1000) of group 'g'");
    CHECK_INT(wsgi_sv_exited(&sv, 99, 0, 0, now), 0);
    over();
}

static void a_crash_is_replaced_at_once(void)
{
    wsgi_slot_view v;
    uint32_t slot;

    begin();
    stage(1, "g", NULL);
    commit();
    ready(0);
    slot = fakes[0].slot;
    pass(5000);
    ends(0, killed_by(SIGSEGV), 0);
    CHECK_INT(nfakes, 2);
    v = view(sv.groups, slot);
    CHECK(v.death == WSGI_DEATH_SIGNAL && v.death_detail == SIGSEGV && v.dead_pid == 1000);
    CHECK_HAS(log_text, "3 WSGIM0401: daemon process (pid 1000) of group 'g' was killed by signal 11");
    ready(1);
    pass(5000);
    ends(1, killed_by(SIGKILL), 1);
    CHECK_HAS(log_text, "WSGIM0402");
    ready(2);
    pass(5000);
    ends(2, exited_with(3), 0);
    CHECK_HAS(log_text, "3 WSGIM0403: daemon process (pid 1002) of group 'g' exited with code 3");
    ready(3);
    pass(5000);
    ends(3, exited_with(0), 0);             /* SIGTERM by the admin, say */
    CHECK_HAS(log_text, "6 daemon process (pid 1003) of group 'g' exited with code 0");
    CHECK_INT(nfakes, 5);
    over();
}

/* When the starts came, in milliseconds after the first. */
static void back_off(void)
{
    static const int64_t want[] = { 100, 1000, 2000, 4000, 8000, 16000, 32000, 32000 };
    size_t i;

    begin();
    stage(1, "g", NULL);
    commit();
    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        ends((int)i, exited_with(72), 0);
        CHECK_INT(wsgi_sv_next(&sv, now), want[i]);
        pass(want[i] - 1);
        CHECK_INT(nfakes, i + 1);
        pass(1);
        CHECK_INT(nfakes, i + 2);
    }
    CHECK_HAS(log_text, "WSGIM0404");
    CHECK_HAS(log_text, "(Python did not start)");
    CHECK_HAS(log_text, "4 WSGIM0413: a daemon process of group 'g' failed 8 times in a row; "
                        "trying again in 32.0 s");
    ready((int)i);                          /* lived long enough: forgiven */
    pass(1000);
    ends((int)i, killed_by(SIGSEGV), 0);
    CHECK_INT(nfakes, i + 2);
    ready((int)i + 1);                      /* ready, and dead within the second */
    pass(999);
    ends((int)i + 1, killed_by(SIGSEGV), 0);
    CHECK_INT(nfakes, i + 2);
    CHECK_INT(wsgi_sv_next(&sv, now), 100);
    over();
}

/* Who cannot become who it should be is not tried over and over. */
static void identity_failed(void)
{
    int i;

    begin();
    stage(1, "g", NULL);
    commit();
    for (i = 0; i < 3; i++) {
        ends(i, exited_with(WSGI_HOST_EXIT_IDENTITY), 0);
        CHECK_INT(wsgi_sv_next(&sv, now), 20000);
        pass(19999);
        CHECK_INT(nfakes, i + 1);
        pass(1);
        CHECK_INT(nfakes, i + 2);
    }
    CHECK_HAS(log_text, "in 20.0 s");
    over();
}

static void renewed_when_the_next_is_ready(void)
{
    begin();
    stage(1, "g", NULL);
    commit();
    ready(0);
    pass(5000);
    renew(0, WSGI_DEATH_MAXIMUM_REQUESTS);
    CHECK_INT(nfakes, 2);
    CHECK_INT(fakes[0].signals, 0);         /* it goes on */
    CHECK_INT(wsgi_board_turns(sv.groups->board), 0);
    renew(0, WSGI_DEATH_RESTART_INTERVAL);  /* once is enough */
    CHECK_INT(nfakes, 2);
    ready(1);
    CHECK_INT(fakes[0].last_signal, SIGUSR1);
    CHECK_INT(wsgi_board_turns(sv.groups->board), 1);
    ends(0, exited_with(0), 0);
    CHECK_INT(view(sv.groups, fakes[0].slot).death, WSGI_DEATH_MAXIMUM_REQUESTS);
    pass(100000);
    CHECK_INT(nfakes, 2);
    renew(1, WSGI_DEATH_RESTART_INTERVAL);
    renew(2, WSGI_DEATH_RELOAD);            /* not ready yet, as far as is known here */
    ready(2);
    CHECK_INT(nfakes, 4);
    ready(3);
    CHECK_INT(fakes[2].last_signal, SIGUSR1);
    ends(1, exited_with(0), 0); ends(2, exited_with(0), 0);
    pass(5000);
    renew(3, WSGI_DEATH_RESTART_INTERVAL);
    ends(3, killed_by(SIGSEGV), 0);         /* before its successor was ready: that is enough */
    ready(4);
    pass(100000);
    CHECK_INT(nfakes, 5);
    over();
}

static void an_earlier_life(wsgi_board *b)
{
    uint16_t one = wsgi_slot_begin(b, 0), two = wsgi_slot_begin(b, 1);

    wsgi_slot_pid(b, 0, 77);
    wsgi_slot_state(b, 0, one, WSGI_SLOT_READY);
    wsgi_slot_pid(b, 1, 78);
    wsgi_slot_state(b, 1, two, WSGI_SLOT_READY);
}

/* A request that runs in a process of a supervisor that died must not be told
 * that its process is gone. */
static void orphans_keep_their_slots(void)
{
    wsgi_slot_view v;
    uint16_t one = 1;

    begin();
    stranger = 77;                          /* 78 is gone as well */
    left_behind = an_earlier_life;
    stage(1, "g", NULL);
    commit();
    CHECK_INT(nfakes, 1);
    CHECK(fakes[0].slot != 0);
    CHECK(wsgi_slot_lives(sv.groups->board, 0, one));
    CHECK_INT(view(sv.groups, 0).state, WSGI_SLOT_DRAINING);
    CHECK_INT(wsgi_board_deaths_of(sv.groups->board, WSGI_DEATH_LOST), 1);
    ready(0);
    CHECK_INT(wsgi_sv_exited(&sv, 77, 0, 0, now), 0);       /* not ours to wait for */
    pass(60000);
    CHECK(wsgi_slot_lives(sv.groups->board, 0, one));
    stranger = 0;
    pass(200);
    v = view(sv.groups, 0);
    CHECK(v.state == WSGI_SLOT_GONE && v.death == WSGI_DEATH_LOST && v.dead_pid == 77);
    CHECK_INT(wsgi_sv_next(&sv, now), -1);
    over();

    begin();
    stranger = 77;
    stranger_signal = 0;
    left_behind = an_earlier_life;
    stage(1, "g", NULL);
    commit();
    wsgi_sv_stop(&sv, now);
    tick();
    CHECK_INT(stranger_signal, SIGTERM);
    ends(0, exited_with(0), 0);
    CHECK(!wsgi_sv_done(&sv));
    stranger = 0;
    pass(200);
    CHECK(wsgi_sv_done(&sv));
    over();
}

static void cannot_execute(void)
{
    begin();
    spawn_errno = ENOENT;
    stage(1, "g", NULL);
    commit();
    CHECK_INT(nfakes, 0);
    CHECK_HAS(log_text, "WSGIM0405");
    CHECK_HAS(log_text, "No such file");
    CHECK_INT(view(sv.groups, 0).state, WSGI_SLOT_GONE);
    CHECK_INT(wsgi_sv_next(&sv, now), 100);
    pass(100);
    CHECK_INT(wsgi_sv_next(&sv, now), 1000);
    spawn_errno = 0;
    pass(1000);
    CHECK_INT(nfakes, 1);
    over();
}

static void replaced_with_overlap(void)
{
    const char *const options[] = { "processes", "2", "graceful-timeout", "20",
                                    "shutdown-timeout", "3", NULL };

    begin();
    stage(1, "g", options);
    commit();
    ready(0); ready(1);
    stage(1, "g", options);                 /* a graceful restart of httpd */
    tick();
    CHECK_INT(nfakes, 2);
    commit();
    CHECK_INT(nfakes, 4);
    CHECK(fakes[0].signals == 0 && fakes[1].signals == 0);
    ready(2);
    CHECK_INT(fakes[0].last_signal + fakes[1].last_signal, SIGUSR1);    /* one of them */
    CHECK_INT(view(sv.groups, fakes[0].slot).state, WSGI_SLOT_DRAINING);
    ready(3);
    CHECK(fakes[0].last_signal == SIGUSR1 && fakes[1].last_signal == SIGUSR1);
    ends(0, exited_with(0), 0);
    CHECK_INT(view(sv.groups, fakes[0].slot).death, WSGI_DEATH_RECYCLED);
    pass(19999);
    CHECK_INT(fakes[1].last_signal, SIGUSR1);
    pass(1);
    CHECK_INT(fakes[1].last_signal, SIGTERM);
    pass(3499);
    CHECK_INT(fakes[1].last_signal, SIGTERM);
    pass(1);
    CHECK_INT(fakes[1].last_signal, SIGKILL);
    CHECK_HAS(log_text, "4 WSGIM0410");
    ends(1, killed_by(SIGKILL), 0);
    CHECK_INT(view(sv.groups, fakes[1].slot).death, WSGI_DEATH_RECYCLED);
    CHECK_INT(wsgi_board_deaths(sv.groups->board), 2);
    pass(100000);
    CHECK_INT(nfakes, 4);
    CHECK_INT(alive(), 2);
    over();
}

static void a_failing_new_one_keeps_the_old(void)
{
    begin();
    stage(1, "g", NULL);
    commit();
    ready(0);
    pass(5000);
    stage(1, "g", NULL);
    commit();
    CHECK_INT(nfakes, 2);
    ends(1, exited_with(72), 0);
    CHECK_HAS(log_text, "4 WSGIM0412: the new daemon process (pid 1001) of group 'g' failed "
                        "before it was ready; the old one stays");
    CHECK_INT(fakes[0].signals, 0);
    CHECK_INT(view(sv.groups, fakes[0].slot).state, WSGI_SLOT_READY);
    pass(100);
    CHECK_INT(nfakes, 3);
    ends(2, exited_with(72), 0);
    pass(1000);
    CHECK_INT(nfakes, 4);
    CHECK_INT(fakes[0].signals, 0);
    stage(1, "g", NULL);                    /* the admin mends it and restarts again */
    commit();
    CHECK_INT(fakes[3].last_signal, SIGTERM);   /* of the generation that is no more */
    CHECK_INT(nfakes, 5);
    ready(4);
    CHECK_INT(fakes[0].last_signal, SIGUSR1);
    ends(3, killed_by(SIGTERM), 0);
    ends(0, exited_with(0), 0);
    CHECK_INT(alive(), 1);
    over();
}

static void the_old_one_dies_meanwhile(void)
{
    begin();
    stage(1, "g", NULL);
    commit();
    ready(0);
    pass(5000);
    stage(1, "g", NULL);
    commit();
    ends(0, killed_by(SIGSEGV), 0);
    CHECK_INT(nfakes, 2);                   /* the one that starts takes the place */
    ready(1);
    pass(1000);
    CHECK(nfakes == 2 && fakes[1].signals == 0);
    over();
}

static void recycling(void)
{
    begin();
    stage(1, "g", NULL);
    commit();
    ready(0);
    pass(200);                              /* planned: no matter how short the life */
    recycle(0, WSGI_DEATH_RELOAD);
    CHECK_INT(nfakes, 2);                   /* at once */
    CHECK_INT(fakes[0].last_signal, SIGUSR1);
    recycle(0, WSGI_DEATH_RECYCLED);        /* it may repeat itself: the first reason stays */
    CHECK(nfakes == 2 && fakes[0].signals == 1);
    ready(1);
    ends(0, exited_with(0), 0);
    CHECK_INT(view(sv.groups, fakes[0].slot).death, WSGI_DEATH_RELOAD);
    recycle(1, WSGI_DEATH_REQUEST_TIMEOUT);
    CHECK_INT(nfakes, 3);
    pass(15000);
    CHECK_INT(fakes[1].last_signal, SIGTERM);
    ends(1, exited_with(74), 0);
    CHECK_INT(view(sv.groups, fakes[1].slot).death, WSGI_DEATH_REQUEST_TIMEOUT);
    ready(2);
    recycle(2, WSGI_DEATH_RECYCLED);
    CHECK_INT(nfakes, 4);
    ends(2, killed_by(SIGSEGV), 0);         /* crashed while draining: that is the truth */
    CHECK_INT(view(sv.groups, fakes[2].slot).death, WSGI_DEATH_SIGNAL);
    recycle(3, WSGI_DEATH_STARTUP_TIMEOUT); /* before it was ready: a failure */
    CHECK_INT(nfakes, 4);
    CHECK_INT(wsgi_sv_next(&sv, now), 100);
    over();
}

static void never_ready(void)
{
    const char *const longer[] = { "startup-timeout", "90", NULL };

    begin();
    stage(1, "g", NULL);
    stage(2, "h", longer);
    commit();
    pass(59999);
    CHECK(fakes[0].signals == 0 && fakes[1].signals == 0);
    pass(1);
    CHECK(fakes[0].last_signal == SIGTERM && fakes[1].signals == 0);
    CHECK_HAS(log_text, "3 WSGIM0406: daemon process (pid 1000) of group 'g' was not ready after 60 s");
    pass(100);
    CHECK_INT(nfakes, 3);
    pass(5500);
    CHECK_INT(fakes[0].last_signal, SIGKILL);
    ends(0, killed_by(SIGKILL), 0);
    CHECK_INT(view(sv.groups, fakes[0].slot).death, WSGI_DEATH_STARTUP_TIMEOUT);
    ready(2);
    pass(24400);                            /* ninety seconds in all */
    CHECK_INT(fakes[1].last_signal, SIGTERM);
    over();
}

static void retired_groups(void)
{
    const char *const quick[] = { "graceful-timeout", "0", NULL };

    begin();
    stage(1, "stays", NULL);
    stage(2, "goes", quick);
    stage(3, "starting", NULL);
    commit();
    ready(0); ready(1);
    stage(1, "stays", NULL);
    stage(9, "goes", quick);                /* same name, another rendezvous */
    commit();
    CHECK_INT(nfakes, 5);
    CHECK_INT(fakes[1].signals, 0);         /* the old generation's requests may still come */
    CHECK_INT(fakes[2].last_signal, SIGTERM);
    ends(2, killed_by(SIGTERM), 0);
    pass(2999);
    CHECK_INT(fakes[1].signals, 0);
    pass(1);
    CHECK_INT(fakes[1].last_signal, SIGTERM);
    ends(1, exited_with(0), 0);
    CHECK(sv.groups != NULL && sv.groups->link != NULL && sv.groups->link->link == NULL);
    CHECK_INT(nfakes, 5);
    commit();                               /* a generation without any group */
    ends(3, exited_with(0), 0);
    ends(4, exited_with(0), 0);
    ends(0, exited_with(0), 0);
    CHECK(sv.groups == NULL);
    CHECK(!wsgi_sv_done(&sv));              /* idle, not stopped */
    over();
}

static void stopping(void)
{
    const char *const patient[] = { "shutdown-timeout", "0", NULL };

    begin();
    stage(1, "g", NULL);
    stage(2, "h", patient);
    commit();
    ready(0);
    ready(1);
    wsgi_sv_stop(&sv, now);
    tick();
    CHECK(fakes[0].last_signal == SIGTERM && fakes[1].last_signal == SIGTERM);
    wsgi_sv_stop(&sv, now);
    CHECK_INT(fakes[0].signals, 1);
    CHECK(!wsgi_sv_done(&sv));
    ends(0, exited_with(0), 0);
    CHECK_INT(nfakes, 2);
    pass(5500);                             /* never forced, but the server ends */
    CHECK_INT(fakes[1].last_signal, SIGKILL);
    CHECK(!wsgi_sv_done(&sv));
    ends(1, killed_by(SIGKILL), 0);
    CHECK(wsgi_sv_done(&sv));
    CHECK_INT(nfakes, 2);
    over();
}

/* A process whose shutdown-timeout is 0 is never forced while the server runs ... */
static void never_forced(void)
{
    const char *const options[] = { "shutdown-timeout", "0", "graceful-timeout", "0", NULL };

    begin();
    stage(1, "g", options);
    commit();
    ready(0);
    recycle(0, WSGI_DEATH_RECYCLED);
    ready(1);
    CHECK_INT(fakes[0].last_signal, SIGTERM);
    pass(100000000);
    CHECK_INT(fakes[0].last_signal, SIGTERM);
    /* ... unless the place is empty for want of slots: four here. */
    recycle(1, WSGI_DEATH_RECYCLED);
    ready(2);
    recycle(2, WSGI_DEATH_RECYCLED);
    ready(3);
    CHECK_INT(nfakes, 4);
    CHECK(strstr(log_text, "WSGIM0411") == NULL);
    recycle(3, WSGI_DEATH_RECYCLED);
    CHECK_INT(nfakes, 4);
    CHECK_HAS(log_text, "4 WSGIM0411");
    pass(5500);
    CHECK_INT(fakes[0].last_signal, SIGKILL);
    ends(0, killed_by(SIGKILL), 0);
    pass(1000);
    CHECK_INT(nfakes, 5);
    over();
}

static void boards_of_the_wrong_size(void)
{
    wsgi_group_config c;
    wsgi_board *b;
    char err[512];
    int fds[3] = { -1, -1, -1 }, turn;

    begin();
    for (turn = 0; turn < 2; turn++) {
        memset(&c, 0, sizeof(c));
        wsgi_options_init(&c.options);
        c.options.name = strdup("g");
        c.host = strdup("/host");
        if (turn == 0) {
            CHECK_INT(wsgi_board_create(3, 15, 1, &b, &fds[1]), 0);
            wsgi_board_unmap(b);
        } else {
            fds[1] = open("/dev/null", O_RDWR);
        }
        CHECK_INT(wsgi_sv_stage(&sv, &c, fds, err, sizeof(err)), -1);
        CHECK_HAS(err, "scoreboard");
        CHECK(c.host == NULL && fcntl(fds[1], F_GETFD) == -1);  /* taken and closed */
    }
    CHECK(sv.groups == NULL);
    over();
}

int main(void)
{
    RUN(starts_and_becomes_ready);
    RUN(a_crash_is_replaced_at_once);
    RUN(back_off);
    RUN(identity_failed);
    RUN(orphans_keep_their_slots);
    RUN(renewed_when_the_next_is_ready);
    RUN(cannot_execute);
    RUN(replaced_with_overlap);
    RUN(a_failing_new_one_keeps_the_old);
    RUN(the_old_one_dies_meanwhile);
    RUN(recycling);
    RUN(never_ready);
    RUN(retired_groups);
    RUN(stopping);
    RUN(never_forced);
    RUN(boards_of_the_wrong_size);
    return TEST_DONE();
}
