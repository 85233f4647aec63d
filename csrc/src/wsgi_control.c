/* wsgi_control.c - messages between httpd parent, supervisor and hosts.
 *
 * See wsgi_control.h. Texts that may be unset carry a byte that says so; the
 * options travel as wsgi_options.c writes them.
 */
#include "wsgi_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL_HEADER 4
#define PRELOADS_MAX   1024

uint32_t wsgi_group_slots(const wsgi_options *o)
{
    return 2 * (uint32_t)wsgi_options_processes(o) + 2;
}

/* ---- the configuration of a group --------------------------------------- */

static void put_text(wsgi_buf *out, const char *s)
{
    if (s == NULL)
        s = "";
    wsgi_buf_str(out, s, strlen(s));
}

/* A copy of the next string; NULL (and the cursor bad) when it is cut, holds a
 * NUL, or memory is out. */
static char *get_text(wsgi_cur *in)
{
    wsgi_str s = wsgi_cur_str(in);
    char *copy;

    if (in->bad)
        return NULL;
    copy = memchr(s.data, '\0', s.len) == NULL ? malloc((size_t)s.len + 1) : NULL;
    if (copy == NULL) {
        in->bad = 1;
        return NULL;
    }
    memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}

void wsgi_group_config_encode(const wsgi_group_config *g, wsgi_buf *out)
{
    uint32_t i;

    wsgi_buf_u64(out, g->key);
    put_text(out, g->host);
    put_text(out, g->runtime);
    put_text(out, g->server_name);
    wsgi_buf_u32(out, (uint32_t)g->log_level);
    wsgi_buf_u32(out, (uint32_t)g->default_socket_timeout);
    wsgi_options_encode(&g->options, out);
    wsgi_settings_encode(&g->settings, out);
    wsgi_server_encode(&g->server, out);
    wsgi_buf_u32(out, g->npreloads);
    for (i = 0; i < g->npreloads; i++) {
        put_text(out, g->preloads[i].script);
        put_text(out, g->preloads[i].application_group);
        put_text(out, g->preloads[i].callable_object);
        wsgi_buf_u8(out, (uint8_t)(g->preloads[i].required != 0));
    }
    wsgi_buf_u32(out, g->slot);
    wsgi_buf_u32(out, g->incarnation);
    for (i = 0; i < 3; i++)
        wsgi_buf_u16(out, g->apache[i]);
    wsgi_buf_u8(out, g->caseless);
    wsgi_buf_text(out, g->core_folder);
}

static int decode_preloads(wsgi_cur *in, wsgi_group_config *out)
{
    uint32_t count = wsgi_cur_u32(in), i;

    if (in->bad || count > PRELOADS_MAX || count > in->left / 13)
        return -1;
    if (count == 0)
        return 0;
    out->preloads = calloc(count, sizeof(*out->preloads));
    if (out->preloads == NULL)
        return -1;
    out->npreloads = count;
    for (i = 0; i < count; i++) {
        out->preloads[i].script = get_text(in);
        out->preloads[i].application_group = get_text(in);
        out->preloads[i].callable_object = get_text(in);
        out->preloads[i].required = wsgi_cur_u8(in);
        if (out->preloads[i].required > 1)
            return -1;
    }
    return in->bad ? -1 : 0;
}

