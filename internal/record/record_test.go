package record

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	for text, want := range map[string]string{
		`{"a": 1}`:                              "",
		`{"a": 1} `:                             "",
		`{"a": 1, "b": 2}`:                      `unknown field "b"`,
		`{"a": 1}{`:                             "something follows",
		`{`:                                     "EOF",
		`{"a": "x"}`:                            "cannot unmarshal",
		`{"a": 1}` + strings.Repeat(" ", 2<<20): "more than",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var v struct {
			A int `json:"a"`
		}
		err := Read(path, "SETTING", &v)
		switch {
		case want == "" && (err != nil || v.A != 1):
			t.Errorf("%.20q: %v %+v", text, err, v)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "SETTING") || hint.Code(err) != hint.Usage):
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	if err := Read(path+"x", "SETTING", &struct{}{}); hint.Of(err) == "" {
		t.Errorf("a missing file: %v", err)
	}
}
