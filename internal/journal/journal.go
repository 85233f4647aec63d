package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"modwsgi/internal/fsx"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

const (
	logName    = "journal"
	backupsDir = "before"
	lockName   = "lock"
)

// Journal is a transaction on its way. Steps are done one after the other; then
// it is committed or undone.
type Journal struct {
	dir    string
	what   string
	r      *run.Runner
	log    *fsx.Log
	unlock func()
	steps  []record

	after func(event string, n int) error
}

// Watch has f told when step n (from 1) is recorded, filling its folder, and done, and when the journal
// is committed and what it discards is gone; an error of f stands for one of the
// step. It is for tests, which fail or end there.
func (j *Journal) Watch(f func(event string, n int) error) { j.after = f }

// record is a line of the log: the first says who began, the last that it is
// committed; a step between them was perhaps done, perhaps not.
type record struct {
	Schema  int      `json:"schema,omitempty"`
	What    string   `json:"what,omitempty"` // "installing into …"
	PID     int      `json:"pid,omitempty"`
	Step    *Step    `json:"step,omitempty"`
	Before  []state  `json:"before,omitempty"`
	Commit  bool     `json:"commit,omitempty"`
	Discard []string `json:"discard,omitempty"` // removed once it is committed, with all that is in them
}

const schema = 1

// ErrPending says that an earlier transaction was neither committed nor undone.
var ErrPending = errors.New("an earlier change was interrupted")

// Begin starts a journal in the folder dir, which belongs to journals alone and
// whose parent is there. Another process that has one makes it wait. What says in
// words what is done. If one was interrupted before, the error wraps [ErrPending].
func Begin(ctx context.Context, r *run.Runner, dir, what string) (*Journal, error) {
	unlock, err := lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{dir: dir, what: what, r: r, unlock: unlock}
	if err := j.open(); err != nil {
		unlock()
		return nil, err
	}
	return j, nil
}

// lock makes the folder and holds its lock. The folder goes with the last of its
// journals, perhaps while somebody waits: whoever finds it gone makes it again.
func lock(ctx context.Context, dir string) (func(), error) {
	for tries := 0; ; tries++ {
		if err := fsx.MkdirPrivate(dir); err != nil {
			return nil, err
		}
		unlock, err := fsx.Lock(ctx, filepath.Join(dir, lockName), nil)
		if !errors.Is(err, fs.ErrNotExist) || tries > 100 {
			return unlock, err
		}
	}
}

func (j *Journal) open() error {
	if left, err := Pending(j.dir); err != nil {
		return err
	} else if left != "" {
		return hint.Exit(hint.New(fmt.Errorf("%w: %s", ErrPending, left), "put everything back as it was before: mod_wsgi-express rollback"), hint.Refused)
	}
	err := fsx.RemoveAll(filepath.Join(j.dir, backupsDir)) // of one that ended before its first record
	if err == nil {
		err = fsx.MkdirPrivate(filepath.Join(j.dir, backupsDir))
	}
	if err != nil {
		return err
	}
	if j.log, err = fsx.CreateLog(filepath.Join(j.dir, logName)); err != nil {
		return err
	}
	return j.add(record{Schema: schema, What: j.what, PID: os.Getpid()})
}

// Pending says what was interrupted, by the folder of its journal; "" if nothing
// was. A change that another process is at work on is pending too.
func Pending(dir string) (string, error) {
	list, err := read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case len(list) == 0 || list[0].What == "":
		return "a change of files", nil
	}
	return list[0].What, nil
}

func (j *Journal) add(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return j.log.Add(append(data, '\n'))
}

// Do records what is there, does the step, and makes it durable. Whoever gets an
// error undoes all.
func (j *Journal) Do(ctx context.Context, steps ...Step) error {
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.do(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.Line(), err)
		}
	}
	return nil
}

