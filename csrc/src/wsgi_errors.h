/* wsgi_errors.h - everything that ends in a log: lines of ours, what the
 * application prints, and its exceptions.
 *
 * A line belongs to the request that the calling thread runs, or to none. The
 * text of an application may arrive in pieces; a piece without its newline is
 * kept per thread and stream until the newline, a flush or the request's end.
 */
#ifndef WSGI_ERRORS_H
#define WSGI_ERRORS_H

#include "wsgi_interp.h"
#include "wsgi_pymod.h"

/* httpd's levels, as in APLOG_*. */
enum wsgi_level { WSGI_LOG_CRIT = 2, WSGI_LOG_ERROR = 3, WSGI_LOG_WARNING = 4,
                  WSGI_LOG_INFO = 6, WSGI_LOG_DEBUG = 7, WSGI_LOG_TRACE1 = 8 };

/* One formatted line. The GIL is not held / is held and released meanwhile. */
void wsgi_log(int level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void wsgi_log_held(int level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The most verbose level that lines of the calling thread are written at. */
int  wsgi_log_level(void);
/* TEXT that comes from LINE of FILE: one record a line, or one object. GIL not
 * held. */
void wsgi_log_record(int level, const char *file, int line, const char *text, size_t n);

/* TEXT of any length, one record a line. GIL not held. */
void wsgi_log_lines(int level, const char *text, size_t n);

/* Lines that the thread has not ended yet go to the log. GIL not held. */
void wsgi_log_flush(wsgi_runner *w);

/* The same for the threads that applications started, whether they have ended or
 * not: the process ends. */
void wsgi_log_flush_strangers(void);

/* "Type: message" of EXC; with ROOT of the exception that everything else
 * followed from. GIL held, no exception set; never fails. */
void wsgi_exception_text(PyObject *exc, int root, char *out, size_t size);

/* HEADLINE, then the complete traceback of EXC with its causes, one record per
 * line. GIL held, no exception set on entry or exit. */
void wsgi_log_exception(PyObject *exc, const char *headline);

/* As above for the exception that is set, which is cleared. HEADLINE is
 * followed by ": Type: message". */
void wsgi_log_raised(const char *headline);

/* Where a thread is in its Python code, at info: that which Python knows as ONLY,
 * or every one if it is 0, as far as wsgi_thread_frames sees them. GIL held. */
void wsgi_log_stacks(unsigned long only);

/* Type mod_wsgi.Log, the binary file below the standard streams. */
extern PyType_Spec wsgi_log_spec;

/* A TextIOWrapper over a new Log object for LINE. New reference. */
PyObject *wsgi_log_stream(wsgi_state *state, enum wsgi_line line, const char *name);

#endif
