package pack

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Tags of an rpm's header that are looked at.
const (
	rpmName, rpmVersion, rpmRelease, rpmSummary  = 1000, 1001, 1002, 1004
	rpmBuildTime, rpmBuildHost, rpmLicense       = 1006, 1007, 1014
	rpmArch, rpmModes, rpmFileDigests            = 1022, 1030, 1035
	rpmFileFlags, rpmProvides, rpmRequires       = 1037, 1047, 1049
	rpmRequireVersions, rpmProvideVersions       = 1050, 1113
	rpmAfter, rpmBefore                          = 1024, 1025
	rpmDirIndexes, rpmBaseNames, rpmDirNames     = 1116, 1117, 1118
	rpmConfigFlag, rpmNoReplace, rpmHeaderDigest = 1, 1 << 4, 273
	rpmCompressor                                = 1125
)

// rpmHeader is one header: strings and numbers by their tags.
type rpmHeader struct {
	texts   map[int][]string
	numbers map[int][]int
}

// readRPMHeader reads a header at the start of data, and says how long it is.
func readRPMHeader(data []byte) (h rpmHeader, size int, err error) {
	h = rpmHeader{map[int][]string{}, map[int][]int{}}
	if len(data) < 16 || !bytes.HasPrefix(data, []byte{0x8e, 0xad, 0xe8, 1}) {
		return h, 0, errors.New("there is no header")
	}
	count, length := int(binary.BigEndian.Uint32(data[8:])), int(binary.BigEndian.Uint32(data[12:]))
	if count > 4096 || length > len(data) || 16+count*16+length > len(data) {
		return h, 0, errors.New("the header is longer than the file")
	}
	size = 16 + count*16 + length
	store := data[16+count*16 : size]
	for i := range count {
		row := data[16+i*16:]
		tag, kind := int(binary.BigEndian.Uint32(row)), binary.BigEndian.Uint32(row[4:])
		at, n := int(binary.BigEndian.Uint32(row[8:])), int(binary.BigEndian.Uint32(row[12:]))
		if at > len(store) || n > len(store) {
			return h, 0, fmt.Errorf("the tag %d is outside the header", tag)
		}
		if err := h.value(tag, kind, n, store[at:]); err != nil {
			return h, 0, err
		}
	}
	return h, size, nil
}

// value reads n values of a tag.
func (h rpmHeader) value(tag int, kind uint32, n int, rest []byte) error {
	width := map[uint32]int{3: 2, 4: 4}[kind] // of a number of 16 or 32 bits
	switch {
	case width > 0:
		if n*width > len(rest) {
			return fmt.Errorf("the tag %d is outside the header", tag)
		}
		for i := range n {
			if width == 2 {
				h.numbers[tag] = append(h.numbers[tag], int(binary.BigEndian.Uint16(rest[i*2:])))
			} else {
				h.numbers[tag] = append(h.numbers[tag], int(int32(binary.BigEndian.Uint32(rest[i*4:]))))
			}
		}
	case kind == 6 || kind == 8 || kind == 9: // text, several, of several languages
		for range n {
			text, after, ok := bytes.Cut(rest, []byte{0})
			if !ok {
				return fmt.Errorf("the tag %d does not end", tag)
			}
			h.texts[tag], rest = append(h.texts[tag], string(text)), after
		}
	}
	return nil
}

