package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memoryGroup is a control group of the kernel that limits memory, of version 1
// or 2. Processes are moved into it; those that they start are in it too.
type memoryGroup struct {
	dir, parent string
}

// newMemoryGroup makes a group below that of this process with a limit in
// bytes. The error says why this machine lets us have none.
func newMemoryGroup(name string, limit int64) (*memoryGroup, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("only root may make a control group")
	}
	root, file, own := "/sys/fs/cgroup", "memory.max", ""
	for line := range strings.Lines(readFile("/proc/self/cgroup")) {
		switch part := strings.SplitN(strings.TrimSpace(line), ":", 3); {
		case len(part) == 3 && part[1] == "memory":
			root, file, own = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", part[2]
		case len(part) == 3 && part[0] == "0" && own == "":
			own = part[2]
		}
	}
	var problem error
	for _, parent := range []string{filepath.Join(root, own), root} {
		g := &memoryGroup{dir: filepath.Join(parent, name), parent: parent}
		if problem = os.Mkdir(g.dir, 0o755); problem != nil {
			continue
		}
		problem = os.WriteFile(filepath.Join(g.dir, file), []byte(strconv.FormatInt(limit, 10)), 0)
		if problem == nil {
			return g, nil
		}
		_ = os.Remove(g.dir) // empty: ours of a moment ago
	}
	return nil, fmt.Errorf("no control group with a memory limit can be made: %w", problem)
}

// take moves a process into the group.
func (g *memoryGroup) take(pid int) error {
	return os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

// kills is how many processes the kernel has killed in the group for want of memory.
func (g *memoryGroup) kills() int {
	for _, name := range []string{"memory.events", "memory.oom_control"} {
		for line := range strings.Lines(readFile(filepath.Join(g.dir, name))) {
			if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
				kills, _ := strconv.Atoi(strings.TrimSpace(n))
				return kills
			}
		}
	}
	return 0
}

// remove moves what is in the group out of it, and ends the group. It is false
// as long as there is something left.
func (g *memoryGroup) remove() bool {
	for _, pid := range strings.Fields(readFile(filepath.Join(g.dir, "cgroup.procs"))) {
		_ = os.WriteFile(filepath.Join(g.parent, "cgroup.procs"), []byte(pid), 0) // it may have ended
	}
	err := os.Remove(g.dir)
	return err == nil || os.IsNotExist(err)
}
