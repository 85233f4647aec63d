package doctor

import "syscall"

// noExec tells whether programs in a folder may not be run.
func noExec(dir string) bool {
	var fs syscall.Statfs_t
	const noexec = 8 // ST_NOEXEC
	return syscall.Statfs(dir, &fs) == nil && fs.Flags&noexec != 0
}
