package plan

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"modwsgi/internal/hint"
)

// again writes a plan and reads it: it is the same.
func again(t *testing.T, p *Plan) {
	t.Helper()
	data, err := p.Write()
	if err != nil {
		t.Fatal(err)
	}
	q, err := ReadPlan(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if second, _ := q.Write(); string(second) != string(data) {
		t.Errorf("it is another plan:\n%s\n%s", data, second)
	}
}

// M-13: plan.json holds all of a plan.
func TestPlanFile(t *testing.T) {
	random(t, 40, func(_ *Config, _ Machine, p *Plan, r *rand.Rand) {
		p.Shards = p.Shard(someTimings(p, r), 3)
		again(t, p)
	})
	p := planOf(t, "[[require]]\npython = \"3.12\"\nmpm = \"event\"\nmode = \"daemon\"\n[[xfail]]\npython = \"3.9\"\nreason = \"r\"\nissue = \"#1\"\n[[limit]]\nmpm = \"event\"\nretries = 1", "smoke")
	data, _ := p.Write()
	q, err := ReadPlan(data)
	if err != nil || !reflect.DeepEqual(p.Cells, q.Cells) {
		t.Errorf("%v: %+v, want %+v", err, q.Cells, p.Cells)
	}
	for _, want := range []string{`"timeout": "2m0s"`, `"retries": 1`, `"xfail": {`, `"require": true`, `"mode": "smoke"`, `"hash": "` + p.Hash} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in\n%s", want, data)
		}
	}
}

// M-13: the hash is of what is run: where programs are and how cells are spread does
// not change it, what becomes of them does.
func TestHash(t *testing.T) {
	p := planOf(t, "")
	same := planOf(t, "")
	same.Pythons[0].Executable, same.Shards, same.Mode, same.Tool = "/elsewhere", same.Shard(nil, 2), "other", Program
	if p.Hash != same.hash() {
		t.Error("the hash depends on the machine")
	}
	for _, text := range []string{"timeout = \"1m\"", "[[xfail]]\npython = \"3.9\"\nreason = \"r\"\nissue = \"i\"", "[[exclude]]\npython = \"3.9\"\nmpm = \"event\"\nmode = \"daemon\"", "[[require]]\npython = \"3.9\"", "order = [\"mpm\"]"} {
		if planOf(t, text).Hash == p.Hash {
			t.Errorf("the hash is the same with %s", text)
		}
	}
}

// M-13: what is not a plan of this program, as it wrote it, is refused.
func TestPlanRefused(t *testing.T) {
	p := planOf(t, "", "smoke")
	p.Shards = p.Shard(nil, 2)
	for _, c := range []struct {
		name, want string
		change     func(p *Plan)
		text       func(string) string
	}{
		{"cut", "reading the plan: unexpected EOF", nil, func(s string) string { return s[:len(s)/2] }},
		{"more", "something follows", nil, func(s string) string { return s + "{}" }},
		{"member", "unknown field", nil, func(s string) string { return strings.Replace(s, `"mode"`, `"mood"`, 1) }},
		{"member of a cell", "unknown field", nil, func(s string) string { return strings.Replace(s, `"timeout"`, `"timeput"`, 1) }},
		{"schema", "of schema 2, this program reads 1", func(p *Plan) { p.Schema = 2 }, nil},
		{"tool", `for "rm -rf /", which is no tool`, func(p *Plan) { p.Tool = "rm -rf /" }, nil},
		{"hash", "it was changed by hand", func(p *Plan) { p.Cells[0].Retries = 2 }, nil},
		{"id", "is not the id of its cell", func(p *Plan) { p.Cells[0].ID = "$(reboot)"; p.Hash = p.hash() }, nil},
		{"another's id", "is not the id of its cell", func(p *Plan) { p.Cells[0].ID = p.Cells[1].ID; p.Hash = p.hash() }, nil},
		{"a bad value", "is not the id of its cell", func(p *Plan) {
			p.Cells[0].Cell.Python = "py 3"
			p.Cells[0].ID = p.ID(p.Cells[0].Cell)
			p.Hash = p.hash()
		}, nil},
		{"twice", "is there twice", func(p *Plan) { p.Cells = append(p.Cells, p.Cells[0]); p.Hash = p.hash() }, nil},
		{"axis", `"os" is no axis`, func(p *Plan) { p.Varies = []Axis{"os"} }, nil},
		{"build", "which is not built", func(p *Plan) { p.Builds = p.Builds[1:]; p.Hash = p.hash() }, nil},
		{"timeout", "has a timeout of 0s", func(p *Plan) { p.Cells[0].Timeout = 0; p.Hash = p.hash() }, nil},
		{"reason", "which is no known reason", func(p *Plan) { p.Cells[0].Skip = "tired"; p.Hash = p.hash() }, nil},
		{"shard twice", "which is no cell or another shard's", func(p *Plan) { p.Shards[0] = append(p.Shards[0], p.Shards[1][0]) }, nil},
		{"shard of nothing", "which is no cell or another shard's", func(p *Plan) { p.Shards[0][0] = "x" }, nil},
		{"shard missing", "are in no shard", func(p *Plan) { p.Shards = p.Shards[1:] }, nil},
	} {
		data, _ := p.Write()
		if c.change != nil {
			q, err := ReadPlan(data)
			if err != nil {
				t.Fatal(err)
			}
			c.change(q)
			data, _ = q.Write()
		} else {
			data = []byte(c.text(string(data)))
		}
		if _, err := ReadPlan(data); err == nil || !strings.Contains(err.Error(), c.want) || hint.Code(err) != hint.Usage {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := ReadPlan(make([]byte, MaxFile+1)); err == nil {
		t.Error("a plan of any size is read")
	}
}

// M-12: timings are seconds.
func TestReadTimings(t *testing.T) {
	if got, err := ReadTimings([]byte(`{"py3.12/event/daemon": 1.5}`)); err != nil || got["py3.12/event/daemon"] != 1.5 {
		t.Errorf("%v %v", got, err)
	}
	for _, text := range []string{"", "[]", `{"x": -1}`, `{"x": 1e300}`, `{"x": "1"}`, `{"x": 1} 2`} {
		if _, err := ReadTimings([]byte(text)); err == nil || hint.Code(err) != hint.Usage {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Any bytes are a plan or refused; a plan is what it says, whoever wrote it.
func FuzzReadPlan(f *testing.F) {
	for _, q := range []Request{{Mode: Full}, {Mode: Smoke}, {Mode: Full, Selectors: []string{"py3.9/event/daemon"}}} {
		p, err := New(&Config{}, machine(), q)
		if err != nil {
			f.Fatal(err)
		}
		p.Shards = p.Shard(nil, 2)
		data, _ := json.Marshal(p)
		f.Add(data)
	}
	f.Add([]byte(`{"schema":1,"cells":[{"id":"a/b/c","cell":{"python":"a","mpm":"b","mode":"c"},"timeout":"1s"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadPlan(data)
		if err != nil {
			return
		}
		again(t, p)
		p.Shards = nil
		for i, ids := range p.Shard(nil, 3) {
			if i > 0 && len(p.Cells) == 1 && len(ids) > 1 {
				t.Error("one cell is in two shards")
			}
		}
	})
}
