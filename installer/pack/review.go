package pack

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"modwsgi/csrc/fetch"
	"modwsgi/internal/hint"
)

// Review is a folder of packages read again as a whole (rule B-3).
type Review struct {
	Schema int        `json:"schema"`
	Folder string     `json:"folder"`
	Files  []Reviewed `json:"files"`  // by name
	Locked int        `json:"locked"` // sources that the lock file knows
}

// Reviewed is a file of it.
type Reviewed struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"` // "package", "bill", "statement", or "" of what is neither
	Wrong []string `json:"wrong,omitempty"`
}

const (
	kindPackage   = "package"
	kindBill      = "bill"
	kindStatement = "statement"
)

// suffixes are how the names end of what is published.
var suffixes = []struct{ ending, kind string }{
	{".cdx.json", kindBill}, {".intoto.json", kindStatement},
	{".deb", kindPackage}, {".rpm", kindPackage}, {".apk", kindPackage}, {".pkg.tar.zst", kindPackage},
	{".whl", kindPackage}, {".tar.gz", kindPackage}, {".tar.zst", kindPackage},
}

func kindOf(name string) string {
	for _, s := range suffixes {
		if strings.HasSuffix(name, s.ending) {
			return s.kind
		}
	}
	return ""
}

// ReviewFolder reads all that was published into dir: besides what [CheckFolder] looks
// at, that nothing lies there which has no sum; that each package has a bill and a
// statement; that each bill is as it was written; what archives and wheels say of
// their own files; and that sources are those of the lock file.
func ReviewFolder(dir string, lock fetch.Lock) (Review, error) {
	r := Review{Schema: 1, Folder: dir}
	sums, err := folderSums(dir)
	if err != nil {
		return r, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return r, fmt.Errorf("checking packages: %w", err)
	}
	v := &reviewer{dir: dir, sums: sums, lock: lock, stated: map[string]bool{}}
	names := map[string]bool{}
	for name := range sums {
		names[name] = true
		if kindOf(name) == kindStatement {
			v.subjects(name)
		}
	}
	for _, e := range entries {
		if kindOf(e.Name()) != "" {
			names[e.Name()] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := Reviewed{Name: name, Kind: kindOf(name)}
		for _, err := range v.file(name, f.Kind) {
			f.Wrong = append(f.Wrong, err.Error())
		}
		r.Files = append(r.Files, f)
	}
	r.Locked = v.locked
	return r, nil
}

// reviewer is one run of ReviewFolder.
type reviewer struct {
	dir    string
	sums   map[string]string
	lock   fetch.Lock
	stated map[string]bool // packages that a statement is about
	locked int
}

// subjects notes which packages a statement is about.
func (v *reviewer) subjects(name string) {
	if s, err := v.statement(name); err == nil {
		for _, subject := range s.Subject {
			v.stated[subject.Name] = true
		}
	} // what is wrong with it is said when it is its turn
}

func (v *reviewer) statement(name string) (statement, error) {
	var s statement
	data, err := os.ReadFile(filepath.Join(v.dir, name))
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	return s, err
}

// file is all that is wrong with one file.
func (v *reviewer) file(name, kind string) []error {
	if v.sums[name] == "" {
		return []error{fmt.Errorf("%s is not in %s", name, SumsFile)}
	}
	if err := checkSum(v.dir, name, v.sums); err != nil {
		return []error{err}
	}
	var list []error
	if err := checkPaper(v.dir, name, v.sums); err != nil {
		list = append(list, err)
	}
	add := func(err error) {
		if err != nil {
			list = append(list, fmt.Errorf("%s: %w", name, err))
		}
	}
	path := filepath.Join(v.dir, name)
	switch kind {
	case kindBill:
		add(checkBill(path))
	case kindStatement:
		for _, err := range v.sources(name) {
			add(err)
		}
	case kindPackage:
		if v.sums[name+".cdx.json"] == "" {
			add(errors.New("it has no bill of materials"))
		}
		if !v.stated[name] {
			add(errors.New("no statement is about it"))
		}
		add(checkInside(path))
	}
	return list
}

// checkBill proves that a bill is as it was written: its serial number is made of its
// contents.
func checkBill(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		return err
	}
	said := bom.SerialNumber
	bom.SerialNumber = ""
	plain, err := encodeBill(bom)
	if err == nil && serial(plain) != said {
		err = errors.New("its serial number is of other contents")
	}
	return err
}

// checkInside holds the files of an archive or a wheel against what it says of them.
// Of packages of distributions their own tools do that.
func checkInside(path string) error {
	switch {
	case strings.HasSuffix(path, ".pkg.tar.zst"):
	case strings.HasSuffix(path, ".tar.gz"), strings.HasSuffix(path, ".tar.zst"):
		_, _, err := readArchive(path)
		return err
	case strings.HasSuffix(path, ".whl"):
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil || len(z.File) == 0 {
			return fmt.Errorf("it is no wheel: %w", err)
		}
		return checkWheel(filepath.Base(path), data, z.File[0].Modified)
	}
	return nil
}

// sources compares what a statement says of source archives with the lock file, and
// wants a digest of every source.
func (v *reviewer) sources(name string) []error {
	s, err := v.statement(name)
	if err != nil {
		return []error{err}
	}
	var list []error
	if s.Type != statementType || s.PredicateType != predicateType || len(s.Subject) == 0 {
		list = append(list, errors.New("it is no statement of where packages come from"))
	}
	for _, r := range s.Predicate.BuildDefinition.ResolvedDependencies {
		if strings.HasPrefix(r.Name, "source ") && len(r.Digest) == 0 {
			list = append(list, fmt.Errorf("it has no digest of the %s", r.Name))
		}
		locked, ok := v.lock.Find(r.Annotations[formAnnotation])
		if !ok {
			continue
		}
		v.locked++
		algorithm, sum, _ := strings.Cut(locked.Sum, ":")
		if has := r.Digest[algorithm]; sum != "" && has != "" && has != sum || locked.Commit != "" && r.Digest["gitCommit"] != locked.Commit {
			list = append(list, fmt.Errorf("it was made of another %s than %s has", locked.Form, fetch.LockFile))
		}
	}
	return list
}

// Err names each fault; nil if there is none.
func (r Review) Err() error {
	var list []error
	for _, f := range r.Files {
		for _, text := range f.Wrong {
			list = append(list, errors.New(text))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return hint.Exit(fmt.Errorf("checking %s: %w", r.Folder, errors.Join(list...)), hint.Unverified)
}

// Print says what was looked at; what is wrong is the error.
func (r Review) Print(w io.Writer) error {
	count := map[string]int{}
	wrong := 0
	for _, f := range r.Files {
		count[f.Kind]++
		wrong += len(f.Wrong)
	}
	_, err := fmt.Fprintf(w, "%s: %d packages, %d bills of materials, %d statements, %d sources of %s, %d faults\n",
		r.Folder, count[kindPackage], count[kindBill], count[kindStatement], r.Locked, fetch.LockFile, wrong)
	return err
}
