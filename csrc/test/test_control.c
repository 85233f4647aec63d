/* Control packets and the configuration of a group. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../src/wsgi_control.h"

static int pair[2];

static void packets(void)
{
    static unsigned char big[WSGI_CONTROL_MAX + 1], buf[WSGI_CONTROL_MAX];
    int p[2], fds[3], i;
    uint8_t type;
    uint16_t code;

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && pipe(p) == 0);
    CHECK_INT(wsgi_control_send(pair[0], WSGI_CTL_READY, 0, NULL, 0, NULL, 0), 0);
    CHECK_INT(wsgi_control_recv(pair[1], &type, &code, buf, sizeof(buf), fds), 0);
    CHECK(type == WSGI_CTL_READY && fds[0] == -1 && fds[2] == -1);
    CHECK_INT(wsgi_control_send(pair[0], WSGI_CTL_RECYCLE, 0xfedc, "why", 3, NULL, 0), 0);
    CHECK_INT(wsgi_control_recv(pair[1], &type, &code, buf, sizeof(buf), fds), 3);
    CHECK(type == WSGI_CTL_RECYCLE && code == 0xfedc && memcmp(buf, "why", 3) == 0);

    fds[0] = fds[1] = fds[2] = p[1];
    CHECK_INT(wsgi_control_send(pair[0], WSGI_CTL_GROUP, 0, big, WSGI_CONTROL_MAX, fds, 3), 0);
    CHECK_INT(wsgi_control_recv(pair[1], &type, &code, buf, sizeof(buf), fds), WSGI_CONTROL_MAX);
    for (i = 0; i < 3; i++) {
        CHECK(fds[i] >= 0 && (fcntl(fds[i], F_GETFD) & FD_CLOEXEC));
        close(fds[i]);
    }
    CHECK_INT(wsgi_control_send(pair[0], 'G', 0, big, sizeof(big), NULL, 0), EMSGSIZE);

    fds[0] = p[1];                                  /* too long for the receiver */
    CHECK_INT(wsgi_control_send(pair[0], WSGI_CTL_COMMIT, 0, "12345", 5, fds, 1), 0);
    CHECK(wsgi_control_recv(pair[1], &type, &code, buf, 4, fds) == -1 && errno == EMSGSIZE);
    CHECK(fds[0] == -1 && type == 0);
    CHECK(send(pair[0], "\x63G\0\0", 4, 0) == 4);   /* another version */
    CHECK(wsgi_control_recv(pair[1], &type, &code, buf, 4, fds) == -1 && errno == EPROTO);
    CHECK(send(pair[0], "\x01G", 2, 0) == 2);       /* half a header */
    CHECK(wsgi_control_recv(pair[1], &type, &code, buf, 4, fds) == -1 && errno == EPROTO);
    CHECK(send(pair[0], "\x01\0\0\0", 4, 0) == 4);  /* no type */
    CHECK(wsgi_control_recv(pair[1], &type, &code, buf, 4, fds) == -1 && errno == EPROTO);
    close(p[1]);
    CHECK_INT(read(p[0], buf, 1), 0);               /* nothing was leaked */
    close(p[0]);

    close(pair[0]);
    CHECK_INT(wsgi_control_recv(pair[1], &type, &code, buf, sizeof(buf), fds), 0);
    CHECK_INT(type, 0);
    CHECK_INT(wsgi_control_send(pair[1], WSGI_CTL_STOP, 0, NULL, 0, NULL, 0), EPIPE);
    close(pair[1]);
}

static void fill(wsgi_group_config *g)
{
    char err[128];

    memset(g, 0, sizeof(*g));
    wsgi_options_init(&g->options);
    wsgi_settings_init(&g->settings);
    g->settings.python_eggs = strdup("/eggs");
    g->key = 0x1122334455667788u;
    g->host = strdup("/usr/lib/mod_wsgi/host");
    g->runtime = strdup("/usr/lib/mod_wsgi/python");
    g->server_name = strdup("");
    g->log_level = 6;
    g->default_socket_timeout = 60;
    g->apache[0] = 2;
    g->apache[1] = 4;
    g->apache[2] = 71;
    g->options.name = strdup("group");
    CHECK_INT(wsgi_options_set(&g->options, "processes", "3", err, sizeof(err)), 0);
    g->npreloads = 2;
    g->preloads = calloc(2, sizeof(*g->preloads));
    g->preloads[0].script = strdup("/srv/a.wsgi");
    g->preloads[0].application_group = strdup("");
    g->preloads[0].callable_object = strdup("application");
    g->preloads[1].script = strdup("/srv/b.wsgi");
    g->preloads[1].application_group = strdup("g");
    g->preloads[1].callable_object = strdup("app");
    g->slot = 2;
    g->incarnation = 65535;
}

