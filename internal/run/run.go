// Package run is the only one that starts programs.
//
// Every program gets an argument list (never a shell), an environment of which
// it is known what is in it, a deadline, and a process group of its own that is
// ended as a whole (rule T-7).
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"modwsgi/internal/words"
)

const (
	// defaultTimeout holds where neither the command nor the context has one.
	defaultTimeout = 10 * time.Minute
	// maxOutput is how much of either output is kept.
	maxOutput = 8 << 20
	// pipeDelay is how long a program's output may stay open after its end: a
	// grandchild that left the process group could hold it for ever.
	pipeDelay = 2 * time.Second
)

// Runner starts programs. The zero value is ready; a Runner may be used by
// several goroutines.
type Runner struct {
	Log io.Writer // gets the line of each program before it starts; nil: nobody
	Env []string  // the environment programs start from; nil: this process's

	Offline bool      // a program that downloads is refused (rule T-9)
	Dry     io.Writer // where set, it gets the line of a program that changes the machine, which is not run (rule T-8)

	mu      sync.Mutex // one line of Log at a time; refused
	refused error
}

// Cmd is one run of a program.
type Cmd struct {
	Dir  string // where it runs; "" is here
	Path string // a path (relative to here, not to Dir), or a name looked up in the environment's PATH
	Args []string
	Env  []string // KEY=value, on top of the Runner's; not filtered

	Stdin   io.Reader     // nil: nothing to read
	Timeout time.Duration // 0: the context's, else ten minutes

	// Where set, the output goes there as it comes and not into the Result. An
	// *os.File is handed over as it is.
	Stdout, Stderr io.Writer

	Files []*os.File // further descriptors, from 3 on

	// On Linux it gets SIGTERM when this process ends, however that is. Who starts
	// it has to stay locked to its thread until Wait: the system goes by that.
	Tied bool

	// Where set, the program's root folder, as chroot makes it: Path is absolute in
	// it, and so is Dir, of which "" is its top.
	Root string

	Network bool // it downloads something
	Changes bool // it changes the machine: installs packages, say
}

// Result is what a program that ran said.
type Result struct {
	Stdout, Stderr string
	Code           int  // exit status; 128 + signal when one ended it
	Truncated      bool // more than 8 MiB were said
}

// Error says which program did not do what it should. Result has the rest.
type Error struct {
	Line   string // the command, as a person would type it
	Code   int    // as in Result; -1 when it did not start
	Stderr string // the last lines of it
	Err    error
}

