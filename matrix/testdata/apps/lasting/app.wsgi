"""Says who answers; at /keys, how many keys of threads the process could still make."""
import json
import os
import sys


def keys_left():
    import ctypes  # of 3.12: _ctypes is refused where an interpreter has its own GIL

    libc = ctypes.PyDLL(None)
    key, made = ctypes.c_uint(), []
    while libc.pthread_key_create(ctypes.byref(key), None) == 0:
        made.append(key.value)
    for value in made:
        libc.pthread_key_delete(value)
    return len(made)


def application(environ, start_response):
    answer = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "group": environ["mod_wsgi.application_group"],
        "generation": environ.get("MATRIX_GENERATION", ""),
    }
    if environ["PATH_INFO"] == "/keys":
        answer["keys"] = keys_left()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode("ascii")]
