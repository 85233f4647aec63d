package pack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	text, err := os.ReadFile(filepath.Join(dir, SumsFile))
	if err != nil {
		return fmt.Errorf("checking packages: %w", err)
	}
	sums, err := readSums(string(text))
	if err != nil {
		return hint.Exit(fmt.Errorf("checking %s: %w", dir, err), hint.Unverified)
	}
	var list []error
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		sum, err := readFileSum(filepath.Join(dir, name))
		switch {
		case err == nil && sum != sums[name]:
			err = fmt.Errorf("%s has another sum", name)
		case err == nil:
			err = checkPaper(dir, name, sums)
		}
		list = append(list, err)
	}
	if err := errors.Join(list...); err != nil {
		return hint.Exit(fmt.Errorf("checking %s: %w", dir, err), hint.Unverified)
	}
	return nil
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
