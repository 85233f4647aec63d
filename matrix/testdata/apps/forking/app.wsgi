"""Starts processes of its own."""
import json
import multiprocessing
import os
import signal
import subprocess


def forked():
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed():
    """A child that got the handlers of the daemon process with everything else."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    os.kill(pid, signal.SIGTERM)
    return -os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def computed():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, [-1, -4, -9])


def application(environ, start_response):
    body = json.dumps({
        "pid": os.getpid(), "child": forked(), "killed": killed(), "pool": computed(),
        "program": subprocess.run(["sh", "-c", "printf executed"], stdout=subprocess.PIPE, check=True).stdout.decode(),
    })
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body.encode("ascii")]
