package expressgen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/internal/words"
)

// reloadPoll is how often the error log is read while a reload is followed.
const reloadPoll = 50 * time.Millisecond

// Running is a server that was started from a server root.
type Running struct {
	Root     string
	PID      int    // of httpd
	ErrorLog string // "" when that is no file
}

// FindRunning finds the httpd that runs from root. That a pid file names a
// process is not enough: it must have been started with the root's
// configuration.
func FindRunning(root string) (Running, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Running{}, err
	}
	conf := filepath.Join(root, "httpd.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		return Running{}, hint.New(fmt.Errorf("%s is no server root: %w", root, err), "give the folder that start-server named, or its --server-root")
	}
	pid, ok := readPid(fileOf(string(text), "PidFile"))
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if !ok || err != nil || !bytes.Contains(line, []byte("\x00"+conf+"\x00")) {
		return Running{}, hint.New(fmt.Errorf("no server runs from %s", root), "start it: "+words.Quote(filepath.Join(root, "apachectl"))+" start")
	}
	return Running{Root: root, PID: pid, ErrorLog: errorLogOf(string(text))}, nil
}

// errorLogOf is the file that the first ErrorLog of a configuration names.
func errorLogOf(conf string) string {
	path := fileOf(conf, "ErrorLog")
	if fi, err := os.Stat(path); err != nil || !fi.Mode().IsRegular() {
		return ""
	}
	return path
}

// fileOf is the path that the first line of a directive names.
func fileOf(conf, directive string) string {
	for line := range strings.Lines(conf) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), directive+" ")
		if !ok {
			continue
		}
		list, err := words.Split(strings.ReplaceAll(rest, "${EXPRESS_DOLLAR}", `\$`))
		if err != nil || len(list) != 1 || !filepath.IsAbs(list[0]) {
			return ""
		}
		return list[0]
	}
	return ""
}

// supervisor is the server's wsgi-supervisor.
func (s Running) supervisor() (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue
		}
		name, rest, _ := strings.Cut(string(stat[bytes.IndexByte(stat, '(')+1:]), ") ")
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == strconv.Itoa(s.PID) && strings.HasPrefix("wsgi-supervisor", name) {
			return pid, nil
		}
	}
	return 0, hint.New(fmt.Errorf("the server of %s has no daemon processes", s.Root), "an application in embedded mode is reloaded without --rolling")
}

// Restart restarts the server gracefully: its configuration is read again, and
// new daemon processes take over from the old ones once they are ready.
func (s Running) Restart() error {
	if err := syscall.Kill(s.PID, syscall.SIGUSR1); err != nil {
		return fmt.Errorf("restarting the server of %s (pid %d): %w", s.Root, s.PID, err)
	}
	return nil
}

var (
	rollBegins = pattern.New(`rolling reload of daemon process group '(.*)' begins`)
	rollEnds   = pattern.New(`rolling reload of daemon process group '(.*)' is (complete|given up)`)
	rollCause  = pattern.New(`WSGIM(0601|040[1-6]): .*`)
)

// Roll replaces all daemon processes, one after the other: each new one has to
// import what the old one serves before it takes over. What happens is told to
// w. If one cannot, the old ones go on and the error says why.
func (s Running) Roll(ctx context.Context, w io.Writer) error {
	pid, err := s.supervisor()
	if err != nil {
		return err
	}
	if s.ErrorLog == "" {
		return hint.New(fmt.Errorf("the error log of %s is not a file, so the outcome could not be told", s.Root),
			fmt.Sprintf("kill -USR1 %d does it, and its outcome is in the log", pid))
	}
	fi, err := os.Stat(s.ErrorLog)
	if err != nil {
		return err
	}
	log := &logTail{path: s.ErrorLog, at: fi.Size()}
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		return fmt.Errorf("signalling the supervisor of %s (pid %d): %w", s.Root, pid, err)
	}
	return followRoll(ctx, log.lines, fmt.Sprintf("[pid %d", pid), w)
}

// followRoll reads lines of the log until each group that began has ended. SAYS
// marks the lines of the supervisor.
func followRoll(ctx context.Context, lines func() ([]string, error), says string, w io.Writer) error {
	open := map[string]bool{}
	begun, cause := false, ""
	var failed []error
	for !begun || len(open) > 0 {
		list, err := lines()
		if err != nil {
			return err
		}
		for _, line := range list {
			if m := rollCause.FindString(line); m != "" {
				cause = m
			}
			if !strings.Contains(line, says) {
				continue
			}
			if m := rollBegins.FindStringSubmatch(line); m != nil {
				open[m[1]], begun = true, true
			}
			m := rollEnds.FindStringSubmatch(line)
			if m == nil || !open[m[1]] {
				continue
			}
			delete(open, m[1])
			if m[2] == "complete" {
				fmt.Fprintf(w, "daemon process group '%s' was reloaded\n", m[1])
				continue
			}
			err := fmt.Errorf("daemon process group '%s' was not reloaded, its old processes go on: %s", m[1], orUnknown(cause))
			failed = append(failed, hint.New(err, "mend it, and reload again; the traceback is in the error log"))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("following the reload: %w", context.Cause(ctx))
		case <-time.After(reloadPoll):
		}
	}
	return errors.Join(failed...)
}

func orUnknown(cause string) string {
	if cause == "" {
		return "the cause is in the error log"
	}
	return cause
}

// logTail reads what is added to a file, whole lines at a time.
type logTail struct {
	path string
	at   int64
	rest string
}

func (l *logTail) lines() ([]string, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, l.at, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.path, err)
	}
	l.at += int64(len(data))
	list := strings.Split(l.rest+string(data), "\n")
	l.rest = list[len(list)-1]
	return list[:len(list)-1], nil
}