func (j *Journal) do(ctx context.Context, s Step) error {
	rec := record{Step: &s}
	for _, path := range s.paths() {
		if !filepath.IsAbs(path) || path != filepath.Clean(path) {
			return fmt.Errorf("%q is no absolute path", path)
		}
		was, err := look(path)
		if err != nil {
			return err
		}
		if was.Is == isFile && !s.renames() {
			if was.Backup, err = j.backUp(path); err != nil {
				return err
			}
		}
		rec.Before = append(rec.Before, was)
	}
	if err := j.add(rec); err != nil {
		return err
	}
	j.steps = append(j.steps, rec)
	if err := j.reached("recorded"); err != nil {
		return err
	}
	if err := j.perform(ctx, s, rec.Before); err != nil {
		return err
	}
	for _, path := range s.paths() {
		if err := syncParent(path); err != nil {
			return err
		}
	}
	return j.reached("done")
}

func (j *Journal) reached(event string) error {
	if j.after == nil {
		return nil
	}
	return j.after(event, len(j.steps))
}

// syncParent makes the name path durable; a folder that is gone holds none.
func syncParent(path string) error {
	if err := fsx.Sync(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// backUp copies the file path into the journal's folder and gives its name there.
// No step has several files of one name.
func (j *Journal) backUp(path string) (string, error) {
	name := fmt.Sprintf("%d-%s", len(j.steps), filepath.Base(path))
	if entries, err := os.ReadDir(filepath.Join(j.dir, backupsDir)); err != nil {
		return "", fmt.Errorf("keeping a copy: %w", err)
	} else if len(entries) > 0 {
		name = fmt.Sprintf("%d-%s", len(entries), name)
	}
	to := filepath.Join(j.dir, backupsDir, name)
	if err := fsx.CopyFile(path, to, 0o600); err != nil {
		return "", err
	}
	return name, fsx.Sync(filepath.Dir(to))
}

// perform does one step; before is what its paths were.
func (j *Journal) perform(ctx context.Context, s Step, before []state) error {
	switch s.Kind {
	case Fill:
		return j.fill(ctx, s, before[0])
	case Mkdir:
		if err := fsx.Mkdir(s.Path, s.Mode); err != nil || before[0].Is == isFolder {
			return err
		}
		return fsx.LikeFolder(s.Path)
	case Write:
		return write(s)
	case Link:
		return fsx.Symlink(s.To, s.Path)
	case Remove:
		return fsx.Remove(s.Path)
	case Tidy:
		return tidy(s.Path)
	case Swap, Move:
		if there := before[1].Is != isNothing; there != (s.Kind == Swap) {
			return fmt.Errorf("there is %s at %s", before[1].Is, s.To)
		}
		return rename(s.Kind, s.Path, s.To)
	case Run:
		_, err := j.r.Run(ctx, run.Cmd{Path: s.Args[0], Args: s.Args[1:], Env: s.Env, Changes: true})
		return err
	}
	return fmt.Errorf("%q is no kind of step", s.Kind)
}

// fill makes a folder whole, and durable.
func (j *Journal) fill(ctx context.Context, s Step, before state) error {
	if before.Is != isNothing {
		return fmt.Errorf("there is %s at %s already", before.Is, s.Path)
	}
	for _, each := range append([]Step{{Kind: Mkdir, Path: s.Path, Mode: s.Mode}}, s.Inner...) {
		err := ctx.Err()
		if err == nil {
			err = j.perform(ctx, each, []state{{Is: isNothing}})
		}
		if err == nil {
			err = j.reached("filling")
		}
		if err != nil {
			return err
		}
	}
	for _, each := range s.Inner {
		if each.Kind != Mkdir {
			continue
		}
		if err := fsx.Sync(each.Path); err != nil {
			return err
		}
	}
	return fsx.Sync(s.Path)
}

func rename(kind Kind, from, to string) error {
	if kind == Swap {
		return fsx.Exchange(from, to)
	}
	fi, err := os.Lstat(from)
	if err != nil {
		return fmt.Errorf("moving: %w", err)
	}
	return fsx.Move(from, to, fi.Mode().Perm())
}

// write also makes sure that what was copied is what was planned.
func write(s Step) error {
	if s.From == "" {
		if err := fsx.WriteFile(s.Path, s.Data, s.Mode); err != nil {
			return err
		}
		return fsx.LikeFolder(s.Path)
	}
	copied := fsx.CopyFile
	if s.Owned != nil {
		copied = func(from, to string, _ fs.FileMode) error { return fsx.PutBack(from, to, *s.Owned) }
	}
	if err := copied(s.From, s.Path, s.Mode); err != nil {
		return err
	}
	if got, err := sum(s.Path); err != nil || got != s.SHA256 {
		return errors.Join(fmt.Errorf("%s changed while it was copied", s.From), err)
	}
	if s.Owned != nil {
		return nil
	}
	return fsx.LikeFolder(s.Path)
}

func sum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading what was written: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading what was written: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Commit makes the steps final. What discard names goes with all that is in it:
// folders that steps of this journal made.
func (j *Journal) Commit(discard ...string) error {
	rec := record{Commit: true, Discard: discard}
	err := j.add(rec)
	if err == nil {
		err = j.reached("committed")
	}
	if err == nil {
		err = finish(rec)
	}
	if err == nil {
		err = j.reached("discarded")
	}
	return errors.Join(err, j.end(err == nil))
}

// finish is what remains to be done of a journal that is committed.
func finish(commit record) error {
	for _, path := range commit.Discard {
		if err := fsx.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// Undo puts everything back as it was and says what, a line each, last step
// first. If something cannot be put back the journal stays, for [Recover].
func (j *Journal) Undo() ([]string, error) {
	lines, err := undo(j.dir, os.Getpid(), j.steps, j.after)
	return lines, errors.Join(err, j.end(err == nil))
}

// end gives the journal up; if all is well, nothing is left of it.
func (j *Journal) end(well bool) error {
	defer j.unlock()
	if err := j.log.Close(); err != nil || !well {
		return err
	}
	return remove(j.dir)
}

// remove takes the journal in dir away, whose lock is held: the log first, without
// which nothing is pending.
func remove(dir string) error {
	if err := fsx.Remove(filepath.Join(dir, logName)); err != nil {
		return err
	}
	if err := fsx.Sync(dir); err != nil {
		return err
	}
	if err := fsx.RemoveAll(filepath.Join(dir, backupsDir)); err != nil {
		return err
	}
	if err := fsx.Remove(filepath.Join(dir, lockName)); err != nil {
		return err
	}
	return tidy(dir) // somebody may wait for it
}

// tidy removes a folder if nothing is in it.
func tidy(dir string) error {
	if err := fsx.Remove(dir); err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	return nil
}

// undo puts back what steps have changed.
func undo(dir string, pid int, steps []record, after func(string, int) error) (lines []string, err error) {
	for i, rec := range slices.Backward(steps) {
		for _, path := range rec.Step.paths() {
			err = errors.Join(err, fsx.RemoveTemporary(path, pid))
		}
		stepErr := unstep(rec, filepath.Join(dir, backupsDir))
		err = errors.Join(err, stepErr)
		if stepErr == nil {
			lines = append(lines, "undone: "+rec.Step.Line())
		}
		if after != nil {
			err = errors.Join(err, after("undone", i+1))
		}
	}
	return lines, err
}

func unstep(rec record, backups string) error {
	if rec.Step.Kind == Fill && rec.Before[0].Is == isNothing {
		return errors.Join(fsx.RemoveAll(rec.Step.Path), syncParent(rec.Step.Path))
	}
	if rec.Step.renames() {
		return rerename(*rec.Step, rec.Before)
	}
	for _, was := range slices.Backward(rec.Before) {
		if err := was.putBack(backups); err != nil {
			return err
		}
		if err := syncParent(was.Path); err != nil {
			return err
		}
	}
	return nil
}

// rerename looks what has the name now: only what has been given it is given its
// old one.
func rerename(s Step, before []state) error {
	now, err := look(s.To)
	if err != nil || now.ID != before[0].ID || now.Is == isNothing {
		return err
	}
	if err := rename(s.Kind, s.To, s.Path); err != nil {
		return err
	}
	return errors.Join(syncParent(s.Path), syncParent(s.To))
}
