/* wsgi_python.c - starting and ending Python, see wsgi_python.h. */

#include "wsgi_python.h"
#include "wsgi_interp.h"
#include "wsgi_errors.h"
#include "wsgi_events.h"
#include "wsgi_telemetry.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const wsgi_python_config *settings;    /* written once, before any thread */
static uint64_t started_us;       /* likewise */

const wsgi_python_config *wsgi_python_settings(void)
{
    return settings;
}

double wsgi_python_started(void)
{
    return (double)started_us / 1e6;
}

/* The version that a pyvenv.cfg names, as major * 256 + minor; 0 if none. */
static int venv_version(FILE *f)
{
    char line[1024];
    int major, minor;

    while (fgets(line, sizeof line, f) != NULL) {
        char *value = strchr(line, '=');

        if (value == NULL || strncmp(line, "version", 7) != 0)
            continue;
        if (sscanf(value + 1, " %d.%d", &major, &minor) == 2)
            return major * 256 + minor;
    }
    return 0;
}

/* Is HOME a virtual environment? Then its program is in PROGRAM. */
static int venv_program(const char *home, char *program, size_t size)
{
    char path[PATH_MAX];
    FILE *f;
    int version;

    if (snprintf(path, sizeof path, "%s/pyvenv.cfg", home) >= (int)sizeof path
        || (f = fopen(path, "re")) == NULL)
        return 0;
    version = venv_version(f);
    fclose(f);
    if (version != 0 && version != PY_MAJOR_VERSION * 256 + PY_MINOR_VERSION)
        wsgi_log(WSGI_LOG_WARNING, "WSGIM0603: virtual environment '%s' was made with Python "
                 "%d.%d, this is Python %d.%d: its packages will not be found; make it again with "
                 "python%d.%d -m venv, or build the half for Python %d.%d", home, version / 256,
                 version % 256, PY_MAJOR_VERSION, PY_MINOR_VERSION, PY_MAJOR_VERSION,
                 PY_MINOR_VERSION, version / 256, version % 256);
    return snprintf(program, size, "%s/bin/python", home) < (int)size;
}

/* The interpreter that belongs to the libpython in use: bin/pythonX.Y in a
 * folder above it. Else Python would take the first python3 on httpd's PATH,
 * which may be another one. */
static int own_program(char *program, size_t size)
{
    char lib[PATH_MAX], *slash;
    Dl_info info;

    if (dladdr((void *)(uintptr_t)Py_InitializeFromConfig, &info) == 0 || info.dli_fname == NULL
        || strstr(info.dli_fname, "libpython") == NULL || realpath(info.dli_fname, lib) == NULL)
        return 0;
    while ((slash = strrchr(lib, '/')) != NULL) {
        *slash = '\0';
        if (snprintf(program, size, "%s/bin/python%d.%d", lib, PY_MAJOR_VERSION,
                     PY_MINOR_VERSION) >= (int)size)
            return 0;
        if (access(program, X_OK) == 0)
            return 1;
    }
    return 0;
}

/* Where Python is: a virtual environment and an own installation by their
 * program, any other home as PYTHONHOME would. */
static PyStatus configure_home(PyConfig *config, const char *home)
{
    char program[PATH_MAX];
    struct stat st;
    PyStatus status;

    /* Perhaps it is being made anew: another Python in its place would serve the
     * application without its packages for as long as the process lives. */
    if (home != NULL && strchr(home, ':') == NULL
        && (stat(home, &st) != 0 || !S_ISDIR(st.st_mode))) {
        wsgi_log(WSGI_LOG_WARNING, "WSGIM0604: Python home '%s' is not a folder that can be "
                 "read: %s", home, stat(home, &st) != 0 ? strerror(errno) : "not a folder");
        return PyStatus_Error("it is not there");
    }
    if (home != NULL && !venv_program(home, program, sizeof program))
        return PyConfig_SetBytesString(config, &config->home, home);
    if (home == NULL && !own_program(program, sizeof program))
        return PyStatus_Ok();
    status = PyConfig_SetBytesString(config, &config->program_name, program);
    if (PyStatus_Exception(status))
        return status;
    return PyConfig_SetBytesString(config, &config->executable, program);
}

/* -W of the configuration. */
static PyStatus add_warnings(PyConfig *config, const wsgi_settings *s)
{
    PyStatus status = PyStatus_Ok();
    uint32_t i;

    for (i = 0; i < s->nwarnings && !PyStatus_Exception(status); i++) {
        wchar_t *filter = Py_DecodeLocale(s->warnings[i], NULL);

        if (filter == NULL)
            return PyStatus_NoMemory();
        status = PyWideStringList_Append(&config->warnoptions, filter);
        PyMem_RawFree(filter);
    }
    return status;
}

/* What directives say wins over the environment, as on Python's command line. */
static PyStatus configure_settings(PyConfig *config, const wsgi_settings *s)
{
    if (s->python_optimize != -1)
        config->optimization_level = s->python_optimize;
    if (s->dont_write_bytecode == 1)
        config->write_bytecode = 0;
    if (s->hash_seed != -1) {
        config->use_hash_seed = s->hash_seed != WSGI_HASH_SEED_RANDOM;
        config->hash_seed = config->use_hash_seed ? (unsigned long)s->hash_seed : 0;
    }
    return add_warnings(config, s);
}

