package options

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"

	"modwsgi/internal/hint"
	"modwsgi/internal/words"
)

// FileName is the file in the working folder.
const FileName = "modwsgi.toml"

// maxFile bounds the file: one with every option has less than 2 KiB.
const maxFile = 64 << 10

// readFile reads the file at path: its values by option, and all that is wrong
// with it. That there is none is right.
func readFile(path string, table []Option) (map[string]value, []error) {
	text, err := ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []error{err}
	}
	return parse(text, table)
}

// ReadFile is the text of a file of options. One that another user could have put
// there is refused, since it names programs to run. The error wraps
// os.ErrNotExist if there is none.
func ReadFile(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO shall not hold us
	if err != nil {
		return "", fmt.Errorf("reading the options: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err == nil {
		err = trust(path, fi, os.Geteuid(), os.Getenv("SUDO_UID"))
	}
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("more than %d bytes", maxFile)
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return string(data), nil
}

// trust refuses a file that neither root nor this user, nor who became root by
// sudo, owns, or that everybody may write.
func trust(path string, fi os.FileInfo, uid int, sudo string) error {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	owner := strconv.Itoa(int(st.Uid))
	switch {
	case fi.Mode()&0o002 != 0:
		return hint.Exit(hint.New(fmt.Errorf("%s: everybody may write it, and it names programs to run", path),
			"chmod o-w "+words.Quote(path)), hint.Refused)
	case st.Uid != 0 && owner != strconv.Itoa(uid) && (uid != 0 || owner != sudo):
		return hint.Exit(hint.New(fmt.Errorf("%s: it is of another user (%s), and names programs to run", path, owner),
			"read it, and if it is right make it yours: chown "+strconv.Itoa(uid)+" "+words.Quote(path)), hint.Refused)
	}
	return nil
}

// parse reads the text of a file.
func parse(text string, table []Option) (map[string]value, []error) {
	var raw map[string]any
	if _, err := toml.Decode(text, &raw); err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return nil, []error{fmt.Errorf("%s:%d: %s", FileName, max(at.Position.Line, 1), at.Message)}
		}
		return nil, []error{fmt.Errorf("%s: %w", FileName, err)}
	}
	keys := make([]string, 0, len(raw))
	for key := range raw {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if n := LineOf(text, a) - LineOf(text, b); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	values, errs := map[string]value{}, []error(nil)
	for _, key := range keys {
		place := fmt.Sprintf("%s:%d", FileName, LineOf(text, key))
		o, ok := find(table, key)
		if !ok {
			errs = append(errs, unknown(place, key, table))
			continue
		}
		said, err := o.fromTOML(raw[key])
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", place, key, err))
			continue
		}
		v := value{said, fromFile, place}
		if _, err := o.check(v, "."); err != nil {
			errs = append(errs, err)
			continue
		}
		values[key] = v
	}
	return values, errs
}

// unknown says that there is no such option, and which one may have been meant.
func unknown(place, key string, table []Option) error {
	err := fmt.Errorf("%s: unknown option %q", place, key)
	if near := words.Nearest(key, names(table)); near != "" {
		return hint.New(err, "did you mean "+near+"?")
	}
	return hint.New(err, "known are "+strings.Join(names(table), ", "))
}

// fromTOML is the text of a value as it stands in a file.
func (o Option) fromTOML(raw any) (string, error) {
	switch v := raw.(type) {
	case string:
		if o.Kind != Count && o.Kind != Switch {
			return v, nil
		}
	case int64:
		if o.Kind == Count {
			return strconv.FormatInt(v, 10), nil
		}
	case bool:
		if o.Kind == Switch {
			return strconv.FormatBool(v), nil
		}
	}
	want := map[Kind]string{Count: "a whole number", Switch: "true or false"}[o.Kind]
	if want == "" {
		want = "a text in quotes"
	}
	return "", errors.New("it is " + want)
}

// LineOf is the line on which a key is said, 1 if it cannot be told: no option
// takes a value of several lines, so a line that begins with the key is it.
func LineOf(text, key string) int {
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.TrimLeft(strings.TrimSpace(line), "[ \t")
		for _, form := range []string{key, `"` + key + `"`, "'" + key + "'"} {
			rest, ok := strings.CutPrefix(line, form)
			if ok && strings.IndexAny(strings.TrimLeft(rest, " \t"), "=.]") == 0 {
				return n
			}
		}
	}
	return 1
}
