package matrix

import (
	"path/filepath"
	"testing"

	"modwsgi/internal/run"
	"modwsgi/pybuild"
)

// TestOwnGILRemark has the module say, when the configuration is read, which groups
// have a Python too old for a GIL of their own.
func TestOwnGILRemark(t *testing.T) {
	r := &run.Runner{}
	target := theTarget(t, r)
	if target.Foreign {
		t.Skip("another implementation says it in other words")
	}
	record := readFile(filepath.Join(filepath.Dir(target.Module), "mod_wsgi", "default", "build.json"))
	target.Lines = nil
	mpms := theMPMs(t, r, target.Apache)
	for name, c := range map[string]struct {
		lines []string
		want  string // "": nothing is said
	}{
		"scope":    {[]string{"WSGIDaemonProcess a", "WSGIDaemonProcess b", "<WSGIInterpreterOptions process-group=a>", "WSGIPerInterpreterGIL On", "</WSGIInterpreterOptions>"}, `process group 'a' \(Python [^,]*\): before 3\.12`},
		"all":      {[]string{"WSGIDaemonProcess a", "WSGIDaemonProcess b", "WSGIPerInterpreterGIL On"}, `process group 'a' \(Python \S+\), process group 'b' \(Python \S+\): before 3\.12`},
		"embedded": {[]string{"WSGIPerInterpreterGIL On"}, `embedded mode \(Python \S+\): before 3\.12`},
		"other":    {[]string{"WSGIDaemonProcess a", "<WSGIInterpreterOptions process-group=b>", "WSGIPerInterpreterGIL On", "</WSGIInterpreterOptions>"}, ""},
		"off":      {[]string{"WSGIDaemonProcess a", "WSGIPerInterpreterGIL On", "<WSGIInterpreterOptions process-group=a>", "WSGIPerInterpreterGIL Off", "</WSGIInterpreterOptions>"}, ""},
	} {
		refusal := Refusal{Name: "own-gil-" + name, Accept: true, Lines: append([]string{`WSGIRuntimeDirectory "@ROOT@/runtime"`}, c.lines...),
			Wants: []string{`(?s)^[^W]*Syntax OK\s*$`},
			Prepare: func(root string, _ pybuild.Info) error {
				return bentRuntime(filepath.Join(root, "runtime"), target, record)
			}}
		if c.want != "" {
			refusal.Wants = []string{`WSGIM0103: WSGIPerInterpreterGIL On \(.+:\d+\) has no effect in ` + c.want, "Syntax OK"}
		}
		t.Run(name, func(t *testing.T) { report(t, RunRefusal(t.Context(), r, target, mpms[0], refusal)) })
	}
}
