package expressgen

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"modwsgi/internal/hint"
)

// portTaken is the error of a port that somebody else listens on: who, where
// the system tells. Children of an httpd that was killed keep its port and do
// not end at SIGTERM, so those of this very root get a command of their own.
func portTaken(s *Server, option string, port int, host string) error {
	pids := listeners(port)
	var left []string
	name := "another program"
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if bytes.Contains(line, []byte("\x00"+s.Path("httpd.conf")+"\x00")) {
			left = append(left, strconv.Itoa(pid))
		}
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if pid == pids[0] && len(comm) > 0 {
			name = fmt.Sprintf("%s (pid %d)", strings.TrimSpace(string(comm)), pid)
		}
	}
	err := fmt.Errorf("port %d of %s is in use by %s", port, host, name)
	if len(left) > 0 {
		return hint.New(err, "it was left behind by a server of this root that was killed; end it: kill -9 "+strings.Join(left, " "))
	}
	return hint.New(err, "choose another with --"+option+", or stop what listens there")
}

// listeners are the processes that listen on TCP port, of any address, as far
// as this user may see them, in ascending order.
func listeners(port int) []int {
	sockets := map[string]bool{} // as links in /proc/PID/fd name them
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			const listening = "0A"
			f := strings.Fields(line) // number, local address, remote address, state, …, inode
			if len(f) > 9 && f[3] == listening && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				sockets["socket:["+f[9]+"]"] = true
			}
		}
	}
	if len(sockets) == 0 {
		return nil
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	var pids []int
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && sockets[to] {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}
