package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// T-9: offline, a program that downloads is refused with exit status 5, and the
// others are told.
func TestOffline(t *testing.T) {
	r := &Runner{Offline: true}
	if r.Refused() != nil {
		t.Fatal("refused before anything was asked")
	}
	made := filepath.Join(t.TempDir(), "made")
	path := script(t, `: >"$1"`)
	_, err := r.Run(t.Context(), Cmd{Path: path, Args: []string{made}, Network: true})
	if hint.Code(err) != hint.Refused || hint.Of(err) == "" || !strings.Contains(err.Error(), "fake tool") {
		t.Errorf("error = %v, hint %q", err, hint.Of(err))
	}
	if _, statErr := os.Stat(made); statErr == nil {
		t.Error("it ran")
	}
	if hint.Code(r.Refused()) != hint.Refused {
		t.Error("what was refused is forgotten")
	}
	res, err := r.Run(t.Context(), Cmd{Path: "env"})
	if err != nil || !strings.Contains(res.Stdout, "\nGOPROXY=off\n") {
		t.Errorf("the go command is not told: %v", err)
	}
	if res, _ = (&Runner{}).Run(t.Context(), Cmd{Path: "env"}); strings.Contains(res.Stdout, "PIP_NO_INDEX") {
		t.Error("pip is kept from its index for no reason")
	}
}

// T-8: in a dry run a program that changes the machine is printed as it would
// be typed, and does not run; one that asks does.
func TestDry(t *testing.T) {
	var out bytes.Buffer
	r := &Runner{Dry: &out, Offline: true}
	made := filepath.Join(t.TempDir(), "made")
	path := script(t, `: >"$1"`)
	c := Cmd{Path: path, Args: []string{made}, Changes: true, Network: true}
	if _, err := r.Run(t.Context(), c); err != nil || out.String() != c.Line()+"\n" {
		t.Errorf("printed %q, %v", out.String(), err)
	}
	if _, err := os.Stat(made); err == nil {
		t.Error("it ran")
	}
	c.Changes, c.Network = false, false
	if _, err := r.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(made); err != nil {
		t.Error("what changes nothing of the machine did not run")
	}
}
