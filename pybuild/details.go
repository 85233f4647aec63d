package pybuild

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// details is what build-details.json says, which Python has in the folder of its
// standard library from 3.14 on (PEP 739). None of it is believed alone.
type details struct {
	BasePrefix string `json:"base_prefix"`
	Platform   string `json:"platform"`
	Language   struct {
		VersionInfo struct {
			Major        int    `json:"major"`
			Minor        int    `json:"minor"`
			Micro        int    `json:"micro"`
			ReleaseLevel string `json:"releaselevel"`
			Serial       int    `json:"serial"`
		} `json:"version_info"`
	} `json:"language"`
	Implementation struct {
		Name       string `json:"name"`
		HexVersion int    `json:"hexversion"`
	} `json:"implementation"`
	ABI struct {
		Flags           []string `json:"flags"`
		ExtensionSuffix string   `json:"extension_suffix"`
	} `json:"abi"`
	LibPython struct {
		Dynamic string `json:"dynamic"`
		Static  string `json:"static"`
	} `json:"libpython"`
	CAPI struct {
		Headers string `json:"headers"`
	} `json:"c_api"`
}

// readDetails reads the file in the folder of a standard library. Paths in it
// may be relative to its base_prefix, or that to the file itself: they are made
// absolute.
func readDetails(stdlib string) (details, error) {
	var d details
	path := filepath.Join(stdlib, "build-details.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return d, fmt.Errorf("reading build details: %w", err)
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("reading %s: %w", path, err)
	}
	against := func(dir, path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	d.BasePrefix = against(stdlib, d.BasePrefix)
	for _, p := range []*string{&d.LibPython.Dynamic, &d.LibPython.Static, &d.CAPI.Headers} {
		*p = against(d.BasePrefix, *p)
	}
	return d, nil
}
