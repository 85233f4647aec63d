package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// stream is one of several gzip streams in a row.
type stream struct{ packed, plain []byte }

// readStreams reads gzip streams that are all of data.
func readStreams(data []byte) ([]stream, error) {
	var list []stream
	for len(data) > 0 {
		r := bytes.NewReader(data)
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("stream %d: %w", len(list)+1, err)
		}
		z.Multistream(false)
		plain, err := io.ReadAll(io.LimitReader(z, 4*maxEntry))
		if err != nil {
			return nil, fmt.Errorf("stream %d: %w", len(list)+1, err)
		}
		used := len(data) - r.Len()
		list = append(list, stream{data[:used], plain})
		data = data[used:]
	}
	return list, nil
}

// readInfo reads .PKGINFO of apk and pacman: values by name, in their order.
func readInfo(text string) (map[string][]string, error) {
	list := map[string][]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, " = ")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf(".PKGINFO has the line %q", line)
		}
		list[name] = append(list[name], value)
	}
	return list, nil
}

// checkInfo compares .PKGINFO with what it is to say; lists in any order.
func checkInfo(text string, want map[string][]string) error {
	info, err := readInfo(text)
	if err != nil {
		return err
	}
	var list []error
	for name, values := range want {
		got := slices.Sorted(slices.Values(info[name]))
		if !slices.Equal(got, slices.Sorted(slices.Values(values))) {
			list = append(list, fmt.Errorf("its %s is %q, not %q", name, got, values))
		}
	}
	return errors.Join(list...)
}

// checkApk reads an apk and compares it with its description (rules ).
func checkApk(data []byte, d Description) error {
	streams, err := readStreams(data)
	if err != nil {
		return err
	}
	if d.Key != nil && len(streams) == 3 {
		if err := checkSignature(streams[0], streams[1], d.Key.Name(), &d.Key.key.PublicKey); err != nil {
			return err
		}
		streams = streams[1:]
	}
	if len(streams) != 2 {
		return fmt.Errorf("it is of %d streams, not of control and data", len(streams))
	}
	control, files := streams[0].plain, streams[1]
	if len(control) >= tarEnd && len(bytes.Trim(control[len(control)-tarEnd:], "\x00")) == 0 {
		return errors.New("its control stream has an end, at which apk would stop")
	}
	got, err := readTar(ended(control), true)
	if err != nil {
		return fmt.Errorf("its control stream: %w", err)
	}
	packed, err := readTar(bytes.NewReader(files.plain), false)
	if err != nil {
		return fmt.Errorf("its data stream: %w", err)
	}
	list := []error{checkFiles(packed, d), checkApkSums(files.plain), checkInfo(string(got[".PKGINFO"].data), map[string][]string{
		"pkgname": {d.Name}, "pkgver": {d.Version.Apk()}, "arch": {goToApk[d.Arch]}, "license": {d.License}, "pkgdesc": {d.Summary},
		"depend": apkDepends(d), "provides": d.Provides, "origin": {d.Origin}, "packager": {d.Contact}, "maintainer": {d.Contact}, "builddate": {strconv.FormatInt(d.Date.Unix(), 10)}, "datahash": {fmt.Sprintf("%x", sha256.Sum256(files.packed))},
	})}
	for name, text := range map[string]string{".post-install": d.Scripts.AfterInstall, ".post-upgrade": d.Scripts.AfterUpgrade, ".pre-deinstall": d.Scripts.BeforeRemove} {
		if string(got[name].data) != text {
			list = append(list, fmt.Errorf("its %s is another script", name))
		}
	}
	return errors.Join(list...)
}

// checkApkSums looks at the hash that apk wants of every file.
func checkApkSums(data []byte) error {
	t := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text, err := io.ReadAll(t)
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%x", sha1.Sum(text)); h.Typeflag == tar.TypeReg && h.PAXRecords["APK-TOOLS.checksum.SHA1"] != want {
			return fmt.Errorf("its hash of %s is %q, not %s", h.Name, h.PAXRecords["APK-TOOLS.checksum.SHA1"], want)
		}
	}
}

// checkArch reads a package of pacman and compares it with its description.
func checkArch(data []byte, d Description) error {
	got, err := readPackedTar(data, "zst")
	if err != nil {
		return err
	}
	var backups []string
	for _, f := range d.Files {
		if f.Kind == Config {
			backups = append(backups, strings.TrimPrefix(f.Path, "/"))
		}
	}
	list := []error{checkInfo(string(got[".PKGINFO"].data), map[string][]string{
		"pkgname": {d.Name}, "pkgver": {d.Version.Arch()}, "arch": {goToArch[d.Arch]}, "license": {d.License}, "pkgdesc": {d.Summary}, "packager": {d.Contact},
		"depend": d.Depends, "provides": d.Provides, "conflict": d.Conflicts, "replaces": nil, "backup": backups, "builddate": {strconv.FormatInt(d.Date.Unix(), 10)},
	})}
	install := string(got[".INSTALL"].data)
	for name, text := range map[string]string{"post_install": d.Scripts.AfterInstall, "post_upgrade": d.Scripts.AfterUpgrade, "pre_remove": d.Scripts.BeforeRemove} {
		if has := strings.Contains(install, "function "+name+"()"); has != (text != "") || !strings.Contains(install, strings.TrimSpace(text)) {
			list = append(list, fmt.Errorf("its %s is another script", name))
		}
	}
	tree, err := ungzip(got[".MTREE"].data)
	if err != nil {
		return fmt.Errorf("its .MTREE: %w", err)
	}
	text, err := io.ReadAll(tree)
	if err != nil {
		return fmt.Errorf("its .MTREE: %w", err)
	}
	for _, name := range []string{".PKGINFO", ".MTREE", ".INSTALL"} {
		delete(got, name)
	}
	for name, e := range got {
		if e.mode.IsRegular() && !bytes.Contains(text, fmt.Appendf(nil, "sha256digest=%x", e.sum)) {
			list = append(list, fmt.Errorf("its .MTREE has no hash of %s", name))
		}
	}
	return errors.Join(append(list, checkFiles(got, d))...)
}
