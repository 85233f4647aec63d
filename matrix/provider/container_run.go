package provider

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"modwsgi/internal/run"
)

// container is the machine that an image is.
type container struct {
	r            *run.Runner
	engine, name string
}

// ID is "container-trixie".
func (m *container) ID() string { return ContainerName + "-" + m.name }

// Stamp says nothing: the engine keeps what it made.
func (m *container) Stamp() Stamp { return Stamp{} }

func (m *container) tag() string { return imageTag + m.name }

// folderLabel has the folder where the program of a container runs.
const folderLabel = "modwsgi-matrix.folder"

// tell has the engine do what it can do at once.
func (m *container) tell(ctx context.Context, words ...string) (run.Result, error) {
	return m.r.Run(ctx, run.Cmd{Path: m.engine, Args: words, Timeout: toldIn})
}

// answers says whether its engine does not do what it is for: a docker whose daemon
// does not run does not.
func (m *container) answers(ctx context.Context) error {
	_, err := m.tell(ctx, "info")
	return err
}

// Run runs c in a container of its own, which is gone afterwards. One whose time is
// up is removed: its engine would let it go on when its client ends.
func (m *container) Run(ctx context.Context, c Command) (run.Result, error) {
	if err := c.carried(); err != nil {
		return run.Result{}, err
	}
	if err := m.clear(ctx, c.Dir); err != nil {
		return run.Result{}, err
	}
	name := "modwsgi-" + rand.Text()
	words, err := m.words(c, name)
	if err != nil {
		return run.Result{}, err
	}
	// The client of an engine passes on the signals that it gets: the interrupt of c,
	// and the one that it gets when this process is killed.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	res, err := c.carry(ctx, m.r, run.Cmd{Path: m.engine, Args: words, Tied: true})
	if err != nil {
		// It may be gone; whoever was called off still removes it.
		_, _ = m.tell(context.WithoutCancel(ctx), "rm", "--force", name)
	}
	return res, err
}

// clear removes the containers that still run in dir: whoever started them was
// killed, and so was the client that would have ended them.
func (m *container) clear(ctx context.Context, dir string) error {
	if dir == "" {
		return nil
	}
	res, err := m.tell(ctx, "ps", "--all", "--quiet", "--filter", "label="+folderLabel+"="+dir)
	if left := strings.Fields(res.Stdout); err == nil && len(left) > 0 {
		_, err = m.tell(ctx, append([]string{"rm", "--force"}, left...)...)
	}
	if err != nil {
		return fmt.Errorf("removing what an earlier run left in %s: %w", dir, err)
	}
	return nil
}

// words are those behind the engine's name.
func (m *container) words(c Command, name string) ([]string, error) {
	words := []string{
		"run", "--rm", "--init", "--name", name, "--hostname", m.ID(), "--network", "none", "--pull", "never",
		"--security-opt", "label=disable", // labels would keep a container from files that are not its own
		"--cap-add", "SYS_PTRACE", // cases look into processes of other users, as root of a machine can
		"--tmpfs", "/tmp:mode=1777,exec",
	}
	given := slices.Concat([]string{c.Program}, c.Read)
	for i, path := range slices.Concat(given, c.Write) {
		if strings.ContainsAny(path, ",\"\n") {
			return nil, fmt.Errorf("giving %s to %s: its path has a comma, a quote or a line end", path, m.ID())
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("giving a file to %s: %w", m.ID(), err)
		}
		mount := "type=bind,source=" + path + ",target=" + path
		if i < len(given) {
			mount += ",readonly"
		}
		words = append(words, "--mount", mount)
	}
	if c.Dir != "" {
		words = append(words, "--workdir", c.Dir, "--label", folderLabel+"="+c.Dir)
	}
	for _, kv := range c.Env {
		words = append(words, "--env", kv)
	}
	return append(append(words, m.tag(), c.Program), c.Args...), nil
}
