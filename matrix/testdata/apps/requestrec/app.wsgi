"""Shows the capsule of the request, and what is left of the one before."""
import ctypes
import json

pointer = ctypes.pythonapi.PyCapsule_GetPointer
pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
kept = []


def tried(capsule):
    try:
        return "a pointer" if pointer(capsule, None) else "nothing"
    except Exception as e:
        return type(e).__name__


def application(environ, start_response):
    capsule = environ.get("apache.request_rec")
    body = json.dumps({
        "type": type(capsule).__name__,
        "now": tried(capsule) if capsule is not None else "",
        "before": tried(kept[-1]) if kept else "",
    }).encode("ascii")
    if capsule is not None:
        kept.append(capsule)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
