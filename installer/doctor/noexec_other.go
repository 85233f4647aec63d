//go:build !linux

package doctor

// noExec is not known here.
func noExec(string) bool { return false }