/* The environment counts as it does for a Python that is run by hand; arguments
 * and signals are not Python's business here. */
static PyStatus initialize(const wsgi_python_config *c)
{
    static char *argv[] = {(char *)"mod_wsgi", NULL};
    PyPreConfig pre;
    PyConfig config;
    PyStatus status;

    PyPreConfig_InitPythonConfig(&pre);
    pre.parse_argv = 0;
    status = Py_PreInitialize(&pre);
    if (PyStatus_Exception(status))
        return status;

    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.install_signal_handlers = 0;
    config.faulthandler = c->stacks_at_crash;
    status = wsgi_config_gil(&config, wsgi_interp_free(c));
    if (!PyStatus_Exception(status))
        status = configure_home(&config, c->python_home);
    if (!PyStatus_Exception(status))
        status = configure_settings(&config, c->settings);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesArgv(&config, 1, argv);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

/* sys.setswitchinterval, for the interpreters that share the current one's GIL. 0,
 * or -1 with an exception. */
static int set_interval(const char *group, int64_t us)
{
    PyObject *sys = PyImport_ImportModule("sys");
    PyObject *r = sys == NULL ? NULL : PyObject_CallMethod(sys, "setswitchinterval", "d", (double)us / 1e6);

    Py_XDECREF(sys);
    Py_XDECREF(r);
    if (r != NULL)
        wsgi_log_held(WSGI_LOG_INFO, "switch interval set to %.6f seconds (application group '%s', process "
                      "group '%s')", (double)us / 1e6, group, settings->process_group);
    return r == NULL ? -1 : 0;
}

int wsgi_python_interval(const char *group, int own)
{
    int64_t us = wsgi_settings_own_interval(settings->settings, settings->process_group, group);
    wsgi_scope process;

    if (us > 0 && !own) {
        wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0621: WSGISwitchInterval %.6f has no effect for application group "
                      "'%s', which has no GIL of its own; set it for the process group '%s' as a whole",
                      (double)us / 1e6, group, settings->process_group);
        us = -1;
    }
    if (*group != '\0' && !own)
        return 0;
    wsgi_settings_resolve(settings->settings, settings->process_group, NULL, &process);
    if (us <= 0)
        us = settings->switch_interval_us > 0 ? settings->switch_interval_us : process.switch_interval_us;
    if (us <= 0)
        return 0;
    if (wsgi_gil_enabled())
        return set_interval(group, us);
    wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0622: a switch interval of %.6f seconds has no effect: threads run "
                  "without a GIL (process group '%s')", (double)us / 1e6, settings->process_group);
    return 0;
}

int wsgi_python_start(const wsgi_python_config *config, char *err, size_t errlen)
{
    PyStatus status;

    settings = config;
    started_us = wsgi_clock_us();
    status = initialize(config);
    if (PyStatus_Exception(status)) {
        snprintf(err, errlen, "Python %s could not be started%s%s%s%s%s", PY_VERSION,
                 config->python_home ? " with home '" : "",
                 config->python_home ? config->python_home : "", config->python_home ? "'" : "",
                 status.err_msg ? ": " : "", status.err_msg ? status.err_msg : "");
        return -1;
    }
    if (wsgi_interp_init() < 0) {
        PyObject *exc = PyErr_GetRaisedException();
        char text[512] = "no reason given";

        if (exc != NULL)
            wsgi_exception_text(exc, 1, text, sizeof text);
        Py_XDECREF(exc);
        snprintf(err, errlen, "Python %s started, but its main interpreter could not be set up: "
                 "%s", PY_VERSION, text);
        PyEval_SaveThread();
        return -1;
    }
    PyEval_SaveThread();
    wsgi_log(WSGI_LOG_INFO, "Python %s started%s%s%s", PY_VERSION,
             config->python_home ? " with home '" : "",
             config->python_home ? config->python_home : "", config->python_home ? "'" : "");
    wsgi_telemetry_start();
    return 0;
}

/* Call MODULE.FUNCTION, which is Python's own. */
static void call(const char *module, const char *function)
{
    PyObject *m = PyImport_ImportModule(module);
    PyObject *r = m == NULL ? NULL : PyObject_CallMethod(m, function, NULL);

    if (r == NULL)
        PyErr_WriteUnraisable(m);
    Py_XDECREF(r);
    Py_XDECREF(m);
}

int wsgi_python_stop(void)
{
    wsgi_runner *w = wsgi_runner_self();
    int ended = 0;

    wsgi_events_end();
    wsgi_telemetry_end(1);
    if (settings->settings->destroy_interpreter == 0) {
        wsgi_log(WSGI_LOG_INFO, "interpreters are left as they are: WSGIDestroyInterpreter is Off (process "
                 "group '%s')", settings->process_group);
    }
    else if (wsgi_interp_end_all() > 0) {
        /* Ending Python with a foreign interpreter alive aborts the process. */
        call("threading", "_shutdown");
        call("atexit", "_run_exitfuncs");
        PyEval_SaveThread();
    }
    else {
        Py_FinalizeEx();
        ended = 1;
    }
    if (w != NULL)
        wsgi_log_flush(w);
    wsgi_log_flush_strangers();
    return ended;
}
