package matrix

// promisesOfInterpreters are about Python in a process: its interpreters, where
// they find modules, how scripts are loaded and loaded again.
func promisesOfInterpreters() []Promise {
	return []Promise{
		{ID: "IN01", In: "B", What: `two application groups: separate sys.modules; same group shared`},
		{ID: "IN02", In: "B", What: `__name__ starts _mod_wsgi_, is _mod_wsgi_ + md5(path); __file__: true`},
		{ID: "IN03", In: "B", What: `python-path with .pth: entries first in sys.path in order; .pth processed`},
		{ID: "IN04", In: "B", What: `python-home = venv: sys.prefix is venv; packages importable`},
		{ID: "IN05", In: "B", What: `python-home missing: WARNING, server up`},
		{ID: "IN06", In: "B", What: `RestrictStdin/Stdout On: OSError naming the stream; stderr is TextIOWrapper`},
		{ID: "IN07", In: "B", What: `signal.signal(SIGTERM, f): ignored, returns f, INFO + stack; Off: works`},
		{ID: "IN08", In: "B", What: `threading.local over requests on the same thread: persists`},
		{ID: "IN09", In: "B", What: `script syntax error, then fixed: 500 with traceback, then 200 without restart`},
		{ID: "IN10", In: "B", What: `script slow to import (3 s), 5 parallel first requests: loaded once; other application group not blocked`},
		{ID: "IN11", In: "E", What: `touch script: re-executed in same pid, other modules kept`},
		{ID: "IN12", In: "D", What: `touch script: new pid, request answered 200 by it (no error seen)`},
		{ID: "IN13", In: "B", What: `WSGIScriptReloading Off: no reload`},
		{ID: "IN14", In: "B", What: `reload_required returns True / False / raises: reload / none / none + traceback`},
		{ID: "IN15", In: "B", What: `module deletes __mtime__: reload`},
		{ID: "IN16", In: "B", What: `mtime goes backwards: reload`},
		{ID: "IN17", In: "D", What: `WSGIImportScript: loaded before the first request; INFO; failing one does not stop the group`},
		{ID: "IN18", In: "D", What: `PerInterpreterGIL On, 3.12+: two CPU-bound groups run in parallel (> 1.6x); Python < 3.12: WARNING only`},
		{ID: "IN19", In: "D", What: `numpy-like single-phase extension in own GIL: ImportError in the app, no crash`},
		{ID: "IN20", In: "D", What: `WSGIFreeThreading On on 3.13t+: sys._is_gil_enabled() False; Off: True; normal build: WARNING`},
		{ID: "IN21", In: "B", What: `container precedence: most specific wins; later wins ties; paths additive`},
		{ID: "IN22", In: "B", What: `WSGIPythonOptimize 2, DontWriteBytecode, Warnings, HashSeed 0/random: sys.flags show; hash('a') equal over processes with 0, differs with random`},
		{ID: "IN23", In: "B", What: `switch-interval: sys.getswitchinterval()`},
		{ID: "IN24", In: "D", What: `non-daemon thread, ended by subscribe_shutdown: clean stop, no reaper line`},
	}
}
