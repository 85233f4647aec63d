/* wsgi_host.h - what the threads of a daemon process share.
 *
 * Three kinds of threads: the main one starts Python, makes interpreters and
 * ends Python (wsgi_interp's home thread); one for each seat takes requests;
 * the watch keeps time, hears signals and the supervisor, and never touches
 * Python, so that it can end a process in which Python hangs. A helper of it
 * tries Python's lock.
 */
#ifndef WSGI_HOST_H
#define WSGI_HOST_H

#include <pthread.h>
#include "wsgi_board.h"
#include "wsgi_control.h"
#include "wsgi_host_answer.h"
#include "wsgi_life.h"

typedef struct {
    pthread_t thread;
    uint32_t number;              /* from 0 */
    int state;                    /* enum wsgi_seat_state, atomic */
    uint64_t since_us;            /* start of the request, atomic */
    uint64_t received_us;         /* by httpd; 0 until it is known; atomic */
    wsgi_answer answer;
} wsgi_seat;

typedef struct {
    wsgi_group_config config;
    const char *group;
    wsgi_board *board;
    wsgi_seat *seats;
    uint32_t nseats;
    int closing;                  /* atomic: no more requests are taken */
    uint64_t requests;            /* finished; atomic */
    int serving;                  /* atomic: requests are taken, or were */
} wsgi_host;

/* ---- wsgi_host_log.c ------------------------------------------------------- */

/* Before any thread. GROUP is kept. */
void wsgi_host_log_setup(const char *group, int level, int json);
/* What holds for this process, at debug. */
void wsgi_host_log_settings(const wsgi_host *h);
/* A line of N bytes in the process' error log, if the log level wants it; FILE is
 * the source file it comes from, or NULL. Any thread, as below. */
void wsgi_host_line(int level, const char *file, int line, const char *text, size_t n);
void wsgi_host_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- wsgi_host_watch.c ----------------------------------------------------- */

/* Signal handling, then the watch's thread. 0 or an errno. */
int  wsgi_watch_start(wsgi_host *h);
/* By a thread or a signal handler. */
void wsgi_watch_tell(enum wsgi_news what);

/* ---- wsgi_host_limits.c ---------------------------------------------------- */

/* memory-soft-limit as the number of bytes that is kept here; before the identity
 * is taken, since the files of the system may be out of reach then. */
void wsgi_host_memory(wsgi_host *h);
/* cpu-priority, while there are privileges for it. */
void wsgi_host_priority(const wsgi_host *h);
/* With CoreDumpDirectory: a crash leaves a core there, as those of httpd do. Once
 * the process is who it is to be, and before Python starts, whose own handlers
 * then come first. */
void wsgi_host_cores(const wsgi_host *h);
/* cpu-time-limit and the limits of memory. */
void wsgi_host_limits(const wsgi_host *h);

/* ---- wsgi_host_service.c --------------------------------------------------- */

/* Run the scripts of a process without request threads, then end Python. On the
 * main thread, which started Python. Returns the exit status. */
int  wsgi_host_service(wsgi_host *h);

/* ---- wsgi_host_gate.c ------------------------------------------------------ */

/* Load the scripts that are wanted ahead of requests; from then on what becomes
 * of scripts is told to the supervisor. Does not return if one fails without
 * which this process may not replace the one before. */
void wsgi_gate_load(wsgi_host *h);
/* Has a successor taken over? Known before the signal that says it is heard. */
int  wsgi_gate_passed(void);

/* ---- wsgi_host_hang.c ------------------------------------------------------ */

/* Why a request is looked at. AHEAD: request-deadline comes near; what is found is
 * kept by the server and logged if it passes. TIMEOUT: request-timeout has passed.
 * RAISE: the same, and RequestTimeout is raised in its thread; TOLD: what it does
 * has been said. */
enum wsgi_hang { WSGI_HANG_AHEAD, WSGI_HANG_TIMEOUT, WSGI_HANG_RAISE, WSGI_HANG_RAISE_TOLD };

/* Once Python runs, before requests are taken. */
void wsgi_hang_start(const wsgi_host *h);
/* Have it logged what thread THREAD (from 1) is doing, if that still runs the
 * request it took at TAKEN_US. Does not wait: the GIL may never be had. The
 * watch only. */
void wsgi_hang_ask(uint32_t thread, uint64_t taken_us, enum wsgi_hang why);
/* Threads that wait for an answer of Python's, or pass one on. */
int  wsgi_hang_busy(void);
/* Ten times a second while there are such: see to those that wait in vain. */
void wsgi_hang_look(void);

/* ---- wsgi_host_lock.c ------------------------------------------------------ */

/* Start it once Python runs, unless deadlock-timeout is off. 0 or an errno. */
int  wsgi_host_lock_start(const wsgi_host *h);
/* It is to end; before the start: never to begin. */
void wsgi_host_lock_stop(void);
/* Is it still there? Does it wait for the lock, and how often has it had it? */
int  wsgi_host_lock_state(int *locking, uint32_t *locked);

#endif
