"""Returns files in the way that the path names; the file holds the decimals of its offsets."""
import io
import os

PATH = os.path.join(os.path.dirname(__file__), "content")
PLAIN = [("Content-Type", "text/plain")]
closed = []


class Reported(io.FileIO):
    def close(self):
        if not self.closed:
            closed.append("file")
        super().close()


def whole(wrapper, start):
    start("200 OK", PLAIN)
    return wrapper(open(PATH, "rb"))


def offset(wrapper, start):
    start("200 OK", PLAIN)
    file = open(PATH, "rb")
    file.seek(100)
    return wrapper(file, 1000)


def limited(wrapper, start):
    start("200 OK", PLAIN + [("Content-Length", "50")])
    return wrapper(open(PATH, "rb"))


def memory(wrapper, start):
    start("200 OK", PLAIN)
    return wrapper(io.BytesIO(b"from memory"), 4)


def middleware(wrapper, start):
    start("200 OK", PLAIN)
    result = wrapper(open(PATH, "rb"))
    return (block.upper() for block in result)


def written(wrapper, start):
    start("200 OK", PLAIN)(b"first ")
    return wrapper(io.BytesIO(b"then the file"))


def file_written(wrapper, start):
    start("200 OK", PLAIN)(b"first ")
    return wrapper(open(PATH, "rb"))


def reported(wrapper, start):
    start("200 OK", PLAIN)
    return wrapper(Reported(PATH, "r"))


def text(wrapper, start):
    start("200 OK", PLAIN)
    return wrapper(io.StringIO("text"))


def attributes(wrapper, start):
    file = io.BytesIO(b"abc")
    made = wrapper(filelike=file, blksize=2)
    seen = [made.filelike is file, made.blksize, list(made)]
    made.close()
    seen.append(file.closed)
    for call in (lambda: next(iter(made)), lambda: wrapper(file, -1)):
        try:
            call()
        except Exception as error:
            seen.append(type(error).__name__)
    start("200 OK", PLAIN)
    return [repr(seen).encode("ascii")]


def show(wrapper, start):
    start("200 OK", PLAIN)
    return [",".join(closed).encode("ascii")]


def application(environ, start_response):
    return globals()[environ["PATH_INFO"][1:]](environ["wsgi.file_wrapper"], start_response)
