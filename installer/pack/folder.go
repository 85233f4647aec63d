package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"modwsgi/internal/hint"
)

// CheckFolder reads everything that SHA256SUMS of a folder names (rule B-3): each
// file has its sum, each bill of materials and each statement the sums of the
// files that they are about.
func CheckFolder(dir string) error {
	sums, err := folderSums(dir)
	if err != nil {
		return err
	}
	var list []error
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		list = append(list, checkFile(dir, name, sums))
	}
	if err := errors.Join(list...); err != nil {
		return hint.Exit(fmt.Errorf("checking %s: %w", dir, err), hint.Unverified)
	}
	return nil
}

// folderSums reads SHA256SUMS of a folder.
func folderSums(dir string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, SumsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Exit(hint.New(fmt.Errorf("checking packages: %w", err), "make some: mod_wsgi-express package all"), hint.NotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("checking packages: %w", err)
	}
	sums, err := readSums(string(text))
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("checking %s: %w", dir, err), hint.Unverified)
	}
	return sums, nil
}

// checkFile compares a file with its sum, and what it says of others with theirs.
func checkFile(dir, name string, sums map[string]string) error {
	if err := checkSum(dir, name, sums); err != nil {
		return err
	}
	return checkPaper(dir, name, sums)
}

func checkSum(dir, name string, sums map[string]string) error {
	sum, err := readFileSum(filepath.Join(dir, name))
	if err == nil && sum != sums[name] {
		err = fmt.Errorf("%s has another sum", name)
	}
	return err
}

// checkPaper compares what a bill or statement says of other files with their
// sums.
func checkPaper(dir, name string, sums map[string]string) error {
	about := map[string]string{}
	data, err := os.ReadFile(filepath.Join(dir, name))
	switch {
	case err != nil:
		return err
	case strings.HasSuffix(name, ".cdx.json"):
		bom := new(cdx.BOM)
		if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if bom.Metadata == nil || bom.Metadata.Component == nil || bom.Metadata.Component.Hashes == nil || len(*bom.Metadata.Component.Hashes) != 1 {
			return fmt.Errorf("%s is about no file", name)
		}
		about[bom.Metadata.Component.Name] = (*bom.Metadata.Component.Hashes)[0].Value
	case strings.HasSuffix(name, ".intoto.json"):
		var s statement
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range s.Subject {
			about[r.Name] = r.Digest["sha256"]
		}
	}
	for file, sum := range about {
		if sums[file] != sum {
			return fmt.Errorf("%s is about another %s", name, file)
		}
	}
	return nil
}
