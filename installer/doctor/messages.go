package doctor

import "modwsgi/internal/pattern"

// Message is one numbered line of the module's own that an admin may find in
// the log: a row of docs/messages.md.
type Message struct{ Level, Text, Advice string }

var (
	ownNumber  = pattern.New(`\bWSGIM[0-9]{4}\b`)
	messageRow = pattern.New(`(?m)^\|\s*(WSGIM[0-9]{4})\s*\|\s*(\w+)\s*\|\s*(.*?)\s*\|\s*(.*?)\s*\|\s*$`)
	asAnother  = pattern.New(`^as (?:WSGIM)?([0-9]{4})( and [0-9]{4})?$`)
)

// Messages reads the tables of docs/messages.md. Where the advice is that of
// another row it is told in its words.
func Messages(document string) map[string]Message {
	all := map[string]Message{}
	for _, m := range messageRow.FindAllStringSubmatch(document, -1) {
		all[m[1]] = Message{Level: m[2], Text: m[3], Advice: m[4]}
	}
	for number, m := range all {
		for range len(all) { // a row may lead to one that leads on; never round and round
			other := asAnother.FindStringSubmatch(m.Advice)
			if other == nil {
				break
			}
			row, ok := all["WSGIM"+other[1]]
			if !ok {
				break
			}
			m.Advice = row.Advice
		}
		all[number] = m
	}
	return all
}

// level is Apache's level in the doctor's terms.
func (m Message) level() Level {
	switch m.Level {
	case "warning":
		return Warning
	case "info", "notice", "debug":
		return Info
	}
	return Error
}
