package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"modwsgi/internal/run"
)

// express starts mod_wsgi-express with the module and the MPM of the cell, makes
// requests as a browser would, and stops it as a supervisor of services does.
func (s *suiteRun) express(ctx context.Context) {
	for _, c := range []struct {
		name   string
		daemon bool // it is about daemon processes
		flags  []string
		do     func(*expressRun)
	}{
		{"start-server", false, nil, (*expressRun).answers},
		{"static", false, []string{"--url-alias", "/files", "@ROOT@/files"}, (*expressRun).files},
		{"health-path", true, []string{"--health-path", "/healthz"}, (*expressRun).healthy},
		{"processes", true, []string{"--processes", "2", "--threads", "3"}, (*expressRun).answers},
		{"compress", false, []string{"--compress-responses", "--url-alias", "/files", "@ROOT@/files"}, (*expressRun).compressed},
	} {
		if ctx.Err() != nil {
			return
		}
		if s.wants(c.name) && !(c.daemon && s.cell.Mode == Embedded) {
			s.add(s.expressCase(ctx, c.name, c.flags, c.do))
		}
	}
}

// aFile is long enough to be compressed.
var aFile = strings.Repeat("a file\n", 1000)

// expressRun is one start of mod_wsgi-express.
type expressRun struct {
	cell  Cell
	root  string
	port  int
	out   bytes.Buffer
	why   []string
	facts map[string]string
}

func (e *expressRun) errorf(format string, args ...any) {
	e.why = append(e.why, fmt.Sprintf(format, args...))
}

func (s *suiteRun) expressCase(ctx context.Context, name string, flags []string, do func(*expressRun)) (o Outcome) {
	began := time.Now()
	o = Outcome{Name: s.cell.Name() + "/express/" + name, Status: Fail}
	defer func() { o.Took = time.Since(began) }()
	if s.o.Program == "" {
		o.Status, o.Why = Skip, []string{"no mod_wsgi-express is known"}
		return o
	}
	e := &expressRun{cell: s.cell, facts: map[string]string{}}
	err := e.prepare()
	if err == nil {
		err = e.run(ctx, s, flags, do)
	}
	if err != nil {
		e.errorf("%v\n%s", err, e.out.String())
	}
	for name, value := range e.facts {
		s.report.Facts[name] = value
	}
	if o.Why = e.why; len(o.Why) == 0 {
		o.Status = Pass
	} else if s.o.Keep {
		o.Root, o.Again = e.root, run.Line(s.o.Program, e.args(flags)...)
		return o
	}
	if err := os.RemoveAll(e.root); err != nil {
		o.Status, o.Why = Fail, append(o.Why, err.Error())
	}
	return o
}

// prepare makes a folder that the server's user can read, with the application and
// a file.
func (e *expressRun) prepare() (err error) {
	if e.root, err = os.MkdirTemp("", "modwsgi express "); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(e.root, 0o755), os.Mkdir(filepath.Join(e.root, "files"), 0o755), copyApp("facts", filepath.Join(e.root, "app"))); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.root, "files", "a.txt"), []byte(aFile), 0o644)
}

func (e *expressRun) args(flags []string) []string {
	target := e.cell.Target
	args := []string{
		"start-server", filepath.Join(e.root, "app", "app.wsgi"), "--server-root", filepath.Join(e.root, "server"), "--host", "127.0.0.1", "--port", strconv.Itoa(e.port),
		"--module-file", target.Module, "--python-executable", target.Python.Executable, "--server-mpm", e.cell.MPM, "--shutdown-timeout", "5",
	}
	if target.Apache.Apxs != "" {
		args = append(args, "--apxs", target.Apache.Apxs)
	}
	if e.cell.Mode == Embedded {
		args = append(args, "--embedded-mode")
	}
	if os.Geteuid() == 0 {
		if user, group, err := ServerUser(); err == nil {
			args = append(args, "--user", user, "--group", group)
		}
	}
	for _, f := range flags {
		args = append(args, strings.ReplaceAll(f, "@ROOT@", e.root))
	}
	return args
}

