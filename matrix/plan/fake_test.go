package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// machine is one with Pythons of several kinds and an Apache with three MPMs.
func machine() Machine {
	return Machine{
		Pythons: []Runtime{
			python("3.11.2", "/usr/bin/python3"), python("3.9.18", "/opt/39/bin/python3"), python("3.12.4", "/opt/312/bin/python3"),
			python("3.13.0t", "/opt/313t/bin/python3"), python("3.11.7", "/opt/3117/bin/python3"),
		},
		Apaches: []Server{{Version: "2.4.62", Apxs: "/usr/bin/apxs", MPMs: Closed(MPM)}},
	}
}

// python is a Runtime that was found.
func python(version, path string) Runtime {
	number, free := strings.CutSuffix(version, "t")
	return Runtime{Request: path, Version: number, Executable: path, Free: free, Shared: true}
}

// configured reads a matrix.toml that has no fault.
func configured(t *testing.T, text string) *Config {
	t.Helper()
	c, err := ReadConfig(ConfigFile, text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// planOf plans the matrix of a text on machine().
func planOf(t *testing.T, text string, words ...string) *Plan {
	t.Helper()
	mode, selectors, err := Words(words, Full)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(configured(t, text), machine(), Request{Mode: mode, Selectors: selectors})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ids(p *Plan) []string {
	var list []string
	for _, c := range p.Cells {
		list = append(list, c.ID)
	}
	return list
}

// someMatrix is a matrix.toml and a machine made of random numbers.
func someMatrix(r *rand.Rand) (string, Machine) {
	m := Machine{}
	for i := range 1 + r.IntN(6) {
		py := python(fmt.Sprintf("3.%d.%d", 9+i, r.IntN(9)), fmt.Sprintf("/opt/%d/bin/python3", i))
		py.Free = i > 3 && r.IntN(2) == 0
		py.Static = r.IntN(2) == 0
		m.Pythons = append(m.Pythons, py)
	}
	for i := range 1 + r.IntN(2) {
		m.Apaches = append(m.Apaches, Server{Version: fmt.Sprintf("2.4.%d", 60+i), Apxs: fmt.Sprintf("/opt/ap%d/bin/apxs", i), MPMs: Closed(MPM)[:1+r.IntN(3)]})
	}
	var b strings.Builder
	b.WriteString("[axes]\n")
	for _, a := range []Axis{MPM, Mode, GIL, Link, Builder, Sanitizer, Suite} {
		if r.IntN(2) == 0 {
			list := Closed(a)
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			fmt.Fprintf(&b, "%s = [\"%s\"]\n", a, strings.Join(list[:1+r.IntN(len(list))], `", "`))
		}
	}
	for range r.IntN(3) {
		fmt.Fprintf(&b, "[[exclude]]\npython = \"3.%d*\"\nmode = \"%s\"\n", 9+r.IntN(6), Closed(Mode)[r.IntN(2)])
	}
	if r.IntN(3) == 0 {
		fmt.Fprintf(&b, "[[xfail]]\nmpm = \"%s\"\npython = \"3.1*\"\nreason = \"it is so\"\nissue = \"#1\"\n", Closed(MPM)[r.IntN(3)])
	}
	return b.String(), m
}

// random calls f with many matrices that have cells.
func random(t *testing.T, n int, f func(c *Config, m Machine, full *Plan, r *rand.Rand)) {
	t.Helper()
	done := 0
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 9))
		text, m := someMatrix(r)
		c := configured(t, text)
		full, err := New(c, m, Request{Mode: Full})
		if err != nil {
			continue // everything was excluded
		}
		done++
		f(c, m, full, r)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s%+v", seed, text, m)
		}
	}
	if done < n/2 {
		t.Fatalf("only %d of %d matrices had cells", done, n)
	}
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
