/* wsgi_pymod.h - the built-in modules mod_wsgi and apache, one of each per
 * interpreter, and the state on which all Python objects of ours hang. */
#ifndef WSGI_PYMOD_H
#define WSGI_PYMOD_H

#include "wsgi_python.h"

/* Objects that a module keeps: strong references, visited by the collector. */
#define WSGI_STATE_TYPES(X) \
    X(adapter_type) X(auth_type) X(input_type) X(log_type) X(filewrap_type) X(restricted_type)
#define WSGI_STATE_OBJECTS(X) \
    X(request_timeout) X(event_callbacks) X(shutdown_callbacks) X(signal_callbacks) \
    X(active_requests) X(errors) X(signal_function) \
    X(n_request_started) X(n_response_started) X(n_request_exception) X(n_request_finished) \
    X(e_request_started) X(e_response_started) X(e_request_exception) X(e_request_finished) X(server_pid) \
    X(s_http) X(s_https) \
    X(s_close) X(s_read) X(s_tell) X(s_fileno) X(s_mtime) X(s_reload_required) \
    X(k_input) X(k_early_hints) X(k_url_scheme) X(k_multithread) X(k_multiprocess) \
    X(k_apache_version) X(k_request_id) X(k_callable_object) X(k_handler_script) X(k_thread_id) \
    X(k_request_start) X(k_queue_start) X(k_daemon_start) X(k_application_start)

/* What the subscribers of an interpreter want to hear of. */
enum { WSGI_WANT_EVENTS = 1, WSGI_WANT_SHUTDOWN = 2, WSGI_WANT_SIGNALS = 4, WSGI_WANT_ACTIVE = 8 };

typedef struct wsgi_state {
#define WSGI_MEMBER(name) PyTypeObject *name;
    WSGI_STATE_TYPES(WSGI_MEMBER)
#undef WSGI_MEMBER
#define WSGI_MEMBER(name) PyObject *name;
    WSGI_STATE_OBJECTS(WSGI_MEMBER)
#undef WSGI_MEMBER
    int subscribed;               /* WSGI_WANT_..., atomic */
} wsgi_state;

/* Level reported as mod_wsgi.version: applications compare with it. */
#define WSGI_API_VERSION "(iii)", 6, 0, 5

/* Functions of module mod_wsgi, and its attributes that are made when they are
 * first asked for. 0, or -1 with an exception. */
int wsgi_pymod_api(PyObject *module);

/* Make both modules in the current interpreter, put them in sys.modules,
 * replace the standard streams and set up sys.path. New reference to mod_wsgi,
 * or NULL with an exception. */
PyObject *wsgi_pymod_install(const char *application_group);

/* State of the module made by the function above; borrowed. */
wsgi_state *wsgi_pymod_state(PyObject *module);

#endif
