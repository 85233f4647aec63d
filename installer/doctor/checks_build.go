package doctor

import "modwsgi/apxs"

// Checks of what a build needs.

// apacheThere tells why no Apache can be built for. Its error text is that of a
// tool, so the signatures know it.
func apacheThere(m Machine) []Result { return m.found(m.ApacheProblem, "MW101") }

func pythonThere(m Machine) []Result { return m.found(m.PythonProblem, "MW114") }

// aprConfig tells of an Apache that can be built for though it lacks something.
func aprConfig(m Machine) []Result {
	if m.Apache == nil || !m.Apache.Has(apxs.FlagNoAprConfig) {
		return nil
	}
	return []Result{m.result("MW102", nil, "%s does not find the apr-1-config that it was built with; its definitions were taken from apxs alone", m.Apache.Apxs).as(Warning, "they may not be all")}
}

// sameProcessor compares the server's file with libpython's.
func sameProcessor(m Machine) []Result {
	if m.Server == nil || m.Library == nil || m.Server.Class == m.Library.Class && m.Server.Machine == m.Library.Machine {
		return nil
	}
	return []Result{m.result("MW113", nil, "%s is %v, %s is %v", m.Server.File, *m.Server, m.Library.File, *m.Library)}
}

// compilerThere looks for one that can be used.
func compilerThere(m Machine) []Result {
	switch {
	case m.NoTools:
		return []Result{m.result("MW109", nil, "neither CC, nor cc, gcc or clang in PATH, is a compiler that is here")}
	case condaCompiler.MatchString(m.Compiler):
		return []Result{m.result("MW110", nil, "builds would use %s", m.Compiler).as(Warning, codeOf("MW110").Why)}
	}
	return nil
}

// temporary looks at the folder in which builds try what they made.
func temporary(m Machine) []Result {
	if !m.NoExec {
		return nil
	}
	return []Result{m.result("MW119", nil, "%s, the folder for temporary files, is on a file system mounted noexec", m.Temp)}
}
