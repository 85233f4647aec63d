package provider

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"modwsgi/csrc/fetch"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// Archive is a source archive that was checked.
type Archive struct {
	File    string // where it lies, until it is unpacked
	Version string // upstream's: "3.13.5"
	From    string // the URL, or "Debian's python3.13 3.13.5-2"
	Sum     string // "sha256:…"
}

// errNoSource is that a mirror does not have what was asked for.
var errNoSource = errors.New("no suite has it")

// Fetched brings an archive from a URL with its checksum (URL#sha256=HEX), or a file.
func Fetched(ctx context.Context, r *run.Runner, agent, spec, version, dir string) (Archive, error) {
	s, err := fetch.Parse(spec, fetch.IsDir)
	if err != nil {
		return Archive{}, err
	}
	o, err := fetch.FromEnvironment(r, agent)
	if err != nil {
		return Archive{}, err
	}
	data, sum, err := o.Bytes(ctx, s)
	if err != nil {
		return Archive{}, err
	}
	a := Archive{File: filepath.Join(dir, "archive"), Version: version, From: s.At, Sum: sum}
	return a, os.WriteFile(a.File, data, 0o600)
}

// Source brings the archive that upstream released from a source package of the
// distribution, by apt, which knows whose signature an archive has: the youngest
// whose version is version or begins with it, of all suites that are published and
// that the mirror gives. It is put into dir, with all that apt needs: apt of this machine is not touched.
func (m Mirror) Source(ctx context.Context, name, version, dir string) (Archive, error) {
	if m.R.Offline {
		return Archive{}, missing(NoProvider, fmt.Errorf("fetching the source of %s: the network is not to be used", name), "leave out --offline")
	}
	a, err := m.privateApt(ctx, dir)
	if err != nil {
		return Archive{}, err
	}
	out, err := a.run(ctx, "apt-cache", "showsrc", "--only-source", name)
	if err != nil && out == "" {
		return Archive{}, hint.Exit(fmt.Errorf("%s: %w", name, errNoSource), hint.NotFound)
	}
	there := versions(out, name)
	found := matching(there, version)
	if len(found) == 0 {
		return Archive{}, hint.Exit(fmt.Errorf("%s %s: %w; there are %s", name, version, errNoSource, strings.Join(there, ", ")), hint.NotFound)
	}
	var errs []error
	for _, v := range found {
		if _, err = a.run(ctx, "apt-get", "source", "--download-only", "--only-source", name+"="+v); err == nil {
			return a.archive(name, v)
		}
		errs = append(errs, err)
	}
	return Archive{}, errors.Join(errs...)
}

// apt is one of its own: sources, lists and cache are below dir.
type apt struct {
	r   *run.Runner
	dir string
}

// suites are those in whose sources something is looked for; those that a mirror
// does not have are left out.
var suites = []string{"bullseye", "bookworm", "trixie", "forky", "sid", "jammy", "noble"}

func (m Mirror) privateApt(ctx context.Context, dir string) (apt, error) {
	a := apt{m.R, dir}
	if _, err := m.R.LookPath("apt-get"); err != nil {
		return a, missing(NoProvider, errors.New("apt-get is not here"), "give the URL of an archive with its checksum")
	}
	url, security, err := m.places(ctx)
	if err != nil {
		return a, err
	}
	signed := ""
	if keys := keyring(); keys != "" {
		signed = " [signed-by=" + keys + "]"
	}
	lines := ""
	for _, suite := range suites {
		for _, at := range []struct{ url, suite string }{{url, suite}, {security, suite + "-security"}} {
			if at.url == "" {
				continue
			}
			switch there, err := m.has(ctx, at.url, at.suite); {
			case err != nil:
				return a, err
			case there:
				lines += fmt.Sprintf("deb-src%s %s %s main\n", signed, at.url, at.suite)
			}
		}
	}
	for _, name := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return a, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "sources.list"), []byte(lines), 0o644); err != nil {
		return a, err
	}
	if err := os.WriteFile(filepath.Join(dir, "apt.conf"), []byte(aptConf(dir)), 0o644); err != nil {
		return a, err
	}
	_, err = a.run(ctx, "apt-get", "update")
	return a, err
}

// aptConf keeps apt to dir. What this machine has it do after an update is about
// this machine's packages.
func aptConf(dir string) string {
	return fmt.Sprintf(`#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb;
Dir::State "%[1]s/state";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
APT::Sandbox::User "";
`, dir)
}

func (a apt) run(ctx context.Context, program string, args ...string) (string, error) {
	if err := os.WriteFile(filepath.Join(a.dir, "status"), nil, 0o644); err != nil {
		return "", err
	}
	res, err := a.r.Run(ctx, run.Cmd{Dir: a.dir, Path: program, Args: append([]string{"-q", "-c", filepath.Join(a.dir, "apt.conf")}, args...), Timeout: 5 * time.Minute, Network: true})
	return res.Stdout, err
}

// archive checks what apt brought against the description of the package, which it
// checked against the index.
func (a apt) archive(name, version string) (Archive, error) {
	_, plain, found := strings.Cut(version, ":") // file names have no epoch
	if !found {
		plain = version
	}
	text, err := os.ReadFile(filepath.Join(a.dir, name+"_"+plain+".dsc"))
	if err != nil {
		return Archive{}, err
	}
	p, err := readDsc(string(text))
	if err != nil {
		return Archive{}, fmt.Errorf("source package %s %s: %w", name, version, err)
	}
	if p.name != name || p.version != version {
		return Archive{}, hint.Exit(fmt.Errorf("source package %s %s: it says that it is %s %s", name, version, p.name, p.version), hint.Refused)
	}
	f, err := p.original()
	if err != nil {
		return Archive{}, err
	}
	path := filepath.Join(a.dir, f.name)
	sum, err := sumFile(path)
	if err == nil && sum != f.sum {
		err = hint.Exit(fmt.Errorf("%s has %s, not %s", path, sum, f.sum), hint.Refused)
	}
	return Archive{path, upstream(version), "source package " + name + " " + version, sum}, err
}

func sumFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// versions are those that showsrc lists of a package, each once.
func versions(text, name string) []string {
	var list []string
	for _, s := range readStanzas(text) {
		if v := s["version"]; v != "" && (s["package"] == name || s["source"] == name) && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// matching are those of list whose upstream version is want or begins with it, the
// youngest first: a mirror may list what it does not have. One that is no release
// yet is taken only if it is asked for by its whole name.
func matching(list []string, want string) []string {
	var out []string
	for _, v := range list {
		if up := upstream(v); up == want || strings.HasPrefix(up, want+".") && released(up) {
			out = append(out, v)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return compare(upstream(b), upstream(a)) })
	return out
}

// released tells a release from what comes before it: "3.15.0~a1".
func released(version string) bool {
	return strings.Trim(version, "0123456789.") == ""
}

// compare compares versions of numbers.
func compare(a, b string) int {
	number := func(s string) int {
		n, _ := strconv.Atoi(s)
		return n
	}
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int { return cmp.Compare(number(x), number(y)) })
}

// unpack unpacks a checked archive into dir, which it makes, without its top folder.
func (a Archive) unpack(ctx context.Context, r *run.Runner, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	_, err := r.Run(ctx, run.Cmd{Path: "tar", Args: []string{"-x", "--no-same-owner", "--strip-components=1", "-C", dir, "-f", a.File}, Timeout: 5 * time.Minute})
	return err
}
