package csrc

import (
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// S-7, S-8, S-9: what is built where.
func TestSupported(t *testing.T) {
	for _, c := range []struct {
		system  string
		builder Builder
		want    string
	}{
		{"linux", "", ""},
		{"freebsd", "", ""},
		{"darwin", "", "planned"},
		{"windows", BuilderApxs, "out of scope"},
		{"solaris", "", "unsupported"},
		{"solaris", BuilderApxs, ""},
	} {
		err := supported(c.system, c.builder)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || hint.Code(err) != hint.Refused) {
			t.Errorf("%s: %v", c.system, err)
		}
	}
	if advice := hint.Of(supported("solaris", "")); !strings.Contains(advice, "builder apxs") {
		t.Errorf("advice %q", advice)
	}
}

// S-8: FreeBSD's linker is told of no libdl, which is not there, and of threads.
func TestPlanFreeBSD(t *testing.T) {
	f := planFacts()
	f.System = "freebsd"
	p, err := NewPlan(Targets(), f)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range p.Links {
		line := " " + strings.Join(l.Command.Args, " ") + " "
		if strings.Contains(line, " -ldl ") || !strings.Contains(line, " -pthread ") {
			t.Errorf("%s: %s", l.Output, line)
		}
	}
}

// S-10: the name beside other Pythons' modules has the flags, the SONAME stays.
func TestParallelName(t *testing.T) {
	for _, c := range []struct {
		minor       int
		free, debug bool
		want        string
	}{{13, false, false, "mod_wsgi-py313.so"}, {13, true, false, "mod_wsgi-py313t.so"}, {9, false, true, "mod_wsgi-py39d.so"}, {14, true, true, "mod_wsgi-py314td.so"}} {
		if got := ParallelName(pybuild.ABI{Impl: "cpython", Major: 3, Minor: c.minor, Free: c.free, Debug: c.debug}); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// C-1: the compiler's target is that of the server.
func TestCompilerFits(t *testing.T) {
	amd64 := Binary{Machine: elf.EM_X86_64, Class: elf.ELFCLASS64}
	for _, c := range []struct {
		machine string
		words   []string
		fits    bool
	}{
		{"x86_64-linux-gnu", []string{"gcc"}, true},
		{"aarch64-linux-gnu", []string{"aarch64-linux-gnu-gcc"}, false},
		{"i686-linux-gnu", []string{"gcc"}, false},
		{"i686-linux-gnu", []string{"gcc", "-m64"}, true}, // found out by trying
		{"vax-netbsd", []string{"cc"}, true},
	} {
		err := Compiler{Words: c.words, Machine: c.machine}.fits("/usr/sbin/httpd", amd64)
		if (err == nil) != c.fits || err != nil && (!strings.Contains(err.Error(), "MW113") || hint.Code(err) != hint.Refused) {
			t.Errorf("%s: %v", c.machine, err)
		}
	}
}

// P-13: a Python for another machine than the server's is refused, whatever the
// compiler could make; so are two Pythons of two machines.
func TestOneMachine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the programs here are no ELF files")
	}
	here := elfCopy(t, nil)
	for _, c := range []struct {
		name   string
		change func(header []byte)
		want   bool
	}{
		{"the same", nil, true},
		{"another machine", func(h []byte) { h[18], h[19] = 0xF3, 0 }, false}, // EM_RISCV
		{"another byte order", func(h []byte) { h[5], h[16], h[17], h[18], h[19], h[20], h[23] = 2, 0, 3, h[19], h[18], 0, 1 }, false},
	} {
		other := elfCopy(t, c.change)
		for _, b := range []*builder{
			{o: Options{Apache: &apxs.Info{Httpd: here}, Python: []pybuild.Info{{LibPython: other}}}},
			{o: Options{Apache: &apxs.Info{Httpd: "/no/such"}, Python: []pybuild.Info{{LibPython: here}, {LibPython: "/no/such"}, {LibPython: other}}}},
		} {
			_, err := b.bits(Compiler{})
			if (err == nil) != c.want || err != nil && (!strings.Contains(err.Error(), "MW113") || !strings.Contains(err.Error(), other) || hint.Code(err) != hint.Refused || hint.Of(err) == "") {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

// elfCopy is the first bytes of this program, the header changed: enough for who
// asks what machine it is for.
func elfCopy(t *testing.T, change func(header []byte)) string {
	t.Helper()
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	header := data[:64]
	clear(header[32:]) // no tables: they would have to be of the changed kind
	header[52], header[54], header[58] = 64, 56, 64
	if change != nil {
		change(header)
	}
	path := filepath.Join(t.TempDir(), `a "b" c's`)
	if err := os.WriteFile(path, header, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// S-2, S-3: nothing that the server brings is linked, and what is missing is left
// to it.
func TestPlanLinksLittle(t *testing.T) {
	for _, classic := range []bool{false, true} {
		f, targets := planFacts(), Targets()
		if classic {
			tree, err := readTree(classicTree())
			if err != nil {
				t.Fatal(err)
			}
			f.Classic, f.Python, targets = true, f.Python[:1], tree.targets()
		}
		p, err := NewPlan(targets, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range p.Links {
			for _, word := range l.Command.Args {
				if strings.HasPrefix(word, "-l") && word != "-lm" && word != "-ldl" || strings.HasPrefix(word, "-L") || undefinedToo.MatchString(word) {
					t.Errorf("%s is linked with %s", l.Output, word)
				}
			}
		}
	}
}

// C-8: as many compilers as there is room for, and always one.
func TestJobs(t *testing.T) {
	const half = 512 << 20
	for _, c := range []struct{ processors, free, want int }{{8, 100 * half, 8}, {8, 3*half + 1, 3}, {8, half - 1, 1}, {1, 100 * half, 1}, {4, 0, 1}} {
		if got := jobsFor(c.processors, c.free); got != c.want {
			t.Errorf("%d processors, %d bytes: %d jobs, want %d", c.processors, c.free, got, c.want)
		}
	}
}
