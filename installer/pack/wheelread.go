package pack

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"
)

// readRecord reads RECORD: what each file's hash and size are; of itself it has
// neither.
func readRecord(text string) (map[string]string, error) {
	list := map[string]string{}
	for line := range strings.Lines(text) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		if len(words) != 3 || words[0] == "" || strings.ContainsAny(line, "\"\r") {
			return nil, fmt.Errorf("RECORD has the line %q", line)
		}
		if _, twice := list[words[0]]; twice {
			return nil, fmt.Errorf("RECORD has %s twice", words[0])
		}
		list[words[0]] = words[1] + "," + words[2]
	}
	return list, nil
}

// checkWheel reads a wheel as pip would, and everything that it says of itself
// (rules ).
func checkWheel(name string, data []byte, date time.Time) error {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	parts := strings.Split(strings.TrimSuffix(name, ".whl"), "-")
	if len(parts) != 6 {
		return fmt.Errorf("its name has %d parts", len(parts))
	}
	info := parts[0] + "-" + parts[1] + ".dist-info/"
	files := map[string][]byte{}
	if err := checkWheelOrder(z.File, info); err != nil {
		return err
	}
	for _, f := range z.File {
		if err := checkWheelFile(f, date); err != nil {
			return err
		}
		if _, twice := files[f.Name]; twice {
			return fmt.Errorf("%s is there twice", f.Name)
		}
		if files[f.Name], err = readZipped(f); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	record, err := readRecord(string(files[info+"RECORD"]))
	if err != nil {
		return err
	}
	var list []error
	for name, data := range files {
		want := "sha256=" + wheelSum(data) + "," + strconv.Itoa(len(data))
		if name == info+"RECORD" {
			want = ","
		}
		if record[name] != want {
			list = append(list, fmt.Errorf("RECORD says %q of %s", record[name], name))
		}
		delete(record, name)
	}
	for name := range record {
		list = append(list, fmt.Errorf("RECORD names %s, which is not there", name))
	}
	return errors.Join(append(list, checkWheelInfo(files, info, parts))...)
}

// checkWheelOrder wants the files sorted, those about the wheel last, and the list
// of all at the end.
func checkWheelOrder(list []*zip.File, info string) error {
	rank := func(f *zip.File) int {
		switch {
		case f.Name == info+"RECORD":
			return 2
		case strings.HasPrefix(f.Name, info):
			return 1
		}
		return 0
	}
	for i := 1; i < len(list); i++ {
		if cmp.Or(cmp.Compare(rank(list[i-1]), rank(list[i])), strings.Compare(list[i-1].Name, list[i].Name)) >= 0 {
			return fmt.Errorf("%s is not in its place", list[i].Name)
		}
	}
	if len(list) == 0 || rank(list[len(list)-1]) != 2 {
		return errors.New("it has no RECORD")
	}
	return nil
}

// checkWheelInfo holds WHEEL and METADATA against the wheel's name and its files:
// one tag, licences by expression and each with its text, and a bill of materials.
func checkWheelInfo(files map[string][]byte, info string, parts []string) error {
	var list []error
	for name, want := range map[string][]string{
		"WHEEL":    {"Wheel-Version: 1.0", "Root-Is-Purelib: false", "Tag: " + strings.Join(parts[3:], "-"), "Build: " + parts[2]},
		"METADATA": {"Metadata-Version: 2.4", "Name: " + parts[0], "Version: " + parts[1], "License-Expression: Apache-2.0"},
	} {
		head, _, _ := strings.Cut("\n"+string(files[info+name]), "\n\n")
		for _, line := range want {
			key, _, _ := strings.Cut(line, " ")
			if !strings.Contains(head+"\n", "\n"+line+"\n") || strings.Count(head, "\n"+key) != 1 {
				list = append(list, fmt.Errorf("%s has not %q alone", name, line))
			}
		}
	}
	var texts int
	for name := range files {
		if text, ok := strings.CutPrefix(name, info+"licenses/"); ok {
			texts++
			if !strings.Contains(string(files[info+"METADATA"]), "\nLicense-File: "+text+"\n") {
				list = append(list, fmt.Errorf("METADATA does not name %s", text))
			}
		}
	}
	if named := strings.Count(string(files[info+"METADATA"]), "\nLicense-File: "); texts == 0 || named != texts {
		list = append(list, fmt.Errorf("METADATA names %d texts of licences, and %d are there", named, texts))
	}
	if len(files[info+"sboms/mod_wsgi.cdx.json"]) == 0 {
		list = append(list, errors.New("it has no bill of materials"))
	}
	return errors.Join(list...)
}

func checkWheelFile(f *zip.File, date time.Time) error {
	switch {
	case path.IsAbs(f.Name) || path.Clean(f.Name) != f.Name || strings.HasPrefix(f.Name, "..") || strings.ContainsAny(f.Name, "\\\n"):
		return fmt.Errorf("%q is no place for a file", f.Name)
	case !f.Modified.Equal(zipTime(date)):
		return fmt.Errorf("%s is of %v", f.Name, f.Modified)
	case f.Mode() != 0o644 && f.Mode() != 0o755:
		return fmt.Errorf("%s has the mode %v", f.Name, f.Mode())
	case f.Method != zip.Deflate || f.Flags&zipUTF8 == 0:
		return fmt.Errorf("%s has the method %d and the flags %#x", f.Name, f.Method, f.Flags)
	case f.UncompressedSize64 > maxEntry:
		return fmt.Errorf("%s has %d bytes", f.Name, f.UncompressedSize64)
	}
	return nil
}

func readZipped(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxEntry))
}