int wsgi_group_config_decode(wsgi_cur *in, wsgi_group_config *out)
{
    int i;

    memset(out, 0, sizeof(*out));
    wsgi_options_init(&out->options);
    wsgi_settings_init(&out->settings);
    wsgi_server_init(&out->server);
    out->key = wsgi_cur_u64(in);
    out->host = get_text(in);
    out->runtime = get_text(in);
    out->server_name = get_text(in);
    out->log_level = (int)wsgi_cur_u32(in);
    out->default_socket_timeout = (int)wsgi_cur_u32(in);
    if (in->bad || out->default_socket_timeout < 0 ||
        wsgi_options_decode(in, &out->options) < 0 || wsgi_settings_decode(in, &out->settings) < 0 ||
        wsgi_server_decode(in, &out->server) < 0 ||
        decode_preloads(in, out) < 0)
        goto failed;
    out->slot = wsgi_cur_u32(in);
    out->incarnation = wsgi_cur_u32(in);
    for (i = 0; i < 3; i++)
        out->apache[i] = wsgi_cur_u16(in);
    out->caseless = wsgi_cur_u8(in);
    if (wsgi_cur_text(in, &out->core_folder) < 0)
        goto failed;
    /* Without a name or a program there is no group. */
    if (in->bad || in->left != 0 || out->options.name == NULL || out->host[0] != '/')
        goto failed;
    return 0;
failed:
    wsgi_group_config_free(out);
    return -1;
}

void wsgi_group_config_free(wsgi_group_config *g)
{
    uint32_t i;

    for (i = 0; i < g->npreloads; i++) {
        free(g->preloads[i].script);
        free(g->preloads[i].application_group);
        free(g->preloads[i].callable_object);
    }
    free(g->preloads);
    free(g->host);
    free(g->runtime);
    free(g->server_name);
    free(g->core_folder);
    wsgi_options_free(&g->options);
    wsgi_settings_free(&g->settings);
    wsgi_server_free(&g->server);
    memset(g, 0, sizeof(*g));
    wsgi_options_init(&g->options);
    wsgi_settings_init(&g->settings);
}

void wsgi_control_script(wsgi_buf *out, const char *script, const char *application_group)
{
    put_text(out, script);
    put_text(out, application_group);
}

int wsgi_control_script_decode(const void *payload, size_t n, wsgi_str *script,
                               wsgi_str *application_group)
{
    wsgi_cur in = wsgi_cur_of(payload, n);

    *script = wsgi_cur_str(&in);
    *application_group = wsgi_cur_str(&in);
    return in.bad || in.left != 0 || script->len == 0 || script->data[0] != '/' ||
           memchr(script->data, '\0', script->len) != NULL ||
           memchr(application_group->data, '\0', application_group->len) != NULL ? -1 : 0;
}

/* ---- packets --------------------------------------------------------------- */

int wsgi_control_send(int fd, uint8_t type, uint16_t code, const void *payload, size_t n,
                      const int *fds, int nfds)
{
    unsigned char header[CONTROL_HEADER] = { WSGI_INTERFACE_VERSION, type,
                                             (unsigned char)code,
                                             (unsigned char)(code >> 8) };
    struct iovec iov[2] = { { header, sizeof(header) }, { (void *)payload, n } };
    ssize_t sent;

    if (n > WSGI_CONTROL_MAX)
        return EMSGSIZE;
    sent = wsgi_msg_send(fd, iov, n > 0 ? 2 : 1, 0, fds, nfds);
    return sent < 0 ? errno : 0;
}

static void close_all(int fds[3])
{
    int i;

    for (i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

ssize_t wsgi_control_recv(int fd, uint8_t *type, uint16_t *code, void *buf, size_t size,
                          int fds[3])
{
    unsigned char header[CONTROL_HEADER];
    struct iovec iov[2] = { { header, sizeof(header) }, { buf, size } };
    int flags = 0, error = 0;
    ssize_t n;

    *type = 0;
    *code = 0;
    do {
        n = wsgi_msg_recv(fd, iov, 2, 0, fds, 3, &flags);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    if (n == 0 && fds[0] < 0)
        return 0;
    if (flags & MSG_TRUNC)
        error = EMSGSIZE;
    else if (flags & MSG_CTRUNC)
        error = EMFILE;
    else if (n < CONTROL_HEADER || header[0] != WSGI_INTERFACE_VERSION || header[1] == 0)
        error = EPROTO;
    if (error != 0) {
        close_all(fds);
        errno = error;
        return -1;
    }
    *type = header[1];
    *code = (uint16_t)(header[2] | header[3] << 8);
    return n - CONTROL_HEADER;
}
