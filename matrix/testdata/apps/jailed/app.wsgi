"""Tells what it sees from inside another root folder."""
import json
import os

HERE = os.path.dirname(__file__)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"cwd": os.getcwd(), "top": sorted(os.listdir("/")), "outside": os.path.exists("/etc/passwd"),
                        "up": sorted(os.listdir("../../../../..")), "uid": os.getuid()}).encode("ascii")]
