"""Prints the settings of a gunicorn.conf.py as JSON: {"settings", "lost"}.

    gunicorn.py literal|execute FILE

literal reads what the file says and evaluates plain expressions: numbers, text,
lists, sums, earlier names, the environment and the number of processors. Nothing
of the file is run. execute runs it, as gunicorn does. Whatever is assigned at the
top of the file is told, by one way or the other.
"""

import ast
import json
import operator
import os
import sys

OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.USub: operator.neg, ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
LARGEST = 1 << 40
LONGEST = 1 << 16


class Unclear(Exception):
    """An expression that is not plain."""


class Literal:
    """Evaluates plain expressions of a module."""

    CALLS = {"int": int, "float": float, "str": str, "bool": bool, "max": max, "min": min, "abs": abs}

    def __init__(self, path):
        self.path, self.names = path, {"__file__": path}

    def value(self, node):
        value = self._value(node)
        if isinstance(value, (int, float)) and not -LARGEST < value < LARGEST or isinstance(value, str) and len(value) > LONGEST:
            raise Unclear("too large")
        return value

    def _several(self, nodes):
        values, size = [], 0
        for node in nodes:
            values.append(self.value(node))
            size += len(repr(values[-1]))
            if size > LONGEST:
                raise Unclear("too large")
        return values

    def _value(self, node):
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, (bool, int, float, str))):
            return node.value
        if isinstance(node, ast.Name) and node.id in self.names:
            return self.names[node.id]
        if isinstance(node, (ast.List, ast.Tuple)):
            return self._several(node.elts)
        if isinstance(node, ast.Dict) and None not in node.keys:
            return dict(zip((str(key) for key in self._several(node.keys)), self._several(node.values)))
        if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](self.value(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return self._binary(node)
        if isinstance(node, ast.BoolOp):
            for each in node.values:
                value = self.value(each)
                if bool(value) == isinstance(node.op, ast.Or):
                    break
            return value
        if isinstance(node, ast.IfExp):
            return self.value(node.body if self.value(node.test) else node.orelse)
        if isinstance(node, ast.JoinedStr):
            return "".join([self._formatted(each) for each in node.values])
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            return os.environ[self.value(node.slice)]
        if isinstance(node, ast.Call) and not any(k.arg is None for k in node.keywords):
            return self._call(node)
        raise Unclear(ast.unparse(node))

    def _binary(self, node):
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Mod) and not isinstance(left, (int, float)):
            raise Unclear("a format")
        if isinstance(node.op, ast.Mult) and not (isinstance(left, (int, float)) and isinstance(right, (int, float))):
            raise Unclear("a repetition")
        return OPERATORS[type(node.op)](left, right)

    def _formatted(self, node):
        if isinstance(node, ast.Constant):
            return node.value
        if node.format_spec is not None or node.conversion != -1:
            raise Unclear("a format")
        return str(self.value(node.value))

    def _call(self, node):
        name = ast.unparse(node.func)
        args = self._several(node.args)
        if node.keywords:
            raise Unclear(name)
        if name in ("multiprocessing.cpu_count", "os.cpu_count", "cpu_count") and not args:
            return os.cpu_count() or 1
        if name in ("os.environ.get", "os.getenv", "getenv", "environ.get") and 1 <= len(args) <= 2:
            return os.environ.get(*args)
        if name in self.CALLS:
            return self.CALLS[name](*args)
        paths = {"os.path.join": os.path.join, "os.path.dirname": os.path.dirname, "os.path.abspath": os.path.abspath, "os.path.realpath": os.path.abspath}
        if name in paths and args and all(isinstance(each, str) for each in args):
            return paths[name](*args)
        raise Unclear(name)


def lines(tree):
    """What is assigned or defined at the top: name, its expression or None, line."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield (target.id if isinstance(target, ast.Name) else ast.unparse(target)), node.value, node.lineno
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield ast.unparse(node.target), node.value, node.lineno
        elif isinstance(node, ast.AugAssign):
            yield ast.unparse(node.target), ast.BinOp(ast.Name(ast.unparse(node.target)), node.op, node.value), node.lineno
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, None, node.lineno
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            pass
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            pass
        else:
            yield type(node).__name__.lower(), node, node.lineno


def literal(path, source):
    known, settings, lost = Literal(path), [], []
    for name, node, line in lines(ast.parse(source, path)):
        if node is None:
            lost.append([name, "def", "function", line])
            continue
        try:
            value = known.value(node)
        except Exception as error:
            known.names.pop(name, None)
            text = ast.get_source_segment(source, node) or ""
            lost.append([name, text[:200], "expression", line])
            continue
        known.names[name] = value
        settings.append([name, value, line])
    return settings, lost


def execute(path, source):
    where = {}
    for name, _, line in lines(ast.parse(source, path)):
        where[name] = line
    names = {"__builtins__": __builtins__, "__name__": "__config__", "__file__": path, "__doc__": None, "__loader__": None, "__package__": None}
    before = set(names)
    sys.path.insert(0, os.path.dirname(path))
    exec(compile(source, path, "exec"), names)
    settings, lost = [], []
    for name, value in names.items():
        if name in before or type(value) is type(sys):
            continue
        line = where.get(name, 0)
        if callable(value) or isinstance(value, type):
            if name in where:       # else it was imported
                lost.append([name, "def", "function", line])
            continue
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            lost.append([name, repr(value)[:200], "expression", line])
            continue
        settings.append([name, value, line])
    return settings, lost


def main(mode, path):
    with open(path, "rb") as stream:
        raw = stream.read(1 << 20)
    source = raw.decode("utf-8-sig")
    path = os.path.abspath(path)
    out, sys.stdout = sys.stdout, sys.stderr
    settings, lost = (execute if mode == "execute" else literal)(path, source)
    json.dump({"settings": settings, "lost": lost}, out)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:
        sys.exit("%s: %s" % (type(error).__name__, error))
