package openmetrics

import (
	"strings"
	"testing"
)

const good = `# TYPE a gauge
# HELP a Something.
a{g="x \"y\" \\ \n",h="2"} 7
a{g="z"} 1.5
# TYPE b_seconds counter
# UNIT b_seconds seconds
# HELP b_seconds Time.
b_seconds_total 0.25
# TYPE c histogram
c_bucket{g="1",le="0.1"} 1
c_bucket{g="1",le="+Inf"} 2
c_sum{g="1"} 3.5
c_count{g="1"} 2
# TYPE d info
d_info{version="1"} 1
# EOF
`

func TestParse(t *testing.T) {
	p, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"a", []string{"h=2", "g=x \"y\" \\ \n"}, 7},
		{"a", []string{"g=z"}, 1.5},
		{"b_seconds_total", nil, 0.25},
		{"c_bucket", []string{"le=0.1", "g=1"}, 1},
		{"d_info", []string{"version=1"}, 1},
	} {
		if got, err := p.Value(want.name, want.labels...); err != nil || got != want.value {
			t.Errorf("%s%v: %v, %v", want.name, want.labels, got, err)
		}
	}
	if _, err := p.Value("a"); err == nil {
		t.Error("a sample without labels was found")
	}
	if len(p.Types) != 4 || p.Types["c"] != "histogram" {
		t.Errorf("types: %v", p.Types)
	}
	if _, err := Parse("# EOF\n"); err != nil {
		t.Errorf("an empty page: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, from, to string }{
		{"no end", "# EOF\n", ""},
		{"text behind the end", "# EOF\n", "# EOF\na 1\n"},
		{"end on another line", "1\n# EOF", "1 # EOF"},
		{"unknown type", "a gauge", "a thing"},
		{"family twice", "# TYPE d info", "# TYPE a info"},
		{"counter without its suffix", "b_seconds_total 0.25", "b_seconds 0.25"},
		{"total in the family", "# TYPE b_seconds counter", "# TYPE b_total counter"},
		{"unit not in the name", "UNIT b_seconds seconds", "UNIT b_seconds bytes"},
		{"counter below zero", "total 0.25", "total -1"},
		{"sample of another family", "a{g=\"z\"} 1.5", "b{g=\"z\"} 1.5"},
		{"help behind samples", "# TYPE b_s", "# HELP a Late.\n# TYPE b_s"},
		{"empty line", "# TYPE b_s", "\n# TYPE b_s"},
		{"sample twice", `a{g="z"} 1.5`, `a{h="2",g="x \"y\" \\ \n"} 7`},
		{"label twice", `g="z"`, `g="z",g="z"`},
		{"open quote", `a{g="z"}`, `a{g="z}`},
		{"unknown escape", `\n"`, `\t"`},
		{"no value", "} 1.5", "}"},
		{"two spaces", "} 1.5", "}  1.5"},
		{"no number", "} 1.5", "} many"},
		{"buckets that fall", `le="0.1"} 1`, `le="0.1"} 3`},
		{"no last bucket", "c_bucket{g=\"1\",le=\"+Inf\"} 2\n", ""},
		{"bound as an integer", `le="0.1"`, `le="1"`},
		{"another count", `c_count{g="1"} 2`, `c_count{g="1"} 3`},
		{"no sum", "c_sum{g=\"1\"} 3.5\n", ""},
		{"info that is not 1", `d_info{version="1"} 1`, `d_info{version="1"} 2`},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		if bad == good {
			t.Errorf("%s: nothing was changed", c.name)
		}
		if _, err := Parse(bad); err == nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
}

// FuzzParse wants an answer to anything, and the same one twice.
func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("# TYPE a histogram\na_bucket{le=\"\\")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		again, errAgain := Parse(text)
		if (err == nil) != (errAgain == nil) || len(p.Samples) != len(again.Samples) {
			t.Errorf("%v, then %v", err, errAgain)
		}
	})
}
