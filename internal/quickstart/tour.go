package quickstart

import (
	"context"
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

	"modwsgi/installer"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/verbs"
	"modwsgi/matrix"
)

// serveDeadline bounds how long mod_wsgi-express may take to its first answer.
const serveDeadline = 30 * time.Second

// Tour is `go tool mage quickstart`: on a machine with nothing but Go it
// installs what is missing, builds, proves, serves a page, and says what to
// type next.
func Tour(ctx context.Context, j *verbs.Job) error {
	if err := Checkout(j); err != nil {
		return err
	}
	c := newChain(ctx, j)
	begin := time.Now()
	if j.Dry() {
		if err := c.needs(); err != nil || len(c.lacked) > 0 {
			return errors.Join(err, j.Plan([]string{"go on with the Apache and the Python that these bring"}))
		}
		return c.plan("serve a page with mod_wsgi-express from a folder in " + os.TempDir() + ", and remove it")
	}
	if err := c.each(c.needs, c.discover, c.build, c.prove, c.serve); err != nil {
		return err
	}
	c.conclude(time.Since(begin))
	return nil
}

// serve starts mod_wsgi-express with the diagnostics application, asks it for
// its page, and stops it.
func (c *chain) serve() error {
	return c.step("serving a page with mod_wsgi-express", func() (_ string, err error) {
		root, err := os.MkdirTemp("", "modwsgi-quickstart-")
		if err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
		port, err := matrix.FreePort()
		if err != nil {
			return "", err
		}
		args := []string{"start-server", "--application-type", "module", "mod_wsgi.diagnostics.environ",
			"--host", "127.0.0.1", "--port", strconv.Itoa(port), "--server-root", filepath.Join(root, "server"),
			"--python-executable", c.python.Executable, "--apxs", c.apache.Apxs,
			"--module-file", c.layout.Module, "--log-to-terminal", "--working-directory", "/"}
		if isRoot() {
			user, _, err := matrix.ServerUser()
			if err != nil {
				return "", err
			}
			// The server's user has to get through to the files.
			if err := os.Chmod(root, 0o755); err != nil {
				return "", err
			}
			args = append(args, "--user", user)
		}
		server, err := c.r.Start(c.ctx, run.Cmd{Path: express(c.dir), Args: args})
		if err != nil {
			return "", err
		}
		page, askErr := ask(c.ctx, fmt.Sprintf("http://127.0.0.1:%d/", port))
		stopErr := server.Signal(syscall.SIGTERM)
		result, endErr := server.Wait()
		if askErr != nil {
			return "", fmt.Errorf("%w\n%s", askErr, strings.TrimSpace(result.Stderr))
		}
		if err := errors.Join(stopErr, endErr); err != nil {
			return "", fmt.Errorf("stopping the server: %w", err)
		}
		if !strings.Contains(page, "mod_wsgi.process_group") {
			return "", hint.Exit(fmt.Errorf("the diagnostics page is not what it should be:\n%s", page), hint.Unverified)
		}
		return fmt.Sprintf("200, %d bytes, stopped cleanly", len(page)), nil
	})
}

// ask gets url as soon as somebody listens there.
func ask(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, serveDeadline)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		response, err := http.DefaultClient.Do(request)
		if errors.Is(err, syscall.ECONNREFUSED) && ctx.Err() == nil {
			// Nothing to wait on but time: httpd has no way to say that it listens.
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		if err != nil {
			return "", fmt.Errorf("asking the server for its page: %w", err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		if err != nil {
			return "", fmt.Errorf("reading the server's page: %w", err)
		}
		if response.StatusCode != http.StatusOK {
			return "", fmt.Errorf("the server answered %s", response.Status)
		}
		return string(body), nil
	}
}

// conclude says what was found, where the time went, and what to type next.
func (c *chain) conclude(total time.Duration) {
	p := func(format string, args ...any) { fmt.Fprintf(c.Out, format+"\n", args...) }
	p("")
	p("Everything works; %.1f seconds.", total.Seconds())
	for _, t := range c.steps.Timings() {
		p("  %7.2f s  %s", t.Took.Seconds(), t.Text)
	}
	p("")
	p("Apache  %s", describeApache(c.apache))
	p("        to choose another: APXS=/path/to/apxs (go tool mage discover lists them)")
	p("Python  %s", describePython(c.python))
	p("        to choose another: PYTHON=/path/to/python3, PYTHON=3.12, or a virtual environment")
	p("")
	p("For the Apache you have:")
	p("")
	for _, line := range installer.Snippet(c.layout, c.python) {
		p("    %s", line)
	}
	p("")
	p("For an application of yours, in an Apache of its own:")
	p("")
	user := ""
	if isRoot() {
		if name, _, err := matrix.ServerUser(); err == nil {
			user = " --user " + name
		}
	}
	p("    %s start-server app.py --port 8000%s", express(c.dir), user)
}
