package pack

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// member is one file of an ar archive.
type member struct {
	name string
	data []byte
}

// readAr reads an ar archive of the common form, as debs are: every header is
// complete, and nothing is behind the last member.
func readAr(data []byte) ([]member, error) {
	const magic, header = "!<arch>\n", 60
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return nil, errors.New("it is no ar archive")
	}
	var list []member
	for len(rest) > 0 {
		if len(rest) < header || string(rest[58:60]) != "`\n" {
			return nil, fmt.Errorf("member %d has no header", len(list)+1)
		}
		name := strings.TrimSuffix(strings.TrimRight(string(rest[:16]), " "), "/")
		size, err := strconv.ParseUint(strings.TrimRight(string(rest[48:58]), " "), 10, 31)
		if err != nil || name == "" || int(size) > len(rest)-header {
			return nil, fmt.Errorf("member %d (%q) has no size that could be", len(list)+1, name)
		}
		list = append(list, member{name, rest[header : header+int(size)]})
		end := header + int(size) + int(size)%2
		if end > len(rest) {
			return nil, fmt.Errorf("member %d (%q) is cut off", len(list), name)
		}
		rest = rest[end:]
	}
	return list, nil
}

// unpackers are by the end of a name how a member of a deb is compressed.
var unpackers = map[string]func(data []byte) (io.Reader, error){"gz": ungzip, "zst": unzstd}

// unzstd reads all of data.
func unzstd(data []byte) (io.Reader, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(4*maxEntry), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	plain, err := z.DecodeAll(data, nil)
	return bytes.NewReader(plain), err
}

// ungzip reads one gzip stream that is all of data.
func ungzip(data []byte) (io.Reader, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.LimitReader(z, 4*maxEntry), nil
}

// readControl reads a control file: fields, and what is indented belongs to the
// one before.
func readControl(text string) (map[string]string, error) {
	fields := map[string]string{}
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, " ") && last != "" {
			fields[last] += "\n" + line[1:]
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if _, twice := fields[name]; !ok || name == "" || twice || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("%q is no field", line)
		}
		fields[name], last = strings.TrimSpace(value), name
	}
	return fields, nil
}

// checkDeb reads a deb and compares it with its description (rules ).
func checkDeb(data []byte, d Description) error {
	members, err := readAr(data)
	if err != nil {
		return err
	}
	var names []string
	for _, m := range members {
		names = append(names, m.name)
	}
	end := map[string]string{"": "gz", "gzip": "gz", "zstd": "zst"}[d.Compress]
	if !slices.Equal(names, []string{"debian-binary", "control.tar.gz", "data.tar." + end}) || string(members[0].data) != "2.0\n" {
		return fmt.Errorf("it is of the members %q", names)
	}
	control, err := readPackedTar(members[1].data, "gz")
	if err != nil {
		return fmt.Errorf("its %s: %w", names[1], err)
	}
	files, err := readPackedTar(members[2].data, end)
	if err != nil {
		return fmt.Errorf("its %s: %w", names[2], err)
	}
	return errors.Join(checkFiles(files, d), checkControl(control, files, d))
}

func readPackedTar(data []byte, end string) (map[string]entry, error) {
	r, err := unpackers[end](data)
	if err != nil {
		return nil, err
	}
	return readTar(r, true)
}

// checkControl compares the control files.
func checkControl(control, files map[string]entry, d Description) error {
	fields, err := readControl(string(control["control"].data))
	if err != nil {
		return err
	}
	var list []error
	want := map[string]string{
		"Package": d.Name, "Version": d.Version.Deb(), "Architecture": goToDeb[d.Arch], "Section": d.Section, "Priority": "optional", "Maintainer": d.Contact,
		"Depends": strings.Join(d.Depends, ", "), "Provides": strings.Join(d.Provides, ", "),
		"Description": d.Summary + "\n" + d.Text,
		"Conflicts":   strings.Join(d.Conflicts, ", "), "Replaces": strings.Join(d.Replaces, ", "),
	}
	for name, value := range want {
		if fields[name] != value {
			list = append(list, fmt.Errorf("its %s is %q, not %q", name, fields[name], value))
		}
	}
	var configs []string
	for _, f := range d.Files {
		if f.Kind == Config {
			configs = append(configs, f.Path)
		}
	}
	if got := strings.Fields(string(control["conffiles"].data)); !slices.Equal(got, configs) {
		list = append(list, fmt.Errorf("its conffiles are %q, not %q", got, configs))
	}
	scripts := map[string]string{"postinst": d.Scripts.AfterInstall, "prerm": d.Scripts.BeforeRemove, "postrm": d.Scripts.AfterRemove}
	for name, text := range scripts {
		if got := control[name]; string(got.data) != text || text != "" && got.mode.Perm() != 0o755 {
			list = append(list, fmt.Errorf("its %s is another script", name))
		}
	}
	return errors.Join(append(list, checkSums(string(control["md5sums"].data), files))...)
}

// checkSums compares md5sums with the files: all of them, and no others.
func checkSums(text string, files map[string]entry) error {
	named := map[string]bool{}
	for line := range strings.Lines(text) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		e, ok := files[name]
		if !ok || fmt.Sprintf("%x", md5.Sum(e.data)) != sum {
			return fmt.Errorf("its md5sums have %q", line)
		}
		named[name] = true
	}
	for name, e := range files {
		if e.mode.IsRegular() && !named[name] {
			return fmt.Errorf("its md5sums do not have %s", name)
		}
	}
	return nil
}
