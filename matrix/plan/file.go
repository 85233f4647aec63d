package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"modwsgi/internal/hint"
)

// MaxFile bounds plan.json and timings.json.
const MaxFile = 16 << 20

// hash is the sum of what a plan runs: the cells with all that decides what
// becomes of them, and what is built for them. Where the programs are, and how
// the cells are spread, is not in it.
func (p *Plan) hash() string {
	data, err := json.Marshal(struct {
		Schema int
		Cells  []Planned
		Builds []Build
	}{p.Schema, p.Cells, p.Builds})
	if err != nil { // values of texts and numbers
		panic(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))[:16]
}

// Write is the text of plan.json. The same plan gives the same bytes.
func (p *Plan) Write() ([]byte, error) {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the plan: %w", err)
	}
	return append(data, '\n'), nil
}

// ReadPlan reads the text of plan.json and believes nothing of it that can be
// checked: another version's, one that was changed by hand, or one whose shards
// are not its cells is refused.
func ReadPlan(data []byte) (*Plan, error) {
	p := &Plan{}
	if err := decode(data, p); err != nil {
		return nil, wrong("reading the plan: %w", err)
	}
	if p.Schema != Schema {
		return nil, wrong("the plan is of schema %d, this program reads %d", p.Schema, Schema)
	}
	if !p.Tool.known() {
		return nil, wrong("the plan is for %q, which is no tool", p.Tool)
	}
	if err := p.check(); err != nil {
		return nil, wrong("the plan: %w", err)
	}
	return p, nil
}

func wrong(format string, args ...any) error {
	return hint.Exit(hint.New(fmt.Errorf(format, args...), "have the plan made again"), hint.Usage)
}

// decode reads one JSON document of known members.
func decode(data []byte, into any) error {
	if len(data) > MaxFile {
		return fmt.Errorf("more than %d bytes", MaxFile)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the document")
	}
	return nil
}

// check tells what is wrong with a plan that was read.
func (p *Plan) check() error {
	for _, a := range p.Varies {
		if !isAxis(string(a)) {
			return fmt.Errorf("%q is no axis", a)
		}
	}
	builds := map[string]bool{}
	for _, b := range p.Builds {
		builds[b.Key] = true
	}
	known := map[string]bool{}
	for _, c := range p.Cells {
		if err := p.checkCell(c, builds); err != nil {
			return err
		}
		if known[c.ID] {
			return fmt.Errorf("%s is there twice", c.ID)
		}
		known[c.ID] = true
	}
	if hash := p.hash(); p.Hash != hash {
		return fmt.Errorf("its hash is %q, its cells have %s: it was changed by hand", p.Hash, hash)
	}
	if err := p.checkArchives(); err != nil {
		return err
	}
	return p.checkShards(known)
}

func (p *Plan) checkCell(c Planned, builds map[string]bool) error {
	if !isID(c.ID) || c.ID != p.ID(c.Cell) {
		return fmt.Errorf("%q is not the id of its cell", c.ID)
	}
	for _, key := range c.Builds {
		if !builds[key] {
			return fmt.Errorf("%s needs %q, which is not built", c.ID, key)
		}
	}
	if c.Timeout <= 0 || c.Timeout > MaxTimeout || c.Retries < 0 || c.Retries > maxRetries {
		return fmt.Errorf("%s has a timeout of %v and %d retries", c.ID, c.Timeout, c.Retries)
	}
	if c.Skip != "" && !slices.Contains(Reasons(), c.Skip) {
		return fmt.Errorf("%s is skipped for %q, which is no known reason", c.ID, c.Skip)
	}
	return nil
}

func (p *Plan) checkShards(known map[string]bool) error {
	if len(p.Shards) == 0 {
		return nil
	}
	seen := map[string]bool{}
	for i, ids := range p.Shards {
		for _, id := range ids {
			if !known[id] || seen[id] {
				return fmt.Errorf("shard %d has %q, which is no cell or another shard's", i+1, id)
			}
			seen[id] = true
		}
	}
	if len(seen) != len(known) {
		return fmt.Errorf("%d of %d cells are in no shard", len(known)-len(seen), len(known))
	}
	return nil
}

// ReadTimings reads the text of timings.json.
func ReadTimings(data []byte) (Timings, error) {
	var t Timings
	if err := decode(data, &t); err != nil {
		return nil, hint.Exit(fmt.Errorf("reading the timings: %w", err), hint.Usage)
	}
	for id, seconds := range t {
		if !(seconds >= 0 && seconds <= MaxTimeout.Seconds()) {
			return nil, hint.Exit(fmt.Errorf("the timings: %s took %v seconds", id, seconds), hint.Usage)
		}
	}
	return t, nil
}

// plannedJSON is a Planned with its timeout as people read it.
type plannedJSON struct {
	ID      string   `json:"id"`
	Cell    Cell     `json:"cell"`
	Builds  []string `json:"builds,omitempty"`
	Xfail   *Xfail   `json:"xfail,omitempty"`
	Require bool     `json:"require,omitempty"`
	Skip    Reason   `json:"skip,omitempty"`
	Timeout string   `json:"timeout"` // "2m0s"
	Retries int      `json:"retries,omitempty"`
}

// MarshalJSON writes the timeout as a text: "2m0s".
func (c Planned) MarshalJSON() ([]byte, error) {
	return json.Marshal(plannedJSON{c.ID, c.Cell, c.Builds, c.Xfail, c.Require, c.Skip, c.Timeout.String(), c.Retries})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Planned) UnmarshalJSON(data []byte) error {
	var j plannedJSON
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return err
	}
	timeout, err := time.ParseDuration(j.Timeout)
	*c = Planned{j.ID, j.Cell, j.Builds, j.Xfail, j.Require, j.Skip, timeout, j.Retries}
	return err
}
