package matrix

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Status is how a case ended.
type Status string

const (
	Pass Status = "pass"
	Fail Status = "fail"
	Skip Status = "skip"
)

// Outcome is one case that was run, or was not.
type Outcome struct {
	Name   string        `json:"name"` // "py3.11/event/daemon/hello"
	Status Status        `json:"status"`
	Why    []string      `json:"why,omitempty"`   // what was wrong, or why it was skipped
	Notes  []string      `json:"notes,omitempty"` // figures, of one that passed
	Took   time.Duration `json:"took"`
	Root   string        `json:"root,omitempty"`  // the server root, where it was kept
	Again  string        `json:"again,omitempty"` // the command that starts it again
}

// Report is what a run came to. The zero Report is empty and ready.
type Report struct {
	Outcomes []Outcome `json:"outcomes"`
}

// Add appends outcomes.
func (r *Report) Add(o ...Outcome) { r.Outcomes = append(r.Outcomes, o...) }

// Count is the number of outcomes of one status.
func (r Report) Count(s Status) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.Status == s {
			n++
		}
	}
	return n
}

// Line is the last line of every run.
func (r Report) Line() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", r.Count(Pass), r.Count(Fail), r.Count(Skip))
}

// Err is nil if at least one case ran and none failed: a run that ran nothing
// proves nothing (rule M-7).
func (r Report) Err() error {
	switch {
	case r.Count(Fail) > 0:
		for _, o := range r.Outcomes {
			if o.Status == Fail {
				return fmt.Errorf("%d of %d cases failed, first %s: %s",
					r.Count(Fail), len(r.Outcomes), o.Name, strings.Join(o.Why, "; "))
			}
		}
	case r.Count(Pass) == 0:
		return fmt.Errorf("no case was run (%s)", r.Line())
	}
	return nil
}

// Print writes failures whole, skips with their reason, and the counts.
func (r Report) Print(w io.Writer) error {
	var b strings.Builder
	for _, o := range r.Outcomes {
		if o.Status == Pass {
			continue
		}
		fmt.Fprintf(&b, "%s  %s\n", o.Status, o.Name)
		for _, why := range o.Why {
			fmt.Fprintf(&b, "      %s\n", strings.ReplaceAll(why, "\n", "\n      "))
		}
		if o.Root != "" {
			fmt.Fprintf(&b, "      kept: %s\n      again: %s\n", o.Root, o.Again)
		}
	}
	fmt.Fprintln(&b, r.Line())
	_, err := io.WriteString(w, b.String())
	return err
}
