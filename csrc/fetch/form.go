package fetch

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
)

// Kind says where a source comes from.
type Kind string

const (
	Embedded Kind = "embedded" // the tree that travels with the program
	Dir      Kind = "dir"      // a folder
	File     Kind = "file"     // an archive on this machine
	HTTPS    Kind = "https"    // an archive somewhere else
	Release  Kind = "release"  // a release of the original, by its number
	Git      Kind = "git"      // a commit of a repository
	PyPI     Kind = "pypi"     // a source distribution, by its number
)

// Source is one source specification, taken apart (rule G-1).
type Source struct {
	Kind Kind
	// Path of Dir and File; URL of HTTPS and Git; version of Release and PyPI.
	At  string
	Ref string // of Git: tag, branch or commit
	Sum string // "sha256:HEX" or "sha512:HEX", "" if none was given
}

// forms is what an error says of the grammar.
const forms = "embedded, dir:PATH, file:PATH[#sha256=HEX], https://…[#sha256=HEX], release:VERSION, pypi:VERSION, git::URL?ref=REF, or a path"

// String is the specification that s came from, in its canonical form.
func (s Source) String() string {
	sum := ""
	if s.Sum != "" {
		sum = "#" + strings.Replace(s.Sum, ":", "=", 1)
	}
	switch s.Kind {
	case Embedded:
		return "embedded"
	case HTTPS:
		return s.At + sum
	case Git:
		return "git::" + s.At + "?ref=" + s.Ref + sum
	}
	return string(s.Kind) + ":" + s.At + sum
}

// version is what a version number may look like: PEP 440 without the rarities.
var version = pattern.New(`^[0-9]+(\.[0-9]+){0,3}((a|b|rc)[0-9]+|\.dev[0-9]+)?$`)

// ref is what git may be asked for: nothing that it could take for an option or
// for a range.
var ref = pattern.New(`^[0-9A-Za-z][0-9A-Za-z._/-]{0,200}$`)

// Parse takes a source specification apart. isDir says whether a path without a
// scheme is a folder, an archive, or not there.
func Parse(spec string, isDir func(path string) (dir, ok bool)) (Source, error) {
	refuse := func(format string, args ...any) (Source, error) {
		return Source{}, hint.Exit(hint.New(fmt.Errorf("source %q: "+format, append([]any{spec}, args...)...), "a source is one of: "+forms), hint.Usage)
	}
	missing := func() (Source, error) {
		_, err := refuse("there is no such file or folder")
		return Source{}, hint.Exit(err, hint.NotFound)
	}
	if spec == "" || spec == "embedded" {
		return Source{Kind: Embedded}, nil
	}
	if strings.ContainsAny(spec, "\x00\n\r") {
		return refuse("control characters have no place in it")
	}
	body, sum, err := cutSum(spec)
	if err != nil {
		return refuse("%w", err)
	}
	scheme, rest, found := strings.Cut(body, ":")
	switch {
	case !found || strings.Contains(scheme, "/"):
		dir, ok := isDir(body)
		switch {
		case !ok:
			return missing()
		case dir:
			return Source{Kind: Dir, At: body, Sum: sum}, nil
		}
		return Source{Kind: File, At: body, Sum: sum}, nil
	case scheme == "dir" || scheme == "file":
		dir, ok := isDir(rest)
		switch {
		case rest == "" || !ok:
			return missing()
		case dir != (scheme == "dir"):
			return refuse("that is %s", map[bool]string{true: "a folder: dir:" + rest, false: "a file: file:" + rest}[dir])
		}
		return Source{Kind: Kind(scheme), At: rest, Sum: sum}, nil
	case scheme == "release" || scheme == "pypi":
		if !version.MatchString(rest) {
			return refuse("%q is no version of a release, as 6.0.5", rest)
		}
		return Source{Kind: Kind(scheme), At: rest, Sum: sum}, nil
	case scheme == "http" || scheme == "https":
		return remote(body, sum, refuse)
	case strings.HasPrefix(body, "git::"):
		return repository(strings.TrimPrefix(body, "git::"), sum, refuse)
	}
	return refuse("nothing is known of the scheme %q", scheme)
}

func remote(body, sum string, refuse func(string, ...any) (Source, error)) (Source, error) {
	u, err := url.Parse(body)
	switch {
	case err != nil || u.Host == "":
		return refuse("that is no URL")
	case u.User != nil:
		return refuse("a URL with a name or password in it ends up in logs")
	case strings.Contains(u.Path, "//"):
		return refuse("a part of an archive cannot be named with //")
	}
	return Source{Kind: HTTPS, At: body, Sum: sum}, nil
}

func repository(body, sum string, refuse func(string, ...any) (Source, error)) (Source, error) {
	u, err := url.Parse(body)
	if err != nil {
		return refuse("that is no URL")
	}
	query := u.Query()
	want := query.Get("ref")
	query.Del("ref")
	switch {
	case u.Scheme != "https" && u.Scheme != "ssh" && u.Scheme != "file":
		return refuse("git is asked by https, ssh or file, not by %q", u.Scheme)
	case u.User != nil && u.Scheme != "ssh":
		return refuse("a URL with a name or password in it ends up in logs")
	case len(query) > 0:
		return refuse("only ref= may stand behind the question mark")
	case want == "":
		return refuse("ref= is missing: a tag, a branch or a commit")
	case !ref.MatchString(want) || strings.Contains(want, ".."):
		return refuse("ref=%q is no name that git takes", want)
	case strings.HasPrefix(u.Host, "-") || strings.HasPrefix(u.Path, "-") || strings.Contains(u.Path, "//"):
		return refuse("host and path must not look like an option, or name a part with //")
	case sum != "":
		return refuse("what git brings is checked by its commit: ref= with 40 hex digits")
	}
	u.RawQuery = ""
	return Source{Kind: Git, At: u.String(), Ref: want}, nil
}

// cutSum splits off "#sha256=HEX".
func cutSum(spec string) (body, sum string, err error) {
	body, fragment, found := strings.Cut(spec, "#")
	if !found {
		return body, "", nil
	}
	algorithm, digits, found := strings.Cut(fragment, "=")
	if !found {
		return "", "", fmt.Errorf("behind # stands a checksum, as #sha256=HEX")
	}
	sum, err = checksum(algorithm, digits)
	return body, sum, err
}

// sizes of the checksums that are accepted, in bytes.
var sizes = map[string]int{"sha256": 32, "sha512": 64}

// checksum is the canonical form "sha256:hex". Sums that can be forged are refused.
func checksum(algorithm, digits string) (string, error) {
	size, ok := sizes[algorithm]
	if !ok {
		return "", fmt.Errorf("%q is no checksum that proves anything: sha256 or sha512", algorithm)
	}
	digits = strings.ToLower(digits)
	if raw, err := hex.DecodeString(digits); err != nil || len(raw) != size {
		return "", fmt.Errorf("%s has %d hex digits, %q has not", algorithm, 2*size, digits)
	}
	return algorithm + ":" + digits, nil
}
