package pack

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Facts are what linked files need of a system, as they say themselves.
type Facts struct {
	Needed  []string // DT_NEEDED, sorted
	GLIBC   string   // the highest GLIBC_x.y of a symbol that is imported; "" for none (rule Q-3)
	Musl    bool
	Machine elf.Machine
	BuildID []string // of each file that has one, in their order
}

// factsOf reads some linked files.
func factsOf(files ...string) (Facts, error) {
	var all Facts
	for _, name := range files {
		if err := all.add(name); err != nil {
			return all, fmt.Errorf("reading what %s needs: %w", name, err)
		}
	}
	slices.Sort(all.Needed)
	all.Needed = slices.Compact(all.Needed)
	return all, nil
}

func (all *Facts) add(name string) error {
	f, err := elf.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if all.Machine != 0 && all.Machine != f.Machine {
		return fmt.Errorf("it is for %v, the others for %v", f.Machine, all.Machine)
	}
	all.Machine = f.Machine
	needed, err := f.DynString(elf.DT_NEEDED)
	if err != nil {
		return err
	}
	all.Needed = append(all.Needed, needed...)
	all.Musl = all.Musl || slices.ContainsFunc(needed, func(n string) bool { return strings.Contains(n, "musl") })
	symbols, err := f.ImportedSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return err
	}
	for _, s := range symbols {
		if version, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && compareVersions(version, all.GLIBC) > 0 {
			all.GLIBC = version
		}
	}
	if id := buildID(f); id != "" {
		all.BuildID = append(all.BuildID, id)
	}
	return nil
}

// compareVersions compares numbers with dots; "" is less than all, and so is
// what has no numbers, as PRIVATE.
func compareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, errM := strconv.Atoi(x)
		n, errN := strconv.Atoi(y)
		if errM != nil {
			m = -1
		}
		if errN != nil {
			n = -1
		}
		return cmp.Compare(m, n)
	})
}

// buildID is what the linker made of the file's contents, as hexadecimal digits.
func buildID(f *elf.File) string {
	s := f.Section(".note.gnu.build-id")
	if s == nil {
		return ""
	}
	data, err := s.Data()
	if err != nil || len(data) < 16 {
		return ""
	}
	name, size := f.ByteOrder.Uint32(data), f.ByteOrder.Uint32(data[4:])
	if name != 4 || size < 2 || uint64(16+size) > uint64(len(data)) {
		return ""
	}
	return fmt.Sprintf("%x", data[16:16+size])
}
