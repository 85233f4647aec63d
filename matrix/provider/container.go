package provider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Container runs programs in containers of podman or docker, each in an image of a
// distribution with its Apache, Python and compiler. There is a network while the
// image is made, and none in a run.
type Container struct {
	R   *run.Runner
	Log func(line string) // where set, hears how far the making of an image is
}

// Name is "container".
func (p *Container) Name() string { return ContainerName }

// Lacks says whether no engine answers.
func (p *Container) Lacks(ctx context.Context) error {
	_, err := p.engine(ctx)
	return err
}

// engines are the programs that can do it. They take the same words.
var engines = []string{"podman", "docker"}

// image is where a distribution comes from.
type image struct{ from, family string }

// images are those that can be asked for, by the names that they have in cells.
var images = map[string]image{
	"bullseye": {"docker.io/library/debian:bullseye-slim", distro.Debian},
	"bookworm": {"docker.io/library/debian:bookworm-slim", distro.Debian},
	"trixie":   {"docker.io/library/debian:trixie-slim", distro.Debian},
	"jammy":    {"docker.io/library/ubuntu:22.04", distro.Debian},
	"noble":    {"docker.io/library/ubuntu:24.04", distro.Debian},
	"fedora":   {"registry.fedoraproject.org/fedora:latest", distro.Fedora},
	"alma9":    {"docker.io/library/almalinux:9", distro.Fedora},
	"leap":     {"registry.opensuse.org/opensuse/leap:latest", distro.SUSE},
	"alpine":   {"docker.io/library/alpine:latest", distro.Alpine},
	"arch":     {"docker.io/library/archlinux:latest", distro.Arch},
}

// imagePackages are what somebody installs who builds a module, and the server.
var imagePackages = map[string][]string{
	distro.Debian: {"apache2", "apache2-dev", "gcc", "libc6-dev", "python3", "python3-dev", "python3-venv"},
	distro.Fedora: {"httpd", "httpd-devel", "gcc", "redhat-rpm-config", "python3", "python3-devel"},
	distro.SUSE:   {"apache2", "apache2-devel", "gcc", "python3", "python3-devel"},
	distro.Alpine: {"apache2", "apache2-dev", "gcc", "musl-dev", "python3", "python3-dev"},
	distro.Arch:   {"apache", "gcc", "python"},
}

const (
	imageTag = "localhost/modwsgi-matrix:" // before the name
	imagedIn = 20 * time.Minute
	toldIn   = time.Minute
)

// containerfile is what an image is made by.
func containerfile(i image) string {
	lines := []string{"FROM " + i.from}
	if i.family == distro.Debian {
		lines = append(lines, "ENV DEBIAN_FRONTEND=noninteractive", "RUN apt-get update")
	}
	words := distro.System{Family: i.family}.Install(imagePackages[i.family]...)
	return strings.Join(append(lines, "RUN "+run.Line(words[0], words[1:]...)), "\n") + "\n"
}

// Machine gives the image of a distribution, made once by the engine that keeps it.
func (p *Container) Machine(ctx context.Context, name string) (Machine, error) {
	i, ok := images[name]
	if !ok {
		return nil, hint.Exit(hint.New(fmt.Errorf("there is no image for %q", name), "name one of: "+strings.Join(slices.Sorted(maps.Keys(images)), ", ")), hint.Usage)
	}
	engine, err := p.engine(ctx)
	if err != nil {
		return nil, err
	}
	m := &container{r: p.R, engine: engine, name: name}
	if _, err := p.R.Run(ctx, run.Cmd{Path: engine, Args: []string{"image", "inspect", m.tag()}, Timeout: toldIn}); err == nil {
		return m, nil
	}
	if p.R.Offline {
		return nil, missing(NoProvider, fmt.Errorf("making the image %s: the network is not to be used", m.tag()), "leave out --offline, or make it elsewhere")
	}
	if p.Log != nil {
		p.Log(engine + " build " + m.tag())
	}
	empty, err := os.MkdirTemp("", "modwsgi-image-") // nothing of this machine gets into it
	if err != nil {
		return nil, err
	}
	defer os.Remove(empty)
	_, err = p.R.Run(ctx, run.Cmd{
		Path: engine, Args: []string{"build", "--tag", m.tag(), "--file", "-", empty}, Stdin: strings.NewReader(containerfile(i)), Timeout: imagedIn, Network: true,
	})
	if err != nil {
		return nil, fmt.Errorf("making the image of %s: %w", name, err)
	}
	return m, nil
}

// engine is the first program that does what it is for: a docker whose daemon does
// not run does not.
func (p *Container) engine(ctx context.Context) (string, error) {
	var errs []error
	for _, name := range engines {
		_, err := p.R.Run(ctx, run.Cmd{Path: name, Args: []string{"info"}, Timeout: toldIn})
		if err == nil {
			return name, nil
		}
		errs = append(errs, err)
	}
	return "", missing(NoProvider, fmt.Errorf("neither %s answers: %w", strings.Join(engines, " nor "), errors.Join(errs...)), "install podman, or start the daemon of docker")
}

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

// Run runs c in a container of its own, which is gone afterwards. One whose time is
// up is removed: its engine would let it go on when its client ends.
func (m *container) Run(ctx context.Context, c Command) (run.Result, error) {
	if err := c.carried(); err != nil {
		return run.Result{}, err
	}
	name := "modwsgi-" + rand.Text()
	words, err := m.words(c, name)
	if err != nil {
		return run.Result{}, err
	}
	res, err := m.r.Run(ctx, run.Cmd{Path: m.engine, Args: words, Timeout: c.Timeout, Stdout: c.Stdout, Stderr: c.Stderr})
	if err != nil {
		// It may be gone; whoever was called off still removes it.
		_, _ = m.r.Run(context.WithoutCancel(ctx), run.Cmd{Path: m.engine, Args: []string{"rm", "--force", name}, Timeout: toldIn})
	}
	return res, err
}

// words are those behind the engine's name.
func (m *container) words(c Command, name string) ([]string, error) {
	// Labels would keep a container from files that are not its own.
	words := []string{"run", "--rm", "--init", "--name", name, "--network", "none", "--pull", "never", "--security-opt", "label=disable", "--tmpfs", "/tmp:mode=1777,exec"}
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
		words = append(words, "--workdir", c.Dir)
	}
	for _, kv := range c.Env {
		words = append(words, "--env", kv)
	}
	return append(append(words, m.tag(), c.Program), c.Args...), nil
}
