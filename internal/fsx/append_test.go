package fsx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is added stands behind what was there, in the same file.
func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), `a "b" c`)
	for _, text := range []string{"one\n", "two\n"} {
		if err := Append(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	held, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := Append(path, []byte("three\n")); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 100)
	if n, _ := held.Read(text); string(text[:n]) != "one\ntwo\nthree\n" {
		t.Errorf("who had the file open sees %q", text[:n])
	}
	if err := Append(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "adding to ") {
		t.Errorf("a folder was added to: %v", err)
	}
}