// run starts it on a free port, does what the case is about, and stops it: with
// status 0, and nothing left.
func (e *expressRun) run(ctx context.Context, s *suiteRun, flags []string, do func(*expressRun)) error {
	var err error
	if e.port, err = FreePort(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	proc, err := s.r.Start(ctx, run.Cmd{
		Path: s.o.Program, Args: e.args(flags), Stdout: &e.out, Tied: true, Env: append([]string{"PYTHONDONTWRITEBYTECODE="}, e.cell.Target.Env...),
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	var result run.Result
	go func() {
		var err error
		result, err = proc.Wait()
		ended <- err
	}()
	if err := e.ready(ctx, ended); err != nil {
		_ = proc.Signal(syscall.SIGKILL) // the group; nothing of it may stay
		return err
	}
	do(e)
	family := family(processTable(), proc.PID())
	if err := syscall.Kill(proc.PID(), syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err = <-ended:
	case <-time.After(stopDeadline):
		_ = proc.Signal(syscall.SIGKILL)
		return fmt.Errorf("it does not end within %v of SIGTERM", stopDeadline)
	}
	if err != nil {
		return fmt.Errorf("stopped by SIGTERM: %w\n%s", err, result.Stderr)
	}
	if left := alive(family); len(left) > 0 {
		e.errorf("left after stop: %v", left)
	}
	return nil
}

// ready waits until the application answers.
func (e *expressRun) ready(ctx context.Context, ended <-chan error) error {
	for {
		if r, err := http.Get(e.url("/")); err == nil {
			return r.Body.Close()
		}
		select {
		case err := <-ended:
			return fmt.Errorf("it ended before it answered: %w", orError(err, "with status 0"))
		case <-ctx.Done():
			return fmt.Errorf("waiting for an answer: %w", ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

func orError(err error, text string) error {
	if err == nil {
		return errors.New(text)
	}
	return err
}

func (e *expressRun) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", e.port, path)
}

// get is the status and the body of a page.
func (e *expressRun) get(path string, header ...string) (*http.Response, string) {
	q, err := http.NewRequest(http.MethodGet, e.url(path), nil)
	if err != nil {
		e.errorf("%v", err)
		return &http.Response{}, ""
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	r, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		e.errorf("%v", err)
		return &http.Response{}, ""
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		e.errorf("%s: %v", path, err)
	}
	return r, string(body)
}

// answers wants the Python of the cell to answer.
func (e *expressRun) answers() {
	r, body := e.get("/")
	var got facts
	if err := json.Unmarshal([]byte(body), &got); err != nil || r.StatusCode != http.StatusOK {
		e.errorf("status %d, %v: %s", r.StatusCode, err, body)
		return
	}
	python := e.cell.Target.Python
	if got.Version != python.Version || got.BasePrefix != python.BasePrefix || strings.Contains(got.ABIFlags, "t") != python.ABI.Free {
		e.errorf("Python %s%s of %s answers, want %s of %s", got.Version, got.ABIFlags, got.BasePrefix, python.Version, python.BasePrefix)
	}
	if daemon := got.ProcessGroup != ""; daemon != (e.cell.Mode == Daemon) {
		e.errorf("process group %q in mode %s", got.ProcessGroup, e.cell.Mode)
	}
	e.facts["python"], e.facts["hexversion"], e.facts["abiflags"] = got.Version, fmt.Sprintf("%#x", got.HexVersion), got.ABIFlags
	e.facts["gil"], e.facts["libpython"] = onOff(got.GIL), strings.Join(got.LibPython, " ")
	if r, _ := e.get("/no/such/page"); r.StatusCode != http.StatusOK { // it is the application's to say
		e.errorf("/no/such/page: status %d", r.StatusCode)
	}
}

func (e *expressRun) files() {
	if r, body := e.get("/files/a.txt"); r.StatusCode != http.StatusOK || body != aFile {
		e.errorf("a file: status %d, %q", r.StatusCode, body)
	}
	e.answers()
}

func (e *expressRun) healthy() {
	if r, body := e.get("/healthz"); r.StatusCode != http.StatusOK {
		e.errorf("health: status %d, %q", r.StatusCode, body)
	}
	e.answers()
}

func (e *expressRun) compressed() {
	if r, _ := e.get("/files/a.txt", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "gzip" {
		e.errorf("text is not compressed: status %d, %v", r.StatusCode, r.Header)
	}
}
