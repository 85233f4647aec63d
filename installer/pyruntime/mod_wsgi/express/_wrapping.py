"""The result of an application whose steps are watched."""

__all__ = ["Result", "watched"]


def watched(result, step):
    """*result* of an application, each use of which goes through *step*.

    ``step(what, function)`` calls *function* without arguments and returns or
    raises what it does; *what* is ``iter``, ``next`` or ``close``, the last even
    where *result* has none. A StopIteration passes through *step* as well.
    What has a length keeps it: servers tell from it that there is one block.
    """
    return (_Sized if hasattr(result, "__len__") else Result)(result, step)


class Result:
    """An iterable like the one that it is made of."""

    def __init__(self, result, step):
        self._result, self._step = result, step
        self._blocks = None

    def __iter__(self):
        return self

    def __next__(self):
        if self._blocks is None:
            self._blocks = self._step("iter", lambda: iter(self._result))
        return self._step("next", self._blocks.__next__)

    def close(self):
        self._step("close", getattr(self._result, "close", _nothing))


class _Sized(Result):
    def __len__(self):
        return len(self._result)


def _nothing():
    pass
