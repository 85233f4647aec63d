package run

import (
	"fmt"
	"os"
	"syscall"
)

// Replace makes this process the program at path, with this process's own
// environment and open files. It returns only if that cannot be done.
func Replace(path string, args ...string) error {
	err := syscall.Exec(path, append([]string{path}, args...), os.Environ())
	return &Error{Line: Line(path, args...), Code: -1, Err: fmt.Errorf("becoming it: %w", err)}
}
