package matrix

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// locateCases show that the script of an alias, which we find ourselves, is the
// one Apache finds, with all that its directives say of it.
func locateCases() []Case {
	folder := func(name, options string) []string {
		return []string{`WSGIScriptAlias /` + name + ` "@APP@/` + name + `/link.wsgi"`, `<Directory "@APP@/` + name + `">`, "Options " + options, "</Directory>"}
	}
	return []Case{
		{Name: "locate-same", App: "environ", Mount: "-", Ours: true, Prepare: setByHtaccess, Do: sameAsApache, Conf: []string{
			"MergeSlashes Off",
			`WSGIScriptAlias /plain "@APP@/app.wsgi"`, `WSGIScriptAliasMatch "^/match" "@APP@/app.wsgi"`,
			`<Directory "@APP@">`, "AllowOverride FileInfo", "SetEnv BY_FOLDER yes",
			`<Files "app.wsgi">`, "SetEnv BY_FILE yes", "</Files>", `<Files "b">`, "SetEnv BY_PATH_INFO yes", "</Files>",
			"</Directory>", `<DirectoryMatch "/locate-same/app\.wsgi$">`, "SetEnv BY_MATCH yes", "</DirectoryMatch>",
			`<DirectoryMatch "app\.wsgi/">`, "SetEnv BY_FILE_AS_FOLDER yes", "</DirectoryMatch>",
		}},
		{Name: "locate-links", App: "hello", Mount: "-", Prepare: linked("off", "on", "owner"), Announced: Announce{`AH00037`},
			Conf: append(append(folder("off", "-FollowSymLinks"), folder("on", "+FollowSymLinks")...), folder("owner", "-FollowSymLinks +SymLinksIfOwnerMatch")...),
			Steps: []Exchange{
				{Request{Path: "/on"}, Want{}}, {Request{Path: "/on/x"}, Want{}}, {Request{Path: "/owner/x"}, Want{}},
				{Request{Path: "/off"}, Want{Status: 403}}, {Request{Path: "/off/x"}, Want{Status: 403}}, {Request{Path: "/off/x"}, Want{Status: 403}},
			}},
		{Name: "locate-gone", App: "hello", Daemon: "threads=1", Ours: true, Announced: Announce{`WSGIM0201`}, Do: goneAndBack},
	}
}

func setByHtaccess(dir string) error {
	return os.WriteFile(filepath.Join(dir, ".htaccess"), []byte("SetEnv BY_HTACCESS yes\n"), 0o644)
}

// linked makes folders with a link to the application in each.
func linked(folders ...string) func(string) error {
	return func(dir string) error {
		var errs []error
		for _, f := range folders {
			errs = append(errs, os.Mkdir(filepath.Join(dir, f), 0o755), os.Symlink("../app.wsgi", filepath.Join(dir, f, "link.wsgi")))
		}
		return errors.Join(errs...)
	}
}

// sameAsApache compares an alias with one by a regular expression, of which
// Apache has to find the file. Each path is asked for twice: what was seen once
// is remembered.
func sameAsApache(t *T) {
	environ := func(mount, rest string) map[string]string {
		var shown map[string]struct{ Text string }
		t.JSON(mount+rest, &shown)
		texts := map[string]string{}
		for name, value := range shown {
			texts[name] = strings.ReplaceAll(value.Text, mount, "/MOUNT")
		}
		for _, own := range []string{"REMOTE_PORT", "mod_wsgi.request_id", "mod_wsgi.connection_id"} {
			delete(texts, own)
		}
		return texts
	}
	for _, rest := range []string{"", "/", "/a", "/a/b", "/a/b/", "/a//b", "//a", "/.well-known/x", "/a.b/..c", "/a/.../b", "/x%20y/%C3%A9", "?q=/a/../b"} {
		for range 2 {
			ours, apache := environ("/plain", rest), environ("/match", rest)
			if !maps.Equal(ours, apache) {
				t.Errorf("%q: %s", rest, differing(ours, apache))
			}
			for name, want := range map[string]string{"BY_FOLDER": "yes", "BY_FILE": "yes", "BY_HTACCESS": "yes", "BY_MATCH": "yes", "BY_PATH_INFO": "", "BY_FILE_AS_FOLDER": ""} {
				Same(t, name+" of "+rest, ours[name], want)
			}
		}
	}
}

func differing(a, b map[string]string) string {
	var lines []string
	for name, value := range a {
		if b[name] != value {
			lines = append(lines, name+" is "+value+", Apache has "+b[name])
		}
	}
	for name, value := range b {
		if _, ok := a[name]; !ok {
			lines = append(lines, name+" is not there, Apache has "+value)
		}
	}
	return strings.Join(lines, "; ")
}

// goneAndBack: a script that was there a moment ago is not found, and then is.
func goneAndBack(t *T) {
	script, away := filepath.Join(t.Dir, "app.wsgi"), filepath.Join(t.Dir, "away")
	Same(t, "status", t.Get("/x").Status, 200)
	if err := os.Rename(script, away); err != nil {
		t.Fatalf("%v", err)
	}
	Same(t, "status without the script", t.Get("/x").Status, 404)
	if err := os.Rename(away, script); err != nil {
		t.Fatalf("%v", err)
	}
	Same(t, "status with the script again", t.Get("/x").Status, 200)
}
