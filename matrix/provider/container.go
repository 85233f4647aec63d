package provider

import (
	"cmp"
	"context"
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
	_, err := able("answers", func(engine string) error { return p.machine(engine, "").answers(ctx) })
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
// The engine is the first one that can start something in it: some that answer cannot.
func (p *Container) Machine(ctx context.Context, name string) (Machine, error) {
	i, ok := images[name]
	if !ok {
		return nil, hint.Exit(hint.New(fmt.Errorf("there is no image for %q", name), "name one of: "+strings.Join(slices.Sorted(maps.Keys(images)), ", ")), hint.Usage)
	}
	engine, err := able("has a container for "+name, func(engine string) error {
		m := p.machine(engine, name)
		if err := m.answers(ctx); err != nil {
			return err
		}
		if err := p.image(ctx, m, i); err != nil {
			return err
		}
		return m.probe(ctx)
	})
	if err != nil {
		return nil, err
	}
	return p.machine(engine, name), nil
}

func (p *Container) machine(engine, name string) *container {
	return &container{r: p.R, engine: engine, name: name}
}

// image makes the image of a machine, if its engine does not have it.
func (p *Container) image(ctx context.Context, m *container, i image) error {
	if _, err := m.tell(ctx, "image", "inspect", m.tag()); err == nil {
		return nil
	}
	if p.R.Offline {
		return hint.New(fmt.Errorf("making the image %s: the network is not to be used", m.tag()), "leave out --offline, or make it elsewhere")
	}
	if p.Log != nil {
		p.Log(m.engine + " build " + m.tag())
	}
	empty, err := os.MkdirTemp("", "modwsgi-image-") // nothing of this machine gets into it
	if err != nil {
		return err
	}
	defer os.Remove(empty)
	_, err = p.R.Run(ctx, run.Cmd{
		Path: m.engine, Args: []string{"build", "--tag", m.tag(), "--file", "-", empty}, Stdin: strings.NewReader(containerfile(i)), Timeout: imagedIn, Network: true,
	})
	if err != nil {
		return cured(fmt.Errorf("making the image of %s: %w", m.name, err), "see that "+m.engine+" can fetch "+i.from+" and build with it")
	}
	return nil
}

// able is the first engine that try does not fail with.
func able(what string, try func(engine string) error) (string, error) {
	var errs []error
	for _, engine := range engines {
		err := try(engine)
		if err == nil {
			return engine, nil
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	return "", missing(NoProvider, fmt.Errorf("neither %s %s: %w", strings.Join(engines, " nor "), what, err), cmp.Or(hint.Of(err), "install podman, or start the daemon of docker"))
}
