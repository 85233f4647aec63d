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
    X(s_http) X(s_https) \
    X(s_close) X(s_read) X(s_tell) X(s_fileno) X(s_mtime) X(s_reload_required) \
    X(k_input) X(k_early_hints) X(k_url_scheme) X(k_multithread) X(k_multiprocess) \
    X(k_apache_version) X(k_callable_object) X(k_handler_script) X(k_thread_id) \
    X(k_request_start) X(k_queue_start) X(k_daemon_start) X(k_application_start)
/* Keys of what subscribers are told: their names are those of the members. */
#define WSGI_EVENT_KEYS(X) \
    X(e_request_id) X(e_thread_id) X(e_server_pid) X(e_request_start) X(e_queue_start) \
    X(e_daemon_start) X(e_application_start) X(e_daemon_connects) X(e_daemon_restarts) \
    X(e_application_object) X(e_callable_object) X(e_request_environ) X(e_request_data) \
    X(e_response_status) X(e_response_headers) X(e_exception_info) X(e_application_finish) \
    X(e_application_time) X(e_status) X(e_input_reads) X(e_input_length) X(e_input_time) \
    X(e_output_writes) X(e_output_length) X(e_output_time) X(e_cpu_user_time) \
    X(e_cpu_system_time) X(e_cpu_time) X(e_gil_wait_time) X(e_gil_wait_count)

/* What the subscribers of an interpreter want to hear of. */
enum { WSGI_WANT_EVENTS = 1, WSGI_WANT_SHUTDOWN = 2, WSGI_WANT_SIGNALS = 4, WSGI_WANT_ACTIVE = 8 };

typedef struct wsgi_state {
#define WSGI_MEMBER(name) PyTypeObject *name;
    WSGI_STATE_TYPES(WSGI_MEMBER)
#undef WSGI_MEMBER
#define WSGI_MEMBER(name) PyObject *name;
    WSGI_STATE_OBJECTS(WSGI_MEMBER)
    WSGI_EVENT_KEYS(WSGI_MEMBER)
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
