/* wsgi_telemetry_inner.h - what the files of wsgi_telemetry share. */
#ifndef WSGI_TELEMETRY_INNER_H
#define WSGI_TELEMETRY_INNER_H

#include "wsgi_datagram.h"
#include "wsgi_telemetry.h"

/* A datagram of KIND in B, with host and group if they belong there. */
void wsgi_telemetry_begin(wsgi_buf *b, enum wsgi_datagram_kind kind);
/* Send it, or drop it. 0 or an errno. */
int wsgi_telemetry_send(const wsgi_buf *b);

/* ---- wsgi_telemetry_slow.c -------------------------------------------------- */

/* Before any request. THREADS and INTERVAL decide how many may wait to be sent. */
void wsgi_slow_start(uint32_t threads, uint64_t interval_us);
/* Those that have ended, then some that still run. Reporter. */
void wsgi_slow_report(void);

/* ---- wsgi_telemetry_gc.c ---------------------------------------------------- */

/* What the herald has seen, and what has happened since. Reporter. */
void wsgi_gc_report(void);
/* Look at every interpreter. Herald, GIL not held. */
void wsgi_gc_look(wsgi_runner *w);
/* Seconds after which a thread may have to give up the GIL; 0 is not known yet. */
double wsgi_gc_switch_interval(void);

#endif
