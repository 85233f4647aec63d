package pack

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"modwsgi/csrc"
	"modwsgi/internal/pattern"
)

// bill is the bill of materials of a package (rule B-1), or of what it holds if m
// is empty: for packages that carry one. Nothing in it is of this machine alone.
func (b Build) bill(m Made, date time.Time) ([]byte, error) {
	bom := cdx.NewBOM()
	parts := []cdx.Component{b.moduleComponent(), {
		BOMRef: "httpd", Type: cdx.ComponentTypeApplication, Name: "Apache HTTP Server", Version: b.Apache,
		PackageURL: "pkg:generic/httpd@" + b.Apache, Scope: cdx.ScopeRequired, Licenses: licences("Apache-2.0"),
	}}
	for _, py := range b.pythons() {
		parts = append(parts, cdx.Component{
			BOMRef: "cpython-" + py.ABI, Type: cdx.ComponentTypePlatform, Name: "CPython", Version: py.Python, PackageURL: "pkg:generic/cpython@" + py.Python,
			Scope: cdx.ScopeRequired, Licenses: licences("PSF-2.0"), Properties: &[]cdx.Property{{Name: "modwsgi:soname", Value: py.SONAME}, {Name: "modwsgi:abi", Value: py.ABI}},
		})
	}
	needs := []string{"httpd"}
	for _, p := range parts[2:] {
		needs = append(needs, p.BOMRef)
	}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: parts[0].BOMRef, Dependencies: &needs}}
	tools := b.tools()
	main := cdx.Component{BOMRef: "package", Type: cdx.ComponentTypeFile, Name: m.Name}
	if m.Name == "" {
		main = cdx.Component{BOMRef: "package", Type: cdx.ComponentTypeApplication, Name: "mod_wsgi", Version: b.version()}
	} else {
		main.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(m.Data))}}
	}
	bom.Metadata = &cdx.Metadata{Timestamp: date.UTC().Format(time.RFC3339), Component: &main, Tools: &cdx.ToolsChoice{Components: &tools}}
	plain, err := encodeBill(bom)
	if err != nil {
		return nil, err
	}
	bom.SerialNumber = serial(plain)
	return encodeBill(bom)
}

func encodeBill(bom *cdx.BOM) ([]byte, error) {
	var out bytes.Buffer
	e := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON)
	e.SetPretty(true)
	if err := e.EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("writing a bill of materials: %w", err)
	}
	return out.Bytes(), nil
}

// serial is a UUID of contents: of version 8, whose bits are anybody's.
func serial(data []byte) string {
	sum := sha256.Sum256(data)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (b Build) version() string {
	if b.Classic != nil {
		return b.Classic.Version
	}
	return b.Layout.Apache.Version
}

// pythons are the records of those that are packed.
func (b Build) pythons() []csrc.BuildInfo {
	if b.Classic != nil {
		return []csrc.BuildInfo{b.Classic.Python}
	}
	var list []csrc.BuildInfo
	for _, h := range b.Layout.Halves {
		if slices.Contains(b.ABIs, h.ABI) {
			list = append(list, h.Info)
		}
	}
	return list
}

// moduleComponent is the module itself.
func (b Build) moduleComponent() cdx.Component {
	c := cdx.Component{BOMRef: "mod_wsgi", Type: cdx.ComponentTypeApplication, Name: "modwsgi", Version: b.version(), Licenses: licences("Apache-2.0")}
	c.PackageURL = "pkg:generic/modwsgi@" + c.Version
	if b.Classic != nil {
		c.Name, c.PackageURL = "mod_wsgi", "pkg:github/GrahamDumpleton/mod_wsgi@"+c.Version
	} else {
		c.Properties = &[]cdx.Property{{Name: "modwsgi:source", Value: b.Layout.Apache.Source}}
	}
	return c
}

// tools are what made the package: the compiler, this program and the modules in
// it.
func (b Build) tools() []cdx.Component {
	list := []cdx.Component{{Type: cdx.ComponentTypeApplication, Name: "modwsgi", Version: csrc.Version(), Licenses: licences("Apache-2.0")}}
	if b.Compiler != "" {
		list = append(list, cdx.Component{Type: cdx.ComponentTypeApplication, Name: "C compiler", Version: b.Compiler})
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return list
	}
	known := noticed()
	for _, m := range info.Deps {
		if m.Path == "modwsgi" || m.Replace != nil { // of the program that mage makes, we are one; what stands in for another is ours
			continue
		}
		c := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: "pkg:golang/" + m.Path + "@" + m.Version}
		if id := known[m.Path]; id != "" {
			c.Licenses = licences(id)
		}
		list = append(list, c)
	}
	return list
}

var noticeRow = pattern.New(`(?m)^  (\S+\.\S+/\S+) +(\S+) +Copyright `)

// noticed are the licences of Go modules, as NOTICE has them.
func noticed() map[string]string {
	known := map[string]string{}
	for _, m := range noticeRow.FindAllStringSubmatch(string(notice), -1) {
		known[m[1]] = m[2]
	}
	return known
}

func licences(id string) *cdx.Licenses {
	return &cdx.Licenses{{License: &cdx.License{ID: strings.TrimSpace(id)}}}
}