func (e *Error) Error() string {
	text := e.Line + ": " + e.Err.Error()
	if e.Stderr != "" {
		text += "\n" + e.Stderr
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Output runs name in dir and returns its standard output without the blanks at
// either end. The error quotes command line, exit status and the end of standard
// error; it wraps [exec.ErrNotFound] when there is no such program.
func (r *Runner) Output(ctx context.Context, dir, name string, args ...string) (string, error) {
	res, err := r.Run(ctx, Cmd{Dir: dir, Path: name, Args: args})
	return strings.TrimSpace(res.Stdout), err
}

// Run runs c to its end. An exit status other than 0 is an [*Error]; the Result
// is filled all the same.
func (r *Runner) Run(ctx context.Context, c Cmd) (Result, error) {
	if r.Dry != nil && c.Changes {
		_, err := io.WriteString(r.Dry, c.Line()+"\n")
		return Result{}, err
	}
	timeout := c.Timeout
	if _, has := ctx.Deadline(); timeout == 0 && !has {
		timeout = defaultTimeout
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	p, err := r.Start(ctx, c)
	if err != nil {
		return Result{Code: -1}, err
	}
	return p.Wait()
}

// Process is a program that was started and has not been waited for.
type Process struct {
	cmd         *exec.Cmd
	ctx         context.Context
	cancel      context.CancelFunc
	line        string
	out, errOut *bounded
}

// Start starts c and returns. No default deadline applies: the program runs
// until it ends, or ctx does. The caller must call Wait.
func (r *Runner) Start(ctx context.Context, c Cmd) (*Process, error) {
	line := c.Line()
	if r.Offline && c.Network {
		return nil, r.refuse(line)
	}
	path, err := r.program(c)
	if err != nil {
		return nil, &Error{Line: line, Code: -1, Err: err}
	}
	r.log(line)

	cancel := context.CancelFunc(func() {})
	if c.Timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, c.Timeout)
	}
	p := &Process{
		ctx: ctx, cancel: cancel, line: line,
		out: &bounded{}, errOut: &bounded{},
	}
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Dir, cmd.Stdin, cmd.ExtraFiles = c.Dir, c.Stdin, c.Files
	cmd.Env = append(r.environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	if c.Stdout == nil {
		cmd.Stdout = p.out
	}
	if c.Stderr == nil {
		cmd.Stderr = p.errOut
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Chroot: c.Root}
	if c.Root != "" && c.Dir == "" {
		cmd.Dir = "/" // here is no place in it
	}
	if c.Tied {
		tie(cmd.SysProcAttr)
	}
	cmd.Cancel = func() error { return p.Signal(syscall.SIGKILL) }
	cmd.WaitDelay = pipeDelay
	p.cmd = cmd
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, &Error{Line: line, Code: -1, Err: err}
	}
	return p, nil
}

// program is the path of what c runs. In another root nothing is looked up: links
// in it lead elsewhere from here.
func (r *Runner) program(c Cmd) (string, error) {
	if c.Root == "" {
		return r.LookPath(c.Path)
	}
	if !filepath.IsAbs(c.Path) {
		return "", fmt.Errorf("%s is not the whole path of a program below %s", c.Path, c.Root)
	}
	return c.Path, nil
}

// PID is the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends sig to the process group of the program.
func (p *Process) Signal(sig syscall.Signal) error {
	err := syscall.Kill(-p.cmd.Process.Pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// Wait waits for the program's end. See [Runner.Run] for what it returns.
func (p *Process) Wait() (Result, error) {
	defer p.cancel()
	err := p.cmd.Wait()
	res := Result{
		Stdout:    p.out.String(),
		Stderr:    p.errOut.String(),
		Code:      exitCode(p.cmd.ProcessState),
		Truncated: p.out.over || p.errOut.over,
	}
	if errors.Is(err, exec.ErrWaitDelay) && res.Code == 0 {
		err = nil // it ended well; something it left behind holds the pipe
	}
	if err == nil {
		return res, nil
	}
	var exit *exec.ExitError
	switch {
	case errors.Is(p.ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("no end within its deadline: %w", context.DeadlineExceeded)
	case p.ctx.Err() != nil:
		err = p.ctx.Err()
	case errors.As(err, &exit) && exit.Exited():
		err = fmt.Errorf("exit status %d", res.Code)
	}
	return res, &Error{Line: p.line, Code: res.Code, Stderr: tail(res.Stderr), Err: err}
}

func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// LookPath finds the program called name: as given when it has a slash, else in
// the PATH of the Runner's environment. The error wraps [exec.ErrNotFound].
func (r *Runner) LookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		if err := executable(name); err != nil {
			return "", err
		}
		return filepath.Abs(name)
	}
	for dir := range strings.SplitSeq(r.Getenv("PATH"), ":") {
		// A relative or empty part would run what lies in the working directory.
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, name)
		if executable(path) == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

// absent is exec.ErrNotFound of a path, for which nobody looked in $PATH.
type absent struct{}

func (absent) Error() string        { return "there is no such file" }
func (absent) Is(target error) bool { return target == exec.ErrNotFound || target == os.ErrNotExist }

// executable returns nil if path is a file that may be executed.
func executable(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return absent{}
	case err != nil:
		return err
	case fi.IsDir():
		return syscall.EISDIR
	case fi.Mode()&0o111 == 0:
		return os.ErrPermission
	}
	return nil
}

// Line is the command name with its arguments as a person can paste it into a
// shell.
func Line(name string, args ...string) string {
	first := words.Quote(name)
	if strings.Contains(first, "=") && !strings.HasPrefix(first, "'") {
		first = "'" + first + "'" // not an assignment
	}
	if len(args) == 0 {
		return first
	}
	return first + " " + words.Join(args)
}

// Line is c as a person can paste it into a shell.
func (c Cmd) Line() string {
	line := Line(c.Path, c.Args...)
	if c.Root != "" {
		line = "chroot " + words.Quote(c.Root) + " " + line
	}
	if len(c.Env) > 0 {
		line = "env " + words.Join(c.Env) + " " + line
	}
	if c.Dir != "" {
		line = "cd " + words.Quote(c.Dir) + " && " + line
	}
	return line
}

func (r *Runner) log(line string) {
	if r.Log == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = io.WriteString(r.Log, line+"\n") // a log that cannot be written stops no program
}
