package results

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"

	"modwsgi/internal/fsx"
)

// maxAnnotations is how many GitHub shows of each kind in a step.
const maxAnnotations = 10

// Publish tells the CI service that runs us, which its own variable says, what
// came of a plan: annotations and the logs of what is bad on w, and the summary of
// the step. Elsewhere it does nothing (rules E-1, E-3).
func (rep Report) Publish(w io.Writer, getenv func(string) string) error {
	if getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	if _, err := io.WriteString(w, rep.github()); err != nil {
		return err
	}
	return rep.stepSummary(getenv("GITHUB_STEP_SUMMARY"))
}

// github are the workflow commands: errors, warnings, notices, then a group with
// all that there is to read for each bad cell.
func (rep Report) github() string {
	var b strings.Builder
	count := map[string]int{}
	annotate := func(kind string, r Result, text string) {
		if count[kind]++; count[kind] > maxAnnotations {
			return
		}
		if count[kind] == maxAnnotations { // which may be the last that is shown
			if n := rep.annotations(kind); n > maxAnnotations {
				text += fmt.Sprintf("\n… and %d more, in the summary", n-maxAnnotations)
			}
		}
		fmt.Fprintf(&b, "::%s file=%s,title=%s::%s\n", kind, property("matrix.toml"), property(r.ID+": "+r.Word()), data(clean(cut(text, 4<<10))))
	}
	for _, r := range rep.Results {
		if kind := r.annotation(); kind != "" {
			annotate(kind, r, strings.TrimSpace(r.Complaint()+"\n"+r.Repro))
		}
	}
	for _, r := range rep.Bad() {
		// Whatever a log has at the beginning of a line is text, and no command.
		token := rand.Text()
		fmt.Fprintf(&b, "::group::%s %s\n::stop-commands::%s\n%s\n::%s::\n::endgroup::\n", data(r.ID), r.Status, token, strings.TrimRight(clean(r.story()), "\n"), token)
	}
	return b.String()
}

// annotation is the kind of annotation for a result: "" for none.
func (r Result) annotation() string {
	switch {
	case r.Status.Bad():
		return "error"
	case r.Flaky:
		return "warning"
	case r.Status == XFail:
		return "notice"
	}
	return ""
}

func (rep Report) annotations(kind string) int {
	return len(rep.where(func(r Result) bool { return r.annotation() == kind }))
}

// data is text as the message of a workflow command has it; property as one of its
// properties has it.
func data(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func property(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(text)
}

// stepSummary adds the summary to the step's, as much of it as there is room for.
func (rep Report) stepSummary(path string) error {
	if path == "" {
		return nil
	}
	size := int64(0)
	if fi, err := os.Stat(path); err == nil {
		size = fi.Size()
	}
	text := rep.Markdown(int(size))
	if text == "" {
		return nil
	}
	return fsx.Append(path, []byte(text))
}