// checkRPM reads an rpm's headers and compares them with its description (rules
// names, relations, scripts, and each file by path, mode and hash.
func checkRPM(data []byte, d Description) error {
	const lead = 96
	if len(data) < lead || !bytes.HasPrefix(data, []byte{0xed, 0xab, 0xee, 0xdb}) {
		return errors.New("it is no rpm")
	}
	signature, size, err := readRPMHeader(data[lead:])
	if err != nil {
		return fmt.Errorf("its signature: %w", err)
	}
	start := lead + (size+7)/8*8
	if start > len(data) {
		return errors.New("it ends in its signature")
	}
	h, size, err := readRPMHeader(data[start:])
	if err != nil {
		return err
	}
	var list []error
	equal := func(what string, tag int, want string) {
		if got := strings.Join(h.texts[tag], "\n"); got != want {
			list = append(list, fmt.Errorf("its %s is %q, not %q", what, got, want))
		}
	}
	if got := signature.texts[rpmHeaderDigest]; len(got) > 0 && got[0] != fmt.Sprintf("%x", sha256.Sum256(data[start:start+size])) {
		list = append(list, errors.New("its header has another hash"))
	}
	equal("name", rpmName, d.Name)
	equal("version", rpmVersion, d.Version.upstream())
	equal("release", rpmRelease, d.Version.Revision)
	equal("summary", rpmSummary, d.Summary)
	equal("license", rpmLicense, d.License)
	equal("architecture", rpmArch, goToUname[d.Arch])
	equal("build host", rpmBuildHost, "localhost")
	equal("compression", rpmCompressor, cmp.Or(d.Compress, "gzip"))
	equal("script after installation", rpmAfter, d.Scripts.AfterInstall)
	equal("script before removal", rpmBefore, d.Scripts.BeforeRemove)
	if !slices.Equal(h.numbers[rpmBuildTime], []int{int(d.Date.Unix())}) {
		list = append(list, fmt.Errorf("its time is %v", h.numbers[rpmBuildTime]))
	}
	for _, want := range d.Depends {
		if !h.relates(rpmRequires, rpmRequireVersions, want) {
			list = append(list, fmt.Errorf("it does not require %s", want))
		}
	}
	for _, want := range d.Provides {
		if !h.relates(rpmProvides, rpmProvideVersions, want) {
			list = append(list, fmt.Errorf("it does not provide %s", want))
		}
	}
	return errors.Join(append(list, h.checkFiles(d))...)
}

// relates tells whether a relation is among those of a tag, whose versions another
// has.
func (h rpmHeader) relates(names, versions int, want string) bool {
	name, version, _ := strings.Cut(want, " = ")
	i := slices.Index(h.texts[names], name)
	return i >= 0 && i < len(h.texts[versions]) && h.texts[versions][i] == version
}

// checkFiles compares the files of a header.
func (h rpmHeader) checkFiles(d Description) error {
	bases, dirs := h.texts[rpmBaseNames], h.texts[rpmDirNames]
	if n := len(bases); n != len(h.numbers[rpmDirIndexes]) || n != len(h.numbers[rpmModes]) || n != len(h.numbers[rpmFileFlags]) || n != len(h.texts[rpmFileDigests]) || n != len(d.Files) {
		return fmt.Errorf("it has %d files, not %d", n, len(d.Files))
	}
	at := map[string]int{}
	for i, base := range bases {
		if dir := h.numbers[rpmDirIndexes][i]; dir >= 0 && dir < len(dirs) {
			at[path.Join(dirs[dir], base)] = i
		}
	}
	var list []error
	for _, f := range d.Files {
		i, ok := at[f.Path]
		if !ok {
			list = append(list, fmt.Errorf("%s is missing", f.Path))
			continue
		}
		flags := h.numbers[rpmFileFlags][i]
		if config := flags&(rpmConfigFlag|rpmNoReplace) == rpmConfigFlag|rpmNoReplace; config != (f.Kind == Config) {
			list = append(list, fmt.Errorf("%s has the flags %#x", f.Path, flags))
		}
		if f.Kind == Link || f.Kind == Folder {
			continue
		}
		if mode := h.numbers[rpmModes][i] & 0o7777; mode != int(f.Mode) {
			list = append(list, fmt.Errorf("%s has the mode %o", f.Path, mode))
		}
		data, err := f.content()
		if err != nil || h.texts[rpmFileDigests][i] != fmt.Sprintf("%x", sha256.Sum256(data)) {
			list = append(list, fmt.Errorf("%s has other contents", f.Path))
		}
	}
	return errors.Join(list...)
}