/* Encoded, then decoded into OUT. 0 or -1. */
static int through(const wsgi_group_config *g, wsgi_group_config *out)
{
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_cur c;
    int rv;

    wsgi_group_config_encode(g, &b);
    c = wsgi_cur_of(b.data, b.len);
    rv = wsgi_group_config_decode(&c, out);
    wsgi_buf_free(&b);
    return rv;
}

static void configurations(void)
{
    wsgi_group_config g, got;
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_cur c;
    size_t n;

    fill(&g);
    CHECK_INT(through(&g, &got), 0);
    CHECK(got.key == g.key && strcmp(got.host, g.host) == 0 && got.server_name[0] == '\0');
    CHECK(got.log_level == 6 && got.default_socket_timeout == 60 && got.options.processes == 3);
    CHECK(got.apache[0] == 2 && got.apache[1] == 4 && got.apache[2] == 71);
    CHECK(strcmp(got.settings.python_eggs, "/eggs") == 0 && got.settings.hash_seed == -1);
    CHECK(got.npreloads == 2 && strcmp(got.preloads[1].callable_object, "app") == 0);
    CHECK(got.slot == 2 && got.incarnation == 65535);
    CHECK_INT(wsgi_group_slots(&got.options), 8);
    wsgi_group_config_free(&got);
    CHECK(got.settings.python_eggs == NULL && got.settings.hash_seed == -1);
    CHECK(got.preloads == NULL && got.options.threads == -1);

    wsgi_group_config_encode(&g, &b);
    for (n = 0; n < b.len; n++) {
        unsigned char *exact = malloc(n ? n : 1);

        memcpy(exact, b.data, n);
        c = wsgi_cur_of(exact, n);
        CHECK_INT(wsgi_group_config_decode(&c, &got), -1);
        free(exact);
    }
    wsgi_buf_u8(&b, 0);
    c = wsgi_cur_of(b.data, b.len);
    CHECK_INT(wsgi_group_config_decode(&c, &got), -1);
    wsgi_buf_free(&b);

    g.host[0] = 'x';                                /* not a program by its full path */
    CHECK_INT(through(&g, &got), -1);
    g.host[0] = '/';
    g.default_socket_timeout = -1;
    CHECK_INT(through(&g, &got), -1);
    g.default_socket_timeout = 60;
    free(g.options.name);
    g.options.name = NULL;
    CHECK_INT(through(&g, &got), -1);
    wsgi_group_config_free(&g);
}

static void scripts(void)
{
    static const struct { const char *bytes; size_t n; } bent[] = {
        { "", 0 }, { "\0\0\0\0\0\0\0\0", 8 }, { "\2\0\0\0/a", 6 }, { "\2\0\0\0/a\0\0\0\0x", 11 },
        { "\1\0\0\0a\0\0\0\0", 9 }, { "\2\0\0\0/\0\0\0\0\0", 10 },
    };
    wsgi_buf b = { NULL, 0, 0, 0 };
    wsgi_str script, group;
    size_t i;

    wsgi_control_script(&b, "/a b.py", "sub");
    CHECK_INT(wsgi_control_script_decode(b.data, b.len, &script, &group), 0);
    CHECK(script.len == 7 && memcmp(script.data, "/a b.py", 7) == 0);
    CHECK(group.len == 3 && memcmp(group.data, "sub", 3) == 0);
    wsgi_buf_free(&b);
    for (i = 0; i < sizeof(bent) / sizeof(bent[0]); i++)
        CHECK_INT(wsgi_control_script_decode(bent[i].bytes, bent[i].n, &script, &group), -1);
}

int main(void)
{
    RUN(packets);
    RUN(configurations);
    RUN(scripts);
    return TEST_DONE();
}
