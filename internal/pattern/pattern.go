// Package pattern has regular expressions that are compiled when they are first
// used. A command declares a hundred and uses three: to compile all took as long as
// the rest of what it starts with.
package pattern

import (
	"regexp"
	"sync"
)

// Late is a regular expression. Its methods are those of [regexp.Regexp].
type Late struct {
	text string
	once sync.Once
	re   *regexp.Regexp
}

// New is the expression text, which is to be a valid one: first use panics if it is
// not.
func New(text string) *Late { return &Late{text: text} }

func (l *Late) get() *regexp.Regexp {
	l.once.Do(func() { l.re = regexp.MustCompile(l.text) })
	return l.re
}

func (l *Late) MatchString(s string) bool              { return l.get().MatchString(s) }
func (l *Late) FindString(s string) string             { return l.get().FindString(s) }
func (l *Late) FindStringSubmatch(s string) []string   { return l.get().FindStringSubmatch(s) }
func (l *Late) FindSubmatch(b []byte) [][]byte         { return l.get().FindSubmatch(b) }
func (l *Late) FindAllString(s string, n int) []string { return l.get().FindAllString(s, n) }
func (l *Late) FindAllStringSubmatch(s string, n int) [][]string {
	return l.get().FindAllStringSubmatch(s, n)
}
func (l *Late) ReplaceAllStringFunc(s string, f func(string) string) string {
	return l.get().ReplaceAllStringFunc(s, f)
}
func (l *Late) ReplaceAllString(s, by string) string { return l.get().ReplaceAllString(s, by) }
