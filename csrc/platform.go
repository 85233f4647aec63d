package csrc

import (
	"debug/elf"
	"errors"
	"fmt"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/pybuild"
)

// supported refuses systems that nothing is built for (rules S-7 to S-9).
func supported(system string, builder Builder) error {
	switch system {
	case "linux", "freebsd":
		return nil
	case "windows":
		return hint.Exit(errors.New("windows is out of scope: daemon processes need fork, descriptors that travel over sockets, and signals"), hint.Refused)
	case "darwin":
		return hint.Exit(hint.New(errors.New("on macOS builds are planned and have not been run yet"), "build on Linux"), hint.Refused)
	}
	if builder == BuilderApxs {
		return nil
	}
	return hint.Exit(hint.New(fmt.Errorf("%s is unsupported", system), "use the builder apxs: MODWSGI_BUILDER=apxs"), hint.Refused)
}

// ParallelName is the file name of a module that is installed beside those of
// other Pythons (rule S-10): "mod_wsgi-py313t.so". Its SONAME stays mod_wsgi.so.
func ParallelName(abi pybuild.ABI) string {
	return "mod_wsgi-py" + strings.TrimPrefix(abi.ID(), "cp") + ".so"
}

// machines are the processors of a triplet's first word.
var machines = map[string]struct {
	machine elf.Machine
	class   elf.Class
}{
	"x86_64": {elf.EM_X86_64, elf.ELFCLASS64}, "i686": {elf.EM_386, elf.ELFCLASS32}, "i586": {elf.EM_386, elf.ELFCLASS32},
	"aarch64": {elf.EM_AARCH64, elf.ELFCLASS64}, "arm": {elf.EM_ARM, elf.ELFCLASS32}, "armv7l": {elf.EM_ARM, elf.ELFCLASS32},
	"powerpc64le": {elf.EM_PPC64, elf.ELFCLASS64}, "ppc64le": {elf.EM_PPC64, elf.ELFCLASS64},
	"s390x": {elf.EM_S390, elf.ELFCLASS64}, "riscv64": {elf.EM_RISCV, elf.ELFCLASS64},
}

// fits compares the compiler's target with a file that its results will share a
// process with (rule C-1). Words of its command may ask for another size, and a
// processor that is not known fits: the linked file is compared again.
func (c Compiler) fits(path string, like Binary) error {
	cpu, _, _ := strings.Cut(c.Machine, "-")
	m, ok := machines[cpu]
	for _, word := range c.Words {
		ok = ok && !strings.HasPrefix(word, "-m") && !strings.HasPrefix(word, "--target") && word != "-target"
	}
	if !ok || m.machine == like.Machine && m.class == like.Class {
		return nil
	}
	return hint.Exit(hint.New(fmt.Errorf("the compiler %s makes files for %s, %s is for %v %v (MW113)", strings.Join(c.Words, " "), c.Machine, path, like.Machine, like.Class),
		"set CC to a compiler for that machine, or choose an Apache and a Python of one kind"), hint.Refused)
}
