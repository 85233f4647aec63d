/* wsgi_control.h - what the httpd parent tells the supervisor, and the
 * supervisor its hosts: packets on inherited SOCK_SEQPACKET pairs.
 *
 * Parent to supervisor, on descriptor WSGI_CONTROL_FD of the supervisor:
 *   GROUP   one per daemon group of the new generation, with three descriptors:
 *           host end of the rendezvous, board, error log. A group whose name
 *           and rendezvous identity (key) are as before keeps both.
 *   COMMIT  the generation is complete, with the server's error log. Groups
 *           not named in it are retired; those named get new processes, and
 *           old ones are drained once the new ones are ready.
 *   STOP    end everything within the shutdown timeouts, then exit.
 *   End of file: the parent was killed. All goes on until its children have let
 *           go of the rendezvous of every group; then as STOP.
 * Supervisor to parent: ACK after COMMIT, with a text that is empty or says
 * what cannot work (a host that cannot be executed, an unknown interface).
 *
 * Supervisor to host, on descriptor WSGI_HOST_CONTROL_FD of the host: CONFIG
 * once. Host to supervisor:
 *   READY    it takes requests.
 *   LOADED   it has loaded a script (code 1): a successor is to load it before
 *            it is ready. Or it could not (0), and is wanted to: then a successor
 *            is that is started for this. Payload: wsgi_control_script.
 *   RENEW    it is to be replaced, for a reason (enum wsgi_death), and goes on
 *            until its successor is ready.
 *   RECYCLE  the same, and it takes no more requests.
 * Everything else is a signal: SIGUSR1 drains, SIGTERM stops.
 */
#ifndef WSGI_CONTROL_H
#define WSGI_CONTROL_H

#include "wsgi_options.h"
#include "wsgi_server.h"
#include "wsgi_settings.h"

#define WSGI_CONTROL_FD        3     /* in the supervisor */
#define WSGI_HOST_RENDEZVOUS_FD 3    /* in a host; 0 is /dev/null, 1 and 2 the log */
#define WSGI_HOST_BOARD_FD      4
#define WSGI_HOST_CONTROL_FD    5
#define WSGI_CONTROL_MAX (128 * 1024)

/* Exit statuses of a host that says why it cannot run; not restarted at once. */
enum wsgi_host_exit {
    WSGI_HOST_EXIT_CONFIG   = 70,    /* no or wrong configuration message, other interface version */
    WSGI_HOST_EXIT_IDENTITY = 71,    /* user, group, folder or umask could not be set */
    WSGI_HOST_EXIT_PYTHON   = 72,    /* Python did not start */
    WSGI_HOST_EXIT_THREADS  = 73,    /* not one request thread could be started */
    WSGI_HOST_EXIT_FORCED   = 74,    /* shutdown-timeout passed with requests running */
    WSGI_HOST_EXIT_IMPORT   = 75     /* a required script could not be loaded */
};

enum wsgi_control_type { WSGI_CTL_GROUP = 'G', WSGI_CTL_COMMIT = 'C', WSGI_CTL_STOP = 'S',
                         WSGI_CTL_ACK = 'A', WSGI_CTL_CONFIG = 'c', WSGI_CTL_READY = 'r',
                         WSGI_CTL_RECYCLE = 'q', WSGI_CTL_RENEW = 'n', WSGI_CTL_LOADED = 'l' };

/* REQUIRED: without it the process is of no use, since the one that it is to
 * replace has it (exit WSGI_HOST_EXIT_IMPORT). A script that is not there any
 * more is no script. */
typedef struct { char *script, *application_group, *callable_object; int required; } wsgi_preload;

typedef struct {
    uint64_t key;                 /* identity of rendezvous and board */
    char *host;                   /* program to execute: .../cpython-313-.../wsgi-host */
    char *runtime;                /* folder of the Python package: .../mod_wsgi/python */
    char *server_name;            /* of the virtual host that declared it, "" for the main server */
    int log_level;                /* of httpd: lines above it are not written */
    int default_socket_timeout;   /* httpd's Timeout, seconds */
    wsgi_options options;
    wsgi_settings settings;       /* of Python, for all groups */
    wsgi_preload *preloads;       /* in configuration order */
    uint32_t npreloads;
    uint32_t slot, incarnation;   /* CONFIG only */
    uint16_t apache[3];           /* version of the running server */
    wsgi_server server;           /* that Apache */
    char *core_folder;            /* CoreDumpDirectory: where a crash leaves its core; NULL: nowhere */
    uint8_t caseless;             /* WSGICaseSensitivity Off: names of scripts in any case are one */
} wsgi_group_config;

/* Slots of the board of a group with these options: every process and its
 * replacement side by side, and two more for old ones that still drain when
 * the next replacement begins. httpd makes the board with it, the supervisor
 * refuses a group whose board has another size. */
uint32_t wsgi_group_slots(const wsgi_options *o);

void wsgi_group_config_encode(const wsgi_group_config *g, wsgi_buf *out);
int  wsgi_group_config_decode(wsgi_cur *in, wsgi_group_config *out);   /* 0 or -1 */
void wsgi_group_config_free(wsgi_group_config *g);

/* A script and its application group, as payload. Strings are borrowed from the
 * message; decode: 0, or -1 if it is none. */
void wsgi_control_script(wsgi_buf *out, const char *script, const char *application_group);
int  wsgi_control_script_decode(const void *payload, size_t n, wsgi_str *script,
                                wsgi_str *application_group);

/* One packet: u8 version, u8 type, u16 code, payload; with up to 3 descriptors.
 * Send returns 0 or an errno. Receive: bytes of payload, 0 with *type 0 at the
 * end of file, -1 with errno (EPROTO: not a message of this interface version);
 * descriptors are close-on-exec and the caller's, -1 is none. */
int wsgi_control_send(int fd, uint8_t type, uint16_t code, const void *payload, size_t n,
                      const int *fds, int nfds);
ssize_t wsgi_control_recv(int fd, uint8_t *type, uint16_t *code, void *buf, size_t size,
                          int fds[3]);

#endif
