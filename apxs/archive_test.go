package apxs

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"modwsgi/internal/distro"
)

// An archived system is an archive in testdata/systems. Its files lie where that
// system has them. A name with a blank, "usr/sbin/httpd -V", is the answer of a
// program to an argument; that of "usr/bin/apxs -q" is its list of variables. The
// lines before the first file say what has no text of its own:
//
//	made recorded|composed …    how it came about: from a real one, or after what is documented
//	system ID FAMILY            which system it is
//	env NAME=VALUE              of the person who asks
//	dir PATH                    an empty folder
//	link PATH TARGET            a symbolic link
//	copy PATH FILE              a file of testdata
//	headers DIR VERSION MINOR   headers of Apache, as far as they are read
//	apr DIR VERSION             headers of APR and APR-util
//
// Paths in the files are those of the system. They are made those of the folder
// that it is unpacked in, and back in what is found.
var absolute = regexp.MustCompile(`(?m)(^|[\s"'=:(,]|-[IL])(/(?:usr|etc|opt|var|run|srv|home)\b)`)

// archivedMachine unpacks an archived system.
func archivedMachine(t *testing.T, name string) *machine {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, root: root, env: []string{"PATH=" + root + "/usr/bin:" + root + "/usr/sbin"}}
	m.tools()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "systems", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		m.unpack(f.Name, string(f.Data))
	}
	for line := range strings.Lines(string(archive.Comment)) {
		m.unpackLine(strings.Fields(line))
	}
	return m
}

// here makes paths of the system ones of this folder, there the other way.
func (m *machine) here(text string) string {
	return absolute.ReplaceAllString(text, "${1}"+strings.ReplaceAll(m.root, "$", "$$")+"${2}")
}

func (m *machine) there(text string) string { return strings.ReplaceAll(text, m.root, "") }

func (m *machine) unpack(name, text string) {
	program, argument, answer := strings.Cut(name, " ")
	mode := os.FileMode(0o644)
	if dir := filepath.Base(filepath.Dir(name)); !answer && (dir == "bin" || dir == "sbin") {
		mode = 0o755
	}
	m.write(name, m.here(text), mode)
	if !answer {
		return
	}
	script := "#!/bin/sh\n[ -f \"$0 $1\" ] && cat \"$0 $1\"\n"
	if argument == "-q" {
		script = `#!/bin/sh
while IFS= read -r line; do
	case $line in "$2="*) printf '%s\n' "${line#*=}"; exit 0 ;; esac
done <"$0 -q"
echo "apxs:Error: Invalid query string '$2'." >&2
exit 1
`
	}
	m.write(program, script, 0o755)
}

func (m *machine) unpackLine(words []string) {
	m.t.Helper()
	if len(words) < 2 {
		return
	}
	var err error
	switch words[0] {
	case "system":
		m.sys = distro.System{ID: words[1], Family: words[1]}
		if len(words) > 2 {
			m.sys.Family = words[2]
		}
	case "env":
		m.env = append(m.env, m.here(words[1]))
	case "dir":
		m.mkdir(words[1])
	case "link":
		m.mkdir(filepath.Dir(words[1]))
		err = os.Symlink(words[2], m.path(words[1]))
	case "copy":
		var data []byte
		data, err = os.ReadFile(filepath.Join("testdata", words[2]))
		m.unpack(words[1], string(data))
	case "headers":
		var minor int
		if minor, err = strconv.Atoi(words[3]); err == nil {
			m.headers(words[1], words[2], MMN{Cookie: "AP24", Major: 20120211, Minor: minor})
		}
	case "apr":
		m.aprHeaders(words[1], words[2], 1)
	}
	if err != nil {
		m.t.Fatalf("%q: %v", words, err)
	}
}

// Y-1: each system says truthfully how it came about. What was recorded is whole,
// in files of its own.
func TestArchivesSayHowTheyWereMade(t *testing.T) {
	files, err := filepath.Glob("testdata/systems/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("systems: %q, %v", files, err)
	}
	made := regexp.MustCompile(`(?m)^made (recorded|composed) \S.*$`)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(archive.Comment)
		m := made.FindStringSubmatch(text)
		if m == nil || (m[1] == "recorded") != strings.Contains(text, "\ncopy ") {
			t.Errorf("%s does not say how it was made, or what was recorded has no file: %q", file, m)
		}
	}
}
