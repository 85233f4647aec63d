"""Tell what this interpreter is. Run as: python -I -S -c <this> <marker>

Prints one JSON object between two markers, so that whatever else is printed
when Python starts does not matter. Parses in every Python 3 and in 2.7, which
must be able to say that it is too old.
"""
import json
import sys
import sysconfig

VARIABLES = """
VERSION LDVERSION ABIFLAGS abi_thread Py_ENABLE_SHARED Py_DEBUG Py_GIL_DISABLED Py_TRACE_REFS INSTSONAME
LDLIBRARY LIBRARY LIBDIR LIBPL MULTIARCH INCLUDEPY CONFINCLUDEPY SOABI EXT_SUFFIX CC CFLAGS OPT LIBS MODLIBS SYSLIBS
LINKFORSHARED LDSHARED PYTHONFRAMEWORK PYTHONFRAMEWORKDIR PYTHONFRAMEWORKPREFIX MACOSX_DEPLOYMENT_TARGET
CONFIG_ARGS prefix exec_prefix installed_base base platbase WITH_DYLD PYTHON_BUILD_STANDALONE
""".split()
PATHS = "include platinclude stdlib platstdlib purelib platlib scripts".split()


def mapped():
    """The libpython files in this process, where the system tells."""
    found = []
    try:
        with open("/proc/self/maps") as maps:
            for line in maps:
                path = line.rstrip("\n").split(None, 5)[5:]
                if path and path[0].rsplit("/", 1)[-1].startswith("libpython") and path[0] not in found:
                    found.append(path[0])
    except (OSError, IOError):
        pass
    return found


def main():
    impl = getattr(sys, "implementation", None)
    paths = sysconfig.get_paths()
    answer = {
        "implementation": impl.name if impl else "python2",
        "version_info": list(sys.version_info[:3]),
        "releaselevel": sys.version_info[3],
        "hexversion": sys.hexversion,
        "abiflags": getattr(sys, "abiflags", ""),
        "maxsize": sys.maxsize,
        "byteorder": sys.byteorder,
        "platform": sys.platform,
        "sysconfig_platform": sysconfig.get_platform(),
        "prefix": sys.prefix,
        "base_prefix": getattr(sys, "base_prefix", sys.prefix),
        "exec_prefix": sys.exec_prefix,
        "base_exec_prefix": getattr(sys, "base_exec_prefix", sys.exec_prefix),
        "executable": sys.executable or "",
        "base_executable": getattr(sys, "_base_executable", None) or "",
        "platlibdir": getattr(sys, "platlibdir", "lib"),
        "paths": dict((name, paths[name]) for name in PATHS if name in paths),
        "vars": dict((name, sysconfig.get_config_var(name)) for name in VARIABLES),
        "mapped": mapped(),
    }
    marker = sys.argv[1]
    sys.stdout.write("\n" + marker + json.dumps(answer) + marker + "\n")


main()
