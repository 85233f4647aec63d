/* wsgi_telemetry.h - the reporter: a thread that sends what this process does to
 * the socket of WSGITelemetryService, once an interval.
 *
 * It holds no lock that a request waits for and needs no GIL; sending never
 * waits, and what cannot be sent is dropped. What only Python knows (its
 * collector of garbage) the herald asks for it.
 */
#ifndef WSGI_TELEMETRY_H
#define WSGI_TELEMETRY_H

#include "wsgi_interp.h"

/* Start, if the configuration wants it, once Python runs. */
void wsgi_telemetry_start(void);
/* The process will end for REASON. Any thread; does not wait. */
void wsgi_telemetry_stopping(const char *reason);
/* The last datagrams; the reporter ends. CLEAN: no request was given up. Home
 * thread, GIL not held. */
void wsgi_telemetry_end(int clean);

/* Microseconds from which on a request is slow; 0: none is, or nobody wants to
 * know. */
extern uint64_t wsgi_telemetry_slow_us;
/* W's request R, which was slow, is over, its measure finished. */
void wsgi_telemetry_slow(const wsgi_runner *w, const wsgi_request *r, int status);

#endif
