package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"modwsgi/internal/distro"
	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

// Mirror is where this machine gets its own packages from, as apt says: what other
// suites have is asked of the same place, in the same way (M-16).
type Mirror struct {
	R *run.Runner
	// Where set, apt is not asked.
	URL string
	// Where suites are that mirrors no longer have; nil: Debian's own place for them.
	Archived []string
}

// archived is where Debian keeps what is no longer mirrored.
const archived = "http://archive.debian.org/debian"

// archive is one line of apt's sources.
type archive struct{ url, release, component string }

// archives lists them.
func (m Mirror) archives(ctx context.Context) ([]archive, error) {
	out, err := m.R.Output(ctx, "", "apt-get", "indextargets", "Created-By: Packages", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)")
	if err != nil {
		return nil, fmt.Errorf("asking apt where packages come from: %w", err)
	}
	return readArchives(out), nil
}

// readArchives reads what apt-get indextargets printed.
func readArchives(text string) []archive {
	var list []archive
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 3 && (strings.HasPrefix(f[0], "http://") || strings.HasPrefix(f[0], "https://")) {
			list = append(list, archive{strings.TrimSuffix(f[0], "/"), f[1], f[2]})
		}
	}
	return list
}

// places are the URLs of the distribution's archive and of that of its security
// updates, "" if there is none.
func (m Mirror) places(ctx context.Context) (main, security string, err error) {
	if m.URL != "" {
		return strings.TrimSuffix(m.URL, "/"), "", nil
	}
	if sys := distro.Here(); sys.Family != distro.Debian {
		return "", "", missing(Platform, fmt.Errorf("%s has no apt", sys.Name), "run it on Debian or Ubuntu")
	}
	list, err := m.archives(ctx)
	if err != nil {
		return "", "", err
	}
	main, security = choose(list)
	if main == "" {
		return "", "", missing(NoProvider, errors.New("apt has no source of packages by http or https"), "add one to /etc/apt/sources.list")
	}
	return main, security, nil
}

// choose tells the archive of a distribution from those of other people: it is the
// one that has updates of the same release, or is the first.
func choose(list []archive) (main, security string) {
	updated := map[string]bool{}
	for _, a := range list {
		if base, ok := strings.CutSuffix(a.release, "-updates"); ok {
			updated[a.url+" "+base] = true
		}
		if strings.HasSuffix(a.release, "-security") && security == "" {
			security = a.url
		}
	}
	for _, a := range list {
		if a.component != "main" {
			continue
		}
		if updated[a.url+" "+a.release] {
			return a.url, security
		}
		if main == "" {
			main = a.url
		}
	}
	return main, security
}

// holding is the archive that has a suite, with its security updates if there are
// any: the machine's own, or one of what is no longer mirrored.
func (m Mirror) holding(ctx context.Context, suite string) (url, security string, err error) {
	main, security, err := m.places(ctx)
	if err != nil {
		return "", "", err
	}
	there, err := m.has(ctx, main, suite)
	if err != nil {
		return "", "", err
	}
	if there {
		if security != "" {
			if there, err = m.has(ctx, security, suite+"-security"); !there {
				security = "" // suites of tomorrow have none
			}
		}
		return main, security, err
	}
	errs := []error{fmt.Errorf("%s has no suite %s", main, suite)}
	old := m.Archived
	if old == nil && distro.Here().ID == "debian" {
		old = []string{archived}
	}
	for _, url := range old {
		switch there, err := m.has(ctx, url, suite); {
		case there:
			return url, "", nil
		case err != nil:
			errs = append(errs, err)
		default:
			errs = append(errs, fmt.Errorf("%s has none either", url))
		}
	}
	return "", "", hint.Exit(hint.New(errors.Join(errs...), "name a suite that the mirror has, such as stable"), hint.NotFound)
}

// has tells whether an archive has a suite. No answer is a [*Missing].
func (m Mirror) has(ctx context.Context, url, suite string) (bool, error) {
	at := url + "/dists/" + suite + "/Release"
	if m.R.Offline {
		return false, missing(NoProvider, fmt.Errorf("asking for %s: the network is not to be used", at), "leave out --offline, or make it elsewhere")
	}
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, at, nil)
	if err != nil {
		return false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, missing(NoProvider, fmt.Errorf("asking for %s: %w", at, err), "what was made before needs no network")
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK, nil
}

// acquires are apt's settings for reaching archives: proxies, and clocks that are
// wrong on purpose. Whoever reaches them from another root needs the same.
var acquires = pattern.New(`^Acquire::((http|https)::(Proxy|Timeout|No-Cache)|Retries|Check-Valid-Until|Check-Date|Max-ValidTime|ForceIPv4|ForceIPv6) "[^"]+";$`)

// settings are those of this machine's apt, as a file of it has them.
func (m Mirror) settings(ctx context.Context) (string, error) {
	out, err := m.R.Output(ctx, "", "apt-config", "dump", "Acquire")
	if err != nil {
		return "", fmt.Errorf("asking apt how it reaches archives: %w", err)
	}
	var b strings.Builder
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); acquires.MatchString(line) {
			b.WriteString(line + "\n")
		}
	}
	return b.String(), nil
}

// keyring is the file with the keys of the distribution's archive, "" if there is
// none where distributions have it.
func keyring() string {
	for _, path := range []string{"/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/ubuntu-archive-keyring.gpg"} {
		if distro.Here().ID == "ubuntu" && strings.Contains(path, "debian") {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}
