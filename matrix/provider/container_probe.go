package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// probeScript leaves a file in the folder that it is told.
const probeScript = "#!/bin/sh\nset -e\ncd \"$1\"\necho started > started\n"

// probe starts something trivial in the image in the very way cells are run: an
// engine that answers need not be able to, nor to see the files of this machine.
func (m *container) probe(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "modwsgi-probe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program, out := filepath.Join(dir, "probe"), filepath.Join(dir, "out")
	if err := os.WriteFile(program, []byte(probeScript), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	_, err = m.Run(ctx, Command{Program: program, Args: []string{out}, Write: []string{out}, Timeout: toldIn})
	if err != nil {
		return cured(fmt.Errorf("%s starts nothing in %s: %w", m.engine, m.tag(), said(err)), fmt.Sprintf("have `%s run --rm --init --network none %s true` work", m.engine, m.tag()))
	}
	if !fsx.Exists(filepath.Join(out, "started")) {
		return hint.New(fmt.Errorf("what is run by %s in %s does not write into folders of this machine", m.engine, m.tag()), "use an engine on this machine")
	}
	return nil
}

// said is what an engine had to say of what went wrong, without its command line.
func said(err error) error {
	if e := (*run.Error)(nil); errors.As(err, &e) && e.Stderr != "" {
		return fmt.Errorf("%s (%w)", e.Stderr, e.Err)
	}
	return err
}

// cures are for what engines say where they can start nothing.
var cures = []struct{ said, advice string }{
	{"container-init binary not found", "install catatonit, which podman starts in each container"},
	{"cgroups in hybrid mode", `install runc and have podman use it: runtime="runc" in [engine] of /etc/containers/containers.conf; or boot with systemd.unified_cgroup_hierarchy=1`},
	{"rlimit", `name limits that are allowed here: default_ulimits=["nofile=4096:4096","nproc=4096:4096"] in [containers] of /etc/containers/containers.conf`},
}

// cured gives err the advice for what is known of what an engine says in it.
func cured(err error, otherwise string) error {
	advice := ""
	for _, c := range cures {
		if advice == "" && strings.Contains(strings.ToLower(err.Error()), c.said) {
			advice = c.advice
		}
	}
	return hint.New(err, cmp.Or(advice, otherwise))
}
