package expressgen

// Older is an option that is not among Options: another name of one, or one that
// is gone.
type Older struct {
	Name    string
	Words   int    // that follow it
	Now     string // the option that it is another name of; "" where there is none
	Refusal string // why it cannot be used; "" where it can
	Note    string // what to warn of
	Whole   bool   // takes no part in abbreviations
}

// OlderOptions are the names of other releases.
func OlderOptions() []Older {
	return []Older{
		{Name: "ssl-port", Words: 1, Now: "https-port"},
		{Name: "proxy-url-alias", Words: 2, Now: "proxy-mount-point"},
		{Name: "proxy-buffer-size", Words: 1, Now: "response-buffer-size", Whole: true, Note: "--proxy-buffer-size is now --response-buffer-size"},
		{Name: "isatty", Whole: true}, // what it asked for happens anyway
		{Name: "with-php5", Whole: true, Refusal: "removed: PHP 5 has ended; set up php-fpm in an --include-file, or name its server with --proxy-mount-point"},
		{Name: "with-wdb", Whole: true, Refusal: "removed: use --enable-debugger"},
		{Name: "profiler-output-file", Words: 1, Whole: true, Refusal: "removed: use --profiler-directory"},
	}
}
