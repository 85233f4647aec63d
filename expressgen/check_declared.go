package expressgen

import (
	"reflect"
	"strconv"
	"strings"
)

// declared does what the tags of the options say, and refuses control characters
// everywhere: no file we generate can hold them.
func (c *checker) declared(o *Options) {
	set := map[string]bool{}
	for f, v := range fields(o) {
		set[FlagName(f)] = isSet(f, v)
	}
	for f, v := range fields(o) {
		name := FlagName(f)
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				continue
			}
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.Int, reflect.Float64:
			c.number(name, f.Tag, v)
		case reflect.String:
			c.words(name, f.Tag, v.String())
		case reflect.Slice:
			for _, item := range v.Seq2() {
				if p, ok := item.Interface().(Pair); ok {
					c.noControl(name, p.Key)
					c.noControl(name, p.Value)
				} else {
					c.words(name, f.Tag, item.String())
				}
			}
		}
		if !set[name] {
			continue
		}
		if needs := f.Tag.Get("needs"); needs != "" {
			c.needs(name, v, strings.Split(needs, "|"), set)
		}
		if unless := f.Tag.Get("unless"); unless != "" && !o.debugging() {
			c.unless(name, v, strings.Split(unless, "|"), set)
		}
		if _, here := f.Tag.Lookup("here"); here && o.Dockerfile {
			c.bad(name, value(v), "it is about this machine, and has no effect with --dockerfile: an image has its own")
		}
		if _, daemon := f.Tag.Lookup("daemon"); daemon && o.EmbeddedMode && !o.debugging() {
			c.bad(name, value(v), "it is about daemon processes, and has no effect with --embedded-mode")
		}
	}
}

// value is v as it can be shown in a message: "" where it is too much.
func value(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool, reflect.Slice:
		return ""
	}
	return shown(v)
}

// needs reports an option that does nothing, or not what it seems to, without
// another.
func (c *checker) needs(name string, v reflect.Value, others []string, set map[string]bool) {
	for _, other := range others {
		if set[other] {
			return
		}
	}
	c.bad(name, value(v), "it has no effect without --%s", strings.Join(others, " or --"))
}

// unless reports an option that another leaves nothing to do.
func (c *checker) unless(name string, v reflect.Value, others []string, set map[string]bool) {
	for _, other := range others {
		if set[other] {
			c.bad(name, value(v), "it has no effect with --%s", other)
		}
	}
}

// number reports one out of its range.
func (c *checker) number(name string, tag reflect.StructTag, v reflect.Value) {
	low, high, limited := strings.Cut(tag.Get("range"), "..")
	if !limited {
		return
	}
	if v.Kind() == reflect.Float64 {
		from, _ := strconv.ParseFloat(low, 64)
		to, _ := strconv.ParseFloat(high, 64)
		x := v.Float()
		text := strconv.FormatFloat(x, 'g', -1, 64)
		switch {
		case x >= from && x <= to:
		case low == "0" && high == "1":
			c.bad(name, text, "not a fraction, must be 0 to 1")
		default:
			c.bad(name, text, "out of range, must be %s to %s", low, high)
		}
		return
	}
	n, text := v.Int(), strconv.FormatInt(v.Int(), 10)
	from, _ := strconv.ParseInt(low, 10, 64)
	to, _ := strconv.ParseInt(high, 10, 64)
	least, _ := strconv.ParseInt(tag.Get("least"), 10, 64)
	switch {
	case n < from || n > to:
		c.bad(name, text, "out of range, must be %s to %s", low, high)
	case n != 0 && n < least:
		c.bad(name, text, "out of range, must be 0 or at least %d", least)
	}
}

// words reports a text that is none of those that its option knows.
func (c *checker) words(name string, tag reflect.StructTag, text string) {
	c.noControl(name, text)
	known := tag.Get("words")
	if known == "" {
		return
	}
	list := strings.Split(known, "|")
	for _, w := range list {
		if strings.EqualFold(w, text) {
			return
		}
	}
	last := len(list) - 1
	c.bad(name, text, "must be %s or %s", strings.Join(list[:last], ", "), list[last])
}

func (c *checker) noControl(option, value string) {
	if strings.ContainsFunc(value, isControl) {
		c.bad(option, value, "control characters cannot be used")
	}
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// spell gives the words that options know their one spelling.
func (o *Options) spell() {
	for f, v := range fields(o) {
		for known := range strings.SplitSeq(f.Tag.Get("words"), "|") {
			switch v.Kind() {
			case reflect.String:
				if known != "" && strings.EqualFold(known, v.String()) {
					v.SetString(known)
				}
			case reflect.Slice:
				for i := range v.Len() {
					if item := v.Index(i); known != "" && strings.EqualFold(known, item.String()) {
						item.SetString(known)
					}
				}
			}
		}
	}
}
