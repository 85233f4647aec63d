package ctest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	tests := []struct{ name, text, want, err string }{
		{"list", "# a comment\n\na unit test/a.c src/b.c # why\nf  fuzz\ttest/f.c\n", "a unit test/a.c src/b.c|f fuzz test/f.c", ""},
		{"no sources", "a unit\n", "", `tests.txt:1: want a name, one of unit, tsan and fuzz, and sources: "a unit"`},
		{"unknown kind", "# x\na soak test/a.c\n", "", "tests.txt:2: "},
		{"nothing", "# nothing\n", "", "lists nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "test"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "test", "tests.txt"), []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			list, err := Read(dir)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range list {
				got = append(got, p.Name+" "+string(p.Kind)+" "+strings.Join(p.Sources, " "))
			}
			if s := strings.Join(got, "|"); s != tt.want {
				t.Errorf("read %q, want %q", s, tt.want)
			}
		})
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a folder without a list is read")
	}
}

func TestCompile(t *testing.T) {
	fuzz := Program{"f", Fuzz, []string{"test/f.c", "src/w.c"}}
	tests := []struct {
		name string
		args []string
		want []string
		not  []string
	}{
		{"unit", Program{"u", Unit, nil}.Compile("1", "out"), []string{"-fsanitize=address,undefined", "-Werror", "-fno-sanitize-recover=all"}, nil},
		{"tsan", Program{"u", Thread, nil}.Compile("1", "out"), []string{"-fsanitize=thread"}, nil},
		{"replay", fuzz.Compile("1", "out"), []string{"-fsanitize=address,undefined", "test/f.c", "src/w.c"}, []string{"-DWSGI_LIBFUZZER"}},
		{"fuzzer", fuzz.CompileFuzzer("1", "out"), []string{"-fsanitize=fuzzer,address,undefined", "-DWSGI_LIBFUZZER", `-DMOD_WSGI_VERSION="1"`}, []string{"-Werror"}},
	}
	for _, tt := range tests {
		for _, a := range tt.want {
			if !slices.Contains(tt.args, a) {
				t.Errorf("%s: %q lacks %s", tt.name, tt.args, a)
			}
		}
		for _, a := range tt.not {
			if slices.Contains(tt.args, a) {
				t.Errorf("%s: %q has %s", tt.name, tt.args, a)
			}
		}
	}
}
