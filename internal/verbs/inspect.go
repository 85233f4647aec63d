package verbs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"modwsgi/csrc"
	"modwsgi/internal/hint"
)

// inspection is what a linked file is, as JSON has it.
type inspection struct {
	Schema    int            `json:"schema"`
	File      string         `json:"file"`
	Needed    []string       `json:"needed"`
	Exports   []string       `json:"exports"`
	Hardening csrc.Hardening `json:"hardening"`

	Build *csrc.BuildNote `json:"build"` // what it says of its own making; null of a file that is not ours
}

// Inspect tells what a linked file is, from the file alone.
func Inspect(file string) func(context.Context, *Job) error {
	return func(_ context.Context, j *Job) error { return inspect(j, file) }
}

func inspect(j *Job, file string) error {
	if file == "" {
		return hint.Exit(errors.New("which file?"), hint.Usage)
	}
	binary, err := csrc.Inspect(file)
	if err != nil {
		return err
	}
	hardening, err := csrc.ReadHardening(file)
	if err != nil {
		return err
	}
	err = j.Print(inspection{1, file, binary.Needed, binary.Exports, hardening, binary.Build}, func(w io.Writer) error {
		return printInspection(w, file, binary, hardening)
	})
	if weak := hardening.Weaknesses(); err == nil && j.On("strict") && len(weak) > 0 {
		return hint.Exit(errors.New(file+": "+strings.Join(weak, "; ")), hint.Unverified)
	}
	return err
}

// shown keeps what a file says from speaking to the terminal.
func shown(c rune) rune {
	if unicode.IsPrint(c) {
		return c
	}
	return '\uFFFD'
}

func printInspection(w io.Writer, file string, b csrc.Binary, h csrc.Hardening) error {
	var out strings.Builder
	row := func(what, value string) { fmt.Fprintf(&out, "%-12s %s\n", what, strings.Map(shown, value)) }
	list := func(values []string) string {
		if len(values) == 0 {
			return "none"
		}
		return strings.Join(values, " ")
	}
	yes := map[bool]string{true: "yes", false: "no"}
	row("file", file)
	if b.Module != nil {
		row("module", fmt.Sprintf("%s %d.%d", b.Module.Cookie, b.Module.Major, b.Module.Minor))
	}
	row("needs", list(b.Needed))
	row("exports", list(b.Exports))
	row("run path", list(strings.Fields(h.RunPath)))
	row("RELRO", h.RELRO)
	row("NX stack", yes[h.StackNX])
	row("canary", yes[h.Canary])
	row("fortified", list(h.Fortified))
	row("unchecked", list(h.Unchecked))
	row("CET/BTI", list(h.CET))
	row("TEXTREL", yes[h.TextRel])
	row("stripped", yes[h.Stripped])
	row("build id", list(strings.Fields(h.BuildID)))
	for _, weak := range h.Weaknesses() {
		row("weak", weak)
	}
	if b.Build == nil {
		row("built", "by others: it does not say how")
	} else {
		for _, line := range b.Build.Rows() {
			row(line[0], line[1])
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}
