package pack

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"modwsgi/csrc"
	"modwsgi/internal/cli"
)

// The names of in-toto and of SLSA for what a statement is about (rule B-2).
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
	buildType     = "urn:modwsgi:package:v1"
)

// digest is a hash by its algorithm.
type digest map[string]string

// resource is something that went in or came out.
type resource struct {
	Name        string            `json:"name"`
	URI         string            `json:"uri,omitempty"`
	Digest      digest            `json:"digest,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// statement says how packages came to be.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

type predicate struct {
	BuildDefinition struct {
		BuildType            string     `json:"buildType"`
		ExternalParameters   parameters `json:"externalParameters"`
		ResolvedDependencies []resource `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID      string            `json:"id"`
			Version map[string]string `json:"version"`
		} `json:"builder"`
	} `json:"runDetails"`
}

// parameters are what a person chose.
type parameters struct {
	Format  string   `json:"format"`
	ABI     []string `json:"abi"`
	Profile string   `json:"profile"`
	Source  string   `json:"source"`

	Revision   string `json:"revision"`
	Maintainer string `json:"maintainer,omitempty"`
	Family     string `json:"family,omitempty"`
	Compress   string `json:"compress,omitempty"`
	Key        string `json:"key,omitempty"` // by which apk knows it
}

// provenance is the statement about packages of one format. It is not signed:
// that is for programs that have a key. There is no time in it, so that the same
// packages have the same statement.
func (b Build) provenance(format string, o Options, made []Made) (Made, error) {
	s := statement{Type: statementType, PredicateType: predicateType}
	for _, sum := range Sums(made) {
		s.Subject = append(s.Subject, resource{Name: sum.Name, Digest: digest{"sha256": sum.SHA256}})
	}
	p := &s.Predicate
	p.BuildDefinition.BuildType = buildType
	p.BuildDefinition.ExternalParameters = parameters{Format: format, ABI: []string{}, Profile: b.Profile, Source: b.source(), Revision: o.Revision}
	o.record(format, &p.BuildDefinition.ExternalParameters)
	p.BuildDefinition.ResolvedDependencies = b.dependencies()
	for _, py := range b.pythons() {
		p.BuildDefinition.ExternalParameters.ABI = append(p.BuildDefinition.ExternalParameters.ABI, py.ABI)
		r := resource{Name: py.SONAME}
		if sum, err := readFileSum(py.LibPython); err == nil { // of another machine, it is not here
			r.Digest = digest{"sha256": sum}
		}
		p.BuildDefinition.ResolvedDependencies = append(p.BuildDefinition.ResolvedDependencies, r)
	}
	p.RunDetails.Builder.ID = "urn:modwsgi:toolchain"
	p.RunDetails.Builder.Version = map[string]string{"modwsgi": csrc.Version()}
	var out bytes.Buffer
	err := cli.JSON(&out, s)
	var pythons []string
	for _, py := range b.pythons() {
		p, err := pythonOf(py, "")
		if err != nil {
			return Made{}, err
		}
		pythons = append(pythons, "py"+p.Digits)
	}
	name := fmt.Sprintf("mod_wsgi-%s-%s-%s.%s.intoto.json", b.version(), strings.Join(pythons, "+"), b.Machine, format)
	return Made{name, out.Bytes()}, err
}

// record adds what was chosen of a distribution's packages.
func (o Options) record(format string, p *parameters) {
	if _, err := dialectOf(format, ""); err != nil {
		return
	}
	p.Maintainer, p.Family = o.Contact, Target(format, o.Family)
	if format == "deb" || format == "rpm" {
		p.Compress = cmp.Or(o.Compress, "gzip")
	}
	if format == "apk" && o.Key != nil {
		p.Key = o.Key.Name()
	}
}

// formAnnotation says of a source archive by which form it was named: the lock file
// has it under that.
const formAnnotation = "modwsgi:source"

// dependencies are what is known of what went in, but the Pythons: sources, and the
// Apache. No path of this machine is among it.
func (b Build) dependencies() []resource {
	list := []resource{}
	hash := b.Layout.Apache.Source
	if b.Classic != nil {
		hash = b.Classic.Source
	}
	if d := dirDigest(hash); d != nil {
		list = append(list, resource{Name: "C sources", Digest: d})
	}
	if o := b.Origin; o.Sum != "" || o.Commit != "" {
		r := resource{Name: "source archive", Digest: digest{}}
		if algorithm, hex, ok := strings.Cut(o.Sum, ":"); ok {
			r.Digest[algorithm] = hex
		}
		if o.Commit != "" {
			r.Name, r.Digest["gitCommit"] = "source repository", o.Commit
		}
		form, _, _ := strings.Cut(o.Form, ":")
		if path := form == "file" || form == "dir" || strings.Contains(o.Form, "file:"); !path {
			r.Annotations = map[string]string{formAnnotation: o.Form}
		}
		if form == "https" || form == "http" { // of the others, which mirror was asked says nothing
			r.URI = o.URL
		}
		list = append(list, r)
	}
	for _, p := range b.Origin.Patches {
		if algorithm, hex, ok := strings.Cut(p.Sum, ":"); ok {
			list = append(list, resource{Name: "patch " + path.Base(p.Name), Digest: digest{algorithm: hex}})
		}
	}
	if b.Httpd != "" {
		r := resource{Name: "httpd"}
		if sum, err := readFileSum(b.Httpd); err == nil { // of another machine, it is not here
			r.Digest = digest{"sha256": sum}
		}
		list = append(list, r)
	}
	return list
}

// source is which tree was built.
func (b Build) source() string {
	if b.Classic != nil {
		return "mod_wsgi " + b.Classic.Version
	}
	return "embedded"
}

// dirDigest is a hash of the Go module kind, "h1:…", as in-toto has it.
func dirDigest(hash string) digest {
	text, ok := strings.CutPrefix(hash, "h1:")
	if !ok {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return digest{"dirHash1": hex.EncodeToString(raw)}
}
