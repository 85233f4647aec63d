// Package journal makes changes to files that are all made or all undone, also
// if the process is killed on the way (rules ).
//
// Before each step a record of what was there goes to the disk, with copies of
// the files that the step replaces. Undoing puts back what the records say, last
// one first, and can be done again if it is interrupted itself. The folder of a
// journal lies apart from what is changed, so that no server reads the copies.
package journal

import (
	"fmt"
	"io/fs"

	"modwsgi/internal/fsx"
	"modwsgi/internal/run"
)

// Kind is what a step does.
type Kind string

const (
	Fill   Kind = "fill"   // makes the folder Path, which is not there, with Inner in it
	Mkdir  Kind = "mkdir"  // makes one folder; one that is there stays as it is
	Write  Kind = "write"  // makes Path a file, new or in another one's place
	Link   Kind = "link"   // makes Path a symbolic link to To
	Remove Kind = "remove" // removes one file, link or empty folder
	Tidy   Kind = "tidy"   // removes a folder if nothing is in it
	Swap   Kind = "swap"   // gives Path the name To, and what is there the name Path
	Move   Kind = "move"   // gives Path the name To, which nothing has
	Run    Kind = "run"    // runs a program that changes no other files than Touches
)

// Step is one change. Paths are absolute.
type Step struct {
	Kind Kind        `json:"kind"`
	Path string      `json:"path,omitempty"`
	Mode fs.FileMode `json:"mode,omitempty"` // of Fill, Mkdir and Write
	To   string      `json:"to,omitempty"`   // of Link, Swap and Move

	// What Write writes: a copy of the file From, whose sum is known, or else Data.
	From   string     `json:"from,omitempty"`
	SHA256 string     `json:"sha256,omitempty"`
	Data   []byte     `json:"-"`
	Owned  *fsx.Owned `json:"owned,omitempty"` // whose the copy of From is, and from when
	About  string     `json:"-"`               // what Data is, in words, where a dry run does not print it

	// Inner are the Mkdir, Write and Link of Fill, below Path. They are not recorded
	// one by one: the whole folder goes.
	Inner []Step `json:"-"`

	Args    []string `json:"args,omitempty"`    // of Run: the program and its arguments
	Env     []string `json:"env,omitempty"`     // of Run
	Touches []string `json:"touches,omitempty"` // of Run: put back as they were
}

// renames tells whether the step gives other names to what is there, as it is.
func (s Step) renames() bool { return s.Kind == Swap || s.Kind == Move }

// paths are those that the step can change.
func (s Step) paths() []string {
	switch s.Kind {
	case Run:
		return s.Touches
	case Swap, Move:
		return []string{s.Path, s.To}
	}
	return []string{s.Path}
}

// Line is the command that comes to the same, for people (rule T-8).
func (s Step) Line() string {
	mode := fmt.Sprintf("%04o", s.Mode.Perm())
	switch s.Kind {
	case Mkdir, Fill:
		return run.Line("install", "-d", "-m", mode, s.Path)
	case Write:
		from := s.From
		if from == "" {
			from = "/dev/stdin"
		}
		return run.Line("install", "-m", mode, from, s.Path)
	case Link:
		return run.Line("ln", "-sfn", s.To, s.Path)
	case Remove:
		return run.Line("rm", "-d", s.Path)
	case Move:
		return run.Line("mv", "--no-target-directory", s.Path, s.To)
	case Tidy:
		return run.Line("rmdir", "--ignore-fail-on-non-empty", s.Path)
	case Swap:
		return run.Line("mv", "--exchange", "--no-target-directory", s.Path, s.To)
	}
	return run.Cmd{Path: s.Args[0], Args: s.Args[1:], Env: s.Env}.Line()
}

// Lines are the commands of steps, what is written in full where it does not come
// from a file.
func Lines(steps []Step) []string {
	var list []string
	for _, s := range steps {
		line := s.Line()
		switch {
		case s.About != "":
			line += " # " + s.About
		case s.Kind == Write && s.From == "":
			line += " <<'END'\n" + string(s.Data) + "END"
		}
		list = append(append(list, line), Lines(s.Inner)...)
	}
	return list
}
