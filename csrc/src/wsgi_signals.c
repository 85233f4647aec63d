/* wsgi_signals.c - see wsgi_signals.h. */

#include "wsgi_signals.h"
#include "wsgi_errors.h"

#include <unistd.h>

/* Where Python is now, frame by frame, at level info. 0 or -1. */
static int log_stack(void)
{
    PyObject *traceback = PyImport_ImportModule("traceback"), *frames;
    Py_ssize_t i;
    int rv = -1;

    frames = traceback == NULL ? NULL : PyObject_CallMethod(traceback, "format_stack", NULL);
    if (frames != NULL && PyList_Check(frames)) {
        for (i = rv = 0; rv == 0 && i < PyList_GET_SIZE(frames); i++) {
            const char *text = PyUnicode_AsUTF8(PyList_GET_ITEM(frames, i));

            if (text == NULL)
                PyErr_Clear();    /* a file name that is no text */
            else
                wsgi_log_held(WSGI_LOG_INFO, "%s", text);
        }
    }
    Py_XDECREF(frames);
    Py_XDECREF(traceback);
    return rv;
}

/* signal.signal() in a process of Apache's would take away the signals that
 * manage it. In a process that the application forked it works as ever. */
static PyObject *ignore_signal(PyObject *module, PyObject *args)
{
    wsgi_state *st = PyModule_GetState(module);
    PyObject *number, *handler, *pid;

    if (!PyArg_ParseTuple(args, "OO:signal", &number, &handler))
        return NULL;
    if (st->signal_function == NULL)  /* the interpreter is being taken apart */
        return Py_NewRef(handler);
    pid = PyTuple_GET_ITEM(st->signal_function, 1);
    if (PyLong_AsLong(pid) != (long)getpid())
        return PyObject_CallObject(PyTuple_GET_ITEM(st->signal_function, 0), args);
    wsgi_log_held(WSGI_LOG_INFO, "registration of a handler for signal %ld ignored",
                  PyLong_AsLong(number));
    PyErr_Clear();
    return log_stack() < 0 ? NULL : Py_NewRef(handler);
}

static PyMethodDef ignore_signal_def = {
    "signal", ignore_signal, METH_VARARGS, "Does nothing and returns the handler."
};

static int replace_signal(PyObject *module, wsgi_state *st)
{
    PyObject *signal = PyImport_ImportModule("signal"), *old = NULL, *new = NULL;
    int rv = -1;

    if (signal == NULL || (old = PyObject_GetAttrString(signal, "signal")) == NULL)
        goto done;
    st->signal_function = Py_BuildValue("(Ol)", old, (long)getpid());
    new = PyCFunction_NewEx(&ignore_signal_def, module, NULL);
    if (st->signal_function == NULL || new == NULL)
        goto done;
    rv = PyObject_SetAttrString(signal, "signal", new);
done:
    Py_XDECREF(new);
    Py_XDECREF(old);
    Py_XDECREF(signal);
    return rv;
}

int wsgi_signals_install(PyObject *module, wsgi_state *st, const char *application_group)
{
    const wsgi_python_config *c = wsgi_python_settings();
    wsgi_scope scope;

    wsgi_settings_resolve(c->settings, c->process_group, application_group, &scope);
    return c->service || scope.restrict_signal == 0 ? 0 : replace_signal(module, st);
}
