package matrix

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Process is one line of the process table, as Linux tells it in /proc.
type Process struct {
	PID, Parent, Group int
	State              byte // 'Z' for one that is gone and was not waited for
	Ticks              int  // user and system time, in clock ticks
	Waited             int  // the same of children that ended and were waited for
	Start              int  // since boot: with PID it names a process for ever
	Name               string
}

// Command is the process' command line as ps shows it: arguments parted by
// blanks. It is empty for a process that is gone.
func (p Process) Command() string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
	if err != nil {
		return ""
	}
	return strings.TrimRight(strings.ReplaceAll(string(data), "\x00", " "), " ")
}

func (p Process) String() string {
	return fmt.Sprintf("%d %s (%s)", p.PID, p.Name, p.Command())
}

// Resident is the memory that the process holds now, in KiB.
func (p Process) Resident() (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) < 2 || fields[1] != "kB" {
		return 0, fmt.Errorf("no VmRSS in the state of process %d", p.PID)
	}
	return strconv.Atoi(fields[0])
}

// Maps lists the files the process has mapped, each once, sorted.
func (p Process) Maps() ([]string, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", p.PID))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var files []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if i := strings.IndexByte(lines.Text(), '/'); i >= 0 {
			files = append(files, lines.Text()[i:])
		}
	}
	sort.Strings(files)
	return slices.Compact(files), lines.Err()
}

// Descriptors maps each open descriptor of the process to what it is.
func (p Process) Descriptors() (map[int]string, error) {
	dir := fmt.Sprintf("/proc/%d/fd", p.PID)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	fds := map[int]string{}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil { // closed meanwhile
			fds[n] = target
		}
	}
	return fds, nil
}

// Resting tells whether no thread of the process runs or is about to. A process
// that is gone rests.
func (p Process) Resting() bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.PID))
	if err != nil {
		return false
	}
	for _, path := range threads {
		data, err := os.ReadFile(path)
		if err != nil { // ended meanwhile
			continue
		}
		if thread, err := parseStat(data); err != nil || thread.State == 'R' || thread.State == 'D' {
			return false
		}
	}
	return true
}

// parseStat reads the text of /proc/PID/stat.
func parseStat(data []byte) (Process, error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return Process{}, fmt.Errorf("no name in %q", data)
	}
	rest := strings.Fields(string(data[end+1:]))
	if len(rest) < 20 {
		return Process{}, fmt.Errorf("%d fields after the name in %q", len(rest), data)
	}
	p := Process{Name: string(data[open+1 : end]), State: rest[0][0]}
	user, system, childUser, childSystem := 0, 0, 0, 0
	for _, f := range []struct {
		text string
		into *int
	}{
		{strings.TrimSpace(string(data[:open])), &p.PID},
		{rest[1], &p.Parent}, {rest[2], &p.Group},
		{rest[11], &user}, {rest[12], &system}, {rest[13], &childUser}, {rest[14], &childSystem}, {rest[19], &p.Start},
	} {
		n, err := strconv.Atoi(f.text)
		if err != nil {
			return Process{}, fmt.Errorf("reading a process' state: %w", err)
		}
		*f.into = n
	}
	p.Ticks, p.Waited = user+system, childUser+childSystem
	return p, nil
}

// processTable reads every process of the machine that can still be read.
func processTable() []Process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []Process
	for _, e := range entries {
		if e.Name()[0] < '0' || e.Name()[0] > '9' {
			continue
		}
		data, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		if p, err := parseStat(data); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// family is root and everything that descends from it or shares its process
// group: a process whose parent ended keeps the group.
func family(all []Process, root int) []Process {
	in := map[int]bool{root: true}
	for grew := true; grew; {
		grew = false
		for _, p := range all {
			if !in[p.PID] && (in[p.Parent] || p.Group == root) {
				in[p.PID], grew = true, true
			}
		}
	}
	var found []Process
	for _, p := range all {
		if in[p.PID] && p.State != 'Z' {
			found = append(found, p)
		}
	}
	return found
}

// alive returns those of known that are still the same running processes.
func alive(known []Process) []Process {
	var left []Process
	for _, k := range known {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", k.PID))
		if err != nil {
			continue
		}
		p, err := parseStat(data)
		if err == nil && p.Start == k.Start && p.State != 'Z' {
			left = append(left, p)
		}
	}
	return left
}
