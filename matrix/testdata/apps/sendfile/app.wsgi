"""Returns files of which only the descriptor gives the bytes: read() is noted and fails."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = [("Content-Type", "application/octet-stream")]
notes = []


class Handle:
    def __init__(self, name, offset):
        self.fd = os.open(os.path.join(HERE, name), os.O_RDONLY)
        os.lseek(self.fd, offset, os.SEEK_SET)

    def fileno(self):
        return self.fd

    def tell(self):
        return os.lseek(self.fd, 0, os.SEEK_CUR)

    def read(self, size=-1):
        notes.append("read")
        raise OSError("only the descriptor has it")

    def close(self):
        notes.append("at %d" % self.tell())
        os.close(self.fd)


def application(environ, start_response):
    name = environ["PATH_INFO"].rsplit("/", 1)[-1]
    if name == "show":
        start_response("200 OK", PLAIN)
        return [" ".join(notes).encode("ascii")]
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](Handle(name, int(environ["QUERY_STRING"] or 0)))
