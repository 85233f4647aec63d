/* wsgi_python.c - starting and ending Python, see wsgi_python.h. */

#include "wsgi_python.h"
#include "wsgi_interp.h"
#include "wsgi_errors.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const wsgi_python_config *settings;    /* written once, before any thread */

const wsgi_python_config *wsgi_python_settings(void)
{
    return settings;
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
                 "%d.%d, this is Python %d.%d: its packages will not be found", home,
                 version / 256, version % 256, PY_MAJOR_VERSION, PY_MINOR_VERSION);
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

    if (home != NULL && strchr(home, ':') == NULL
        && (stat(home, &st) != 0 || !S_ISDIR(st.st_mode)))
        wsgi_log(WSGI_LOG_WARNING, "WSGIM0604: Python home '%s' is not a folder that can be "
                 "read: %s", home, stat(home, &st) != 0 ? strerror(errno) : "not a folder");
    if (home != NULL && !venv_program(home, program, sizeof program))
        return PyConfig_SetBytesString(config, &config->home, home);
    if (home == NULL && !own_program(program, sizeof program))
        return PyStatus_Ok();
    status = PyConfig_SetBytesString(config, &config->program_name, program);
    if (PyStatus_Exception(status))
        return status;
    return PyConfig_SetBytesString(config, &config->executable, program);
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
    wsgi_config_gil(&config);
    status = configure_home(&config, c->python_home);
    if (!PyStatus_Exception(status))
        status = PyConfig_SetBytesArgv(&config, 1, argv);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

/* switch-interval, for every interpreter that shares the GIL. 0, or -1 with an
 * exception set. */
static int set_switch_interval(int64_t us)
{
    PyObject *sys, *r;

    if (us <= 0)
        return 0;
    sys = PyImport_ImportModule("sys");
    r = sys == NULL ? NULL : PyObject_CallMethod(sys, "setswitchinterval", "d", (double)us / 1e6);
    Py_XDECREF(sys);
    Py_XDECREF(r);
    if (r != NULL)
        wsgi_log_held(WSGI_LOG_INFO, "switch interval set to %.6f seconds (process group '%s')",
                      (double)us / 1e6, settings->process_group);
    return r == NULL ? -1 : 0;
}

int wsgi_python_start(const wsgi_python_config *config, char *err, size_t errlen)
{
    PyStatus status;

    settings = config;
    status = initialize(config);
    if (PyStatus_Exception(status)) {
        snprintf(err, errlen, "Python %s could not be started%s%s%s%s%s", PY_VERSION,
                 config->python_home ? " with home '" : "",
                 config->python_home ? config->python_home : "", config->python_home ? "'" : "",
                 status.err_msg ? ": " : "", status.err_msg ? status.err_msg : "");
        return -1;
    }
    if (wsgi_interp_init() < 0 || set_switch_interval(config->switch_interval_us) < 0) {
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
    return 0;
}

/* atexit functions and the standard streams, for an interpreter that is not
 * finalized. */
static void run_atexit(void)
{
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *r = atexit == NULL ? NULL : PyObject_CallMethod(atexit, "_run_exitfuncs", NULL);

    if (r == NULL)
        PyErr_WriteUnraisable(atexit);
    Py_XDECREF(r);
    Py_XDECREF(atexit);
}

void wsgi_python_stop(void)
{
    wsgi_runner *w = wsgi_runner_self();

    if (wsgi_interp_end_all() > 0) {
        /* Ending Python with a foreign interpreter alive aborts the process. */
        run_atexit();
        PyEval_SaveThread();
    }
    else {
        Py_FinalizeEx();
    }
    if (w != NULL)
        wsgi_log_flush(w);
}
