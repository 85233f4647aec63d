package apxs

import (
	"path/filepath"

	"modwsgi/internal/run"
)

// Trail lists the files and folders that [Find] looked at to find and describe
// this Apache, whether they are there or not. As long as each of them is the one
// it was and the environment is the same, Find has nothing new to tell.
func Trail(r *run.Runner, info Info) []string {
	f := newFinder(r)
	bin := filepath.Dir(info.Apxs)
	list := append(f.searched(), info.Apxs, info.Httpd, info.Root, info.ModulesDir, info.ConfDir, info.ConfFile,
		envvars(info.Httpd, info.ConfDir), filepath.Join(bin, "envvars"), filepath.Join(bin, "apachectl"))
	for _, dir := range append(rooted(f.root, buildDirs), near(bin)...) {
		list = append(list, dir, filepath.Join(dir, "config_vars.mk"))
	}
	for _, dir := range info.IncludeDirs {
		for _, name := range []string{"", "httpd.h", "ap_release.h", "ap_mmn.h", "apr.h", "apu.h"} {
			list = append(list, filepath.Join(dir, name))
		}
	}
	for _, dir := range []string{bin, "/usr/bin"} {
		list = append(list, filepath.Join(dir, "apr-1-config"), filepath.Join(dir, "apu-1-config"))
	}
	for _, name := range []string{"conf", "conf.d", "conf.modules.d", "mods-enabled", "sysconfig.d"} {
		list = append(list, filepath.Join(info.ConfDir, name), filepath.Join(info.Root, name))
	}
	return list
}
