package check

import (
	"bytes"
	"strings"
	"testing"
)

func TestReadGoTest(t *testing.T) {
	events := strings.Join([]string{
		`{"Action":"run","Package":"m/a","Test":"TestGroup"}`,
		`{"Action":"run","Package":"m/a","Test":"TestGroup/one"}`,
		`{"Action":"output","Package":"m/a","Test":"TestGroup/one","Output":"    a_test.go:3: got 1, want 2\n"}`,
		`{"Action":"fail","Package":"m/a","Test":"TestGroup/one"}`,
		`{"Action":"run","Package":"m/a","Test":"TestGroup/two"}`,
		`{"Action":"pass","Package":"m/a","Test":"TestGroup/two"}`,
		`{"Action":"fail","Package":"m/a","Test":"TestGroup"}`,
		`{"Action":"run","Package":"m/a","Test":"TestSkip"}`,
		`{"Action":"output","Package":"m/a","Test":"TestSkip","Output":"    a_test.go:9: no httpd here\n"}`,
		`{"Action":"output","Package":"m/a","Test":"TestSkip","Output":"--- SKIP: TestSkip (0.00s)\n"}`,
		`{"Action":"skip","Package":"m/a","Test":"TestSkip"}`,
		`{"Action":"fail","Package":"m/a","Elapsed":0.1}`,
		`{"Action":"build-output","ImportPath":"m/b","Output":"b.go:1: syntax error\n"}`,
		`{"Action":"fail","Package":"m/b"}`,
		`{"Action":"run","Package":"m/c","Test":"TestFine"}`,
		`{"Action":"output","Package":"m/c","Test":"TestFine","Output":"noise of a passing test\n"}`,
		`{"Action":"output","Package":"m/c","Test":"TestFine","Output":"    c_test.go:7: note: 8 calls\n"}`,
		`{"Action":"output","Package":"m/c","Test":"TestFine","Output":"    c_test.go:7: ran: C tsan: one two\n"}`,
		`{"Action":"pass","Package":"m/c","Test":"TestFine"}`,
		`{"Action":"output","Package":"m/c","Output":"note: all shown\n"}`,
		`{"Action":"pass","Package":"m/c","Elapsed":1.5}`,
	}, "\n")
	var out bytes.Buffer
	got, err := readGoTest(strings.NewReader(events), &out)
	if err != nil {
		t.Fatal(err)
	}
	if want := "2 passed, 2 failed, 1 skipped"; got.String() != want {
		t.Errorf("tally is %q, want %q", got, want)
	}
	if got.Skips["m/a TestSkip"] != "no httpd here" {
		t.Errorf("reasons are %q", got.Skips)
	}
	if want := "m/a TestGroup/one|m/b (package)"; strings.Join(got.Failures, "|") != want {
		t.Errorf("failures are %q, want %q", got.Failures, want)
	}
	for _, want := range []string{"got 1, want 2", "b.go:1: syntax error", "\nnote: 8 calls\n", "\nnote: all shown\n", "      ran C tsan: one two\n", "ok    m/c  1.5s", "FAIL  m/b"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "noise") {
		t.Errorf("a passing test was quoted:\n%s", &out)
	}
}
