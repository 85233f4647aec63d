package installer

// LoadModule is the line that loads the module at path.
func LoadModule(path string) string { return Directive("LoadModule wsgi_module", path) }

// Directive is a line of Apache's configuration with one path. A path that cannot
// be written there gives a comment that says so.
func Directive(name, path string) string { return directive(name, path) }
