/* wsgi_path.c - see wsgi_path.h.
 *
 * A list of folders is applied as site.addsitedir() does it, folder by folder,
 * with what their .pth files name; what is new in sys.path then moves to the
 * front in that order. So the list applied last is searched first.
 */

#include "wsgi_path.h"
#include "wsgi_errors.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* An entry that cannot be used is said so, and never in the way of the rest. */
static void remark(const char *entry, size_t len, const char *group, const char *reason)
{
    wsgi_log_held(WSGI_LOG_WARNING, "WSGIM0608: '%.*s' of python-path: %s (application group '%s', process "
                  "group '%s')", (int)len, entry, reason, group, wsgi_python_settings()->process_group);
}

/* Is there something at this path? An entry may be an archive too. */
static void look(const char *entry, size_t len, const char *group)
{
    char *path = strndup(entry, len);
    struct stat st;

    if (path != NULL && stat(path, &st) < 0)
        remark(entry, len, group, strerror(errno));
    free(path);
}

/* 0, or -1 with an exception. */
static int add_folder(PyObject *site, const char *entry, size_t len, const char *group)
{
    PyObject *folder = PyUnicode_DecodeFSDefaultAndSize(entry, (Py_ssize_t)len), *r;

    if (folder == NULL)
        return -1;
    look(entry, len, group);
    r = PyObject_CallMethod(site, "addsitedir", "O", folder);
    Py_DECREF(folder);
    if (r == NULL) {
        PyObject *exc = PyErr_GetRaisedException();
        char text[512] = "no reason given";

        if (exc != NULL)
            wsgi_exception_text(exc, 0, text, sizeof text);
        Py_XDECREF(exc);
        remark(entry, len, group, text);
    }
    Py_XDECREF(r);
    return 0;
}

/* Move what PATH has and BEFORE, as it was, has not to the front. 0 or -1. */
static int move_new(PyObject *path, PyObject *before)
{
    PyObject *rest = PyList_New(0), *item = NULL;
    Py_ssize_t i, front = 0;
    int rv = -1;

    for (i = 0; rest != NULL && i < PyList_Size(path); i++) {
        int old;

        Py_XDECREF(item);
        item = PyList_GetItemRef(path, i);
        old = item == NULL ? -1 : PySequence_Contains(before, item);
        if (old < 0 || (old ? PyList_Append(rest, item) : PyList_Insert(rest, front++, item)) < 0)
            goto done;
    }
    if (rest != NULL)
        rv = PyList_SetSlice(path, 0, PyList_Size(path), rest);
done:
    Py_XDECREF(item);
    Py_XDECREF(rest);
    return rv;
}

/* Apply a colon list. 0, or -1 with an exception. */
static int apply(PyObject *path, const char *list, const char *group)
{
    PyObject *before = PyList_GetSlice(path, 0, PyList_Size(path));
    PyObject *site = before == NULL ? NULL : PyImport_ImportModule("site");
    const char *p = list;
    int rv = site == NULL ? -1 : 0;

    while (rv == 0 && p != NULL) {
        size_t len = strcspn(p, ":");

        if (len > 0)
            rv = add_folder(site, p, len, group);
        p = p[len] == ':' ? p + len + 1 : NULL;
    }
    if (rv == 0)
        rv = move_new(path, before);
    if (rv == 0)
        wsgi_log_held(WSGI_LOG_INFO, "'%s' put in front of sys.path (application group '%s', process group '%s')",
                      list, group, wsgi_python_settings()->process_group);
    Py_XDECREF(site);
    Py_XDECREF(before);
    return rv;
}

/* The list of the process, then those of scopes, least specific first; the folder
 * that the process works in comes before all. 0 or -1. */
static int set_path(PyObject *path, const wsgi_python_config *c, const char *group)
{
    const char *list;
    PyObject *folder;
    uint32_t i;
    int rv = 0;

    if (c->python_path != NULL)
        rv = apply(path, c->python_path, group);
    for (i = 0; rv == 0 && (list = wsgi_settings_path(c->settings, c->process_group, group, i)) != NULL; i++)
        rv = apply(path, list, group);
    if (rv < 0 || c->working_folder == NULL)
        return rv;
    folder = PyUnicode_DecodeFSDefault(c->working_folder);
    rv = folder == NULL ? -1 : PyList_Insert(path, 0, folder);
    Py_XDECREF(folder);
    return rv;
}

/* The folders of a package mod_wsgi that is installed for the application, such
 * as that of PyPI: new reference, or NULL without an exception. */
static PyObject *installed_package(void)
{
    PyObject *machinery = PyImport_ImportModule("importlib.machinery");
    PyObject *finder = machinery == NULL ? NULL : PyObject_GetAttrString(machinery, "PathFinder");
    PyObject *spec = finder == NULL ? NULL : PyObject_CallMethod(finder, "find_spec", "s", "mod_wsgi");
    PyObject *found = spec == NULL || spec == Py_None
                      ? NULL : PyObject_GetAttrString(spec, "submodule_search_locations");
    PyObject *list = found == NULL || found == Py_None ? NULL : PySequence_List(found);

    PyErr_Clear();
    Py_XDECREF(found);
    Py_XDECREF(spec);
    Py_XDECREF(finder);
    Py_XDECREF(machinery);
    return list;
}

/* The application's own comes before ours. 0 or -1. */
static int set_package(PyObject *module, const wsgi_python_config *c)
{
    PyObject *list = installed_package(), *ours = NULL;
    int rv = -1;

    if (list == NULL && (list = PyList_New(0)) == NULL)
        return -1;
    if (c->runtime != NULL) {
        ours = PyUnicode_FromFormat("%s/mod_wsgi", c->runtime);
        if (ours == NULL || PyList_Append(list, ours) < 0)
            goto done;
    }
    rv = PyList_Size(list) > 0 ? PyObject_SetAttrString(module, "__path__", list) : 0;
done:
    Py_XDECREF(ours);
    Py_DECREF(list);
    return rv;
}

int wsgi_path_install(PyObject *module, const char *application_group)
{
    const wsgi_python_config *c = wsgi_python_settings();
    PyObject *path = PySys_GetObject("path");    /* borrowed */
    int rv;

    if (path == NULL || !PyList_Check(path)) {
        PyErr_SetString(PyExc_RuntimeError, "there is no list sys.path");
        return -1;
    }
    Py_INCREF(path);
    rv = set_path(path, c, application_group);
    Py_DECREF(path);
    return rv < 0 ? -1 : set_package(module, c);
}
