package provider

import (
	"testing"

	"modwsgi/internal/run"
)

// M-8: a program that is to end hears of it, and what it says then is what counts.
func TestInterrupt(t *testing.T) {
	told := make(chan struct{})
	program := aScript(t, "trap 'exit 130' INT\necho ready\nwhile :; do sleep 0.05; done")
	_, err := Host{R: &run.Runner{}}.Run(t.Context(), Command{Program: program, Stdout: &closer{told}, Interrupt: told})
	if e, ok := err.(*run.Error); !ok || e.Code != 130 {
		t.Errorf("%v", err)
	}
}

// closer closes a channel when something is written.
type closer struct{ c chan struct{} }

func (w *closer) Write(p []byte) (int, error) {
	if len(p) > 0 && w.c != nil {
		close(w.c)
		w.c = nil
	}
	return len(p), nil
}
