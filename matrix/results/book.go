package results

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/matrix/plan"
)

// Book is the folder with the records of a run and the reports that are made of
// them. Its methods may be called from several goroutines.
type Book struct {
	dir string
	now func() time.Time // a test's clock

	mu      sync.Mutex
	plan    *plan.Plan
	list    []Result // in the order in which they came
	fresh   []Result // those that are not in timings yet
	timings plan.Timings
	size    int64 // of the records that are whole
	log     *fsx.Log
	next    time.Time // before which no reports are made

	release func() // of the lock of the folder
}

// Start begins a run in the folder dir, which is made if it is missing, of a plan or
// of a part of it (a shard; nil: all). The folder has the whole plan, so that it
// can be merged. Records of an earlier run are gone then; what is known of times
// stays.
func Start(dir string, whole, part *plan.Plan) (*Book, error) {
	text, err := whole.Write()
	if err != nil {
		return nil, err
	}
	if err := fsx.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	release, err := hold(dir)
	if err != nil {
		return nil, err
	}
	// The records go first: none is to be found beside a plan that is not its own.
	err = fsx.Remove(filepath.Join(dir, File))
	if err == nil {
		err = fsx.WriteTree(dir, []fsx.File{{Path: PlanFile, Data: text}})
	}
	if err != nil {
		release()
		return nil, err
	}
	return begin(Part{Dir: dir, Plan: cmp.Or(part, whole)}, release)
}

// Continue goes on with the run in the folder dir, with its plan, of which a part
// is reported (nil: all): what is added comes to the records that are there. One
// that somebody was killed over is cut off.
func Continue(dir string, part *plan.Plan) (*Book, error) {
	if _, err := ReadPart(dir, nil); err != nil { // nothing is made in a folder that is somebody's
		return nil, err
	}
	release, err := hold(dir)
	if err != nil {
		return nil, err
	}
	there, err := ReadPart(dir, nil)
	if err == nil && part != nil && part.Hash != there.Plan.Hash {
		err = hint.Exit(fmt.Errorf("going on in %s: it is of the plan %s, and this is %s", dir, there.Plan.Hash, part.Hash), hint.Usage)
	}
	if err != nil {
		release()
		return nil, err
	}
	there.Plan = cmp.Or(part, there.Plan)
	return begin(there, release)
}

// hold has the folder dir for this process alone: two runs that write into one
// would cut off each other's records. It is given back when the process ends, too.
func hold(dir string) (release func(), err error) {
	release, err = fsx.TryLock(filepath.Join(dir, ".lock"))
	var held *fsx.HeldError
	if errors.As(err, &held) {
		err = hint.New(fmt.Errorf("the process %d writes results into %s", held.PID, dir), "wait for it, or name another folder for the results")
	}
	return release, err
}

// begin opens the records behind those that a folder has, and makes the first
// reports.
func begin(p Part, release func()) (_ *Book, err error) {
	b := &Book{dir: p.Dir, plan: p.Plan, now: time.Now, list: p.Results, size: p.whole, release: release}
	defer func() {
		if err != nil {
			release()
		}
	}()
	if b.timings, err = ReadTimings(filepath.Join(b.dir, TimingsFile)); err != nil {
		return nil, err
	}
	b.timings = fill(b.timings, b.list)
	if b.log, err = b.reopen(); err != nil {
		return nil, err
	}
	if err := b.write(true); err != nil {
		return nil, errors.Join(err, b.log.Close())
	}
	return b, nil
}

func (b *Book) reopen() (*fsx.Log, error) {
	return fsx.OpenLog(filepath.Join(b.dir, File), b.size, 0o644)
}

// fill adds the times of results of which nothing is known to t. Those of which
// something is are in it already, or may be: none counts twice.
func fill(t plan.Timings, list []Result) plan.Timings {
	var unknown []Result
	for _, r := range list {
		if _, there := t[r.ID]; !there {
			unknown = append(unknown, r)
		}
	}
	return average(t, unknown)
}

// Built notes how long a build took, by its key.
func (b *Book) Built(key string, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	weigh(b.timings, key, took.Seconds())
}

// Add records a result, which is on the disk when Add returns. It takes the place
// of the one that the cell has, if it has one. The reports follow when there was
// time: making them never takes more than a twentieth of a run.
func (b *Book) Add(r Result) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.Plan, r.Schema = b.plan.Hash, Schema
	if r.Reruns == "" {
		for _, was := range b.list {
			if was.ID == r.ID {
				r.Reruns = was.Key() // the last one's
			}
		}
	}
	line, err := encode(r)
	if err != nil {
		return err
	}
	if b.log == nil { // the last one could not be written: what is there of it is cut off
		if b.log, err = b.reopen(); err != nil {
			return err
		}
	}
	if err := b.log.Add(line); err != nil {
		_ = b.log.Close() // the error before is the one to tell
		b.log = nil
		return err
	}
	b.size += int64(len(line))
	b.list = append(b.list, r.bound())
	b.fresh = append(b.fresh, r)
	began := b.now()
	if began.Before(b.next) {
		return nil
	}
	if err := b.write(false); err != nil {
		return err
	}
	ended := b.now()
	b.next = ended.Add(20 * ended.Sub(began))
	return nil
}

// Report is what is known so far.
func (b *Book) Report() Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	return NewReport(b.plan, b.list)
}

// Close makes the last reports and closes the records.
func (b *Book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.write(true)
	if b.log != nil {
		if closing := b.log.Close(); err == nil {
			err = closing
		}
		b.log = nil
	}
	b.release()
	return err
}

// write makes all reports. durable: it is not the next one that matters.
func (b *Book) write(durable bool) error {
	return NewReport(b.plan, b.list).write(b.dir, average(b.timings, b.fresh), durable)
}

// PlanFile is the name of the file with the plan.
const PlanFile = "plan.json"

// write puts every file but the records into the folder dir, each whole.
func (rep Report) write(dir string, timings plan.Timings, durable bool) error {
	page, err := rep.HTML()
	if err != nil {
		return err
	}
	units, err := rep.JUnit()
	if err != nil {
		return err
	}
	times, err := json.MarshalIndent(timings, "", "  ")
	if err != nil {
		return fmt.Errorf("writing times: %w", err)
	}
	files := []fsx.File{
		{Path: TimingsFile, Data: append(times, '\n')},
		{Path: "junit.xml", Data: units},
		{Path: "summary.txt", Data: []byte(rep.Text())},
		{Path: "summary.md", Data: []byte(rep.Markdown(0))},
		{Path: "report.html", Data: page},
	}
	for i := range files {
		files[i].Passing = !durable
	}
	return fsx.WriteTree(dir, files)
}
