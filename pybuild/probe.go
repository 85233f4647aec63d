package pybuild

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"modwsgi/internal/run"
)

//go:embed probe.py
var probeScript string

// probeTimeout is rule P-5's.
const probeTimeout = 10 * time.Second

// probe is what probe.py prints (rule P-6).
type probe struct {
	Implementation string             `json:"implementation"`
	VersionInfo    [3]int             `json:"version_info"`
	ReleaseLevel   string             `json:"releaselevel"`
	HexVersion     int                `json:"hexversion"`
	ABIFlags       string             `json:"abiflags"`
	MaxSize        int                `json:"maxsize"`
	ByteOrder      string             `json:"byteorder"`
	Platform       string             `json:"platform"`
	SysPlatform    string             `json:"sysconfig_platform"`
	Prefix         string             `json:"prefix"`
	BasePrefix     string             `json:"base_prefix"`
	ExecPrefix     string             `json:"exec_prefix"`
	BaseExecPrefix string             `json:"base_exec_prefix"`
	Executable     string             `json:"executable"`
	BaseExecutable string             `json:"base_executable"`
	PlatLibDir     string             `json:"platlibdir"`
	Paths          map[string]string  `json:"paths"`
	Vars           map[string]setting `json:"vars"`
	Mapped         []string           `json:"mapped"`
}

// setting is a sysconfig variable as text: Python gives strings, numbers and
// None. A number reads as its digits, None as "".
type setting string

func (s *setting) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		*s = ""
	case string:
		*s = setting(v)
	case float64:
		*s = setting(strconv.FormatFloat(v, 'f', -1, 64))
	case bool:
		*s = map[bool]setting{true: "1", false: "0"}[v]
	default:
		return fmt.Errorf("a sysconfig variable is neither text nor number: %s", data)
	}
	return nil
}

// text is sysconfig variable name, "" when it is not set.
func (p *probe) text(name string) string { return string(p.Vars[name]) }

// on tells whether sysconfig variable name is a number other than 0.
func (p *probe) on(name string) bool { return p.text(name) != "" && p.text(name) != "0" }

// stdlib is the folder of the standard library. It is never put together from
// the version: there are lib/python3.13t and lib64/python3.12 (rule P-9).
func (p *probe) stdlib() string { return cmp.Or(p.Paths["platstdlib"], p.Paths["stdlib"]) }

// xy is the version as "3.12".
func (p *probe) xy() string { return fmt.Sprintf("%d.%d", p.VersionInfo[0], p.VersionInfo[1]) }

// version is the version as "3.12.4".
func (p *probe) version() string { return fmt.Sprintf("%s.%d", p.xy(), p.VersionInfo[2]) }

// ask runs the probe in the interpreter at path. -I and -S keep the environment
// and the code of installed packages out of it.
func ask(ctx context.Context, r *run.Runner, path string) (probe, error) {
	marker := "<" + rand.Text() + ">"
	res, err := r.Run(ctx, run.Cmd{Path: path, Args: []string{"-I", "-S", "-c", probeScript, marker}, Timeout: probeTimeout})
	var failed *run.Error
	if errors.As(err, &failed) {
		failed.Line = run.Line(path, "-I", "-S", "-c", "…") // the script would bury the message
		if strings.Contains(strings.ToLower(failed.Stderr), "unknown option") {
			return probe{}, fmt.Errorf("it is older than Python 3.4: %w", errTooOld)
		}
		if strings.Contains(failed.Stderr, "json.dumps(answer)") { // it took the script for something else, and quotes it
			failed.Stderr = ""
			return probe{}, fmt.Errorf("asking %s what it is: it does not answer as Python does (%w)", path, failed)
		}
	}
	if err != nil {
		return probe{}, fmt.Errorf("asking %s what it is: %w", path, err)
	}
	p, err := readProbe(res.Stdout, marker)
	if err != nil {
		return probe{}, fmt.Errorf("asking %s what it is: %w", path, err)
	}
	return p, nil
}

// readProbe takes the answer from between the markers in out.
func readProbe(out, marker string) (probe, error) {
	var p probe
	_, rest, ok := strings.Cut(out, marker)
	text, _, closed := strings.Cut(rest, marker)
	if !ok || !closed {
		return p, errors.New("it does not answer as Python does")
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("reading its answer: %w", err)
	}
	if err := p.sound(); err != nil {
		return p, fmt.Errorf("reading its answer: %w", err)
	}
	return p, nil
}

// sound says what is impossible about p.
func (p *probe) sound() error {
	for _, n := range p.VersionInfo {
		if n < 0 || n > 999 {
			return fmt.Errorf("version %v", p.VersionInfo)
		}
	}
	if p.Implementation == "" || p.VersionInfo[0] == 0 {
		return errors.New("no version")
	}
	return nil
}
