package matrix

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// plot is a picture of bars: panels below one another, each with the same rows
// in a few columns, each column with a scale of its own.
type plot struct {
	title  string
	notes  []string
	panels []panel
}

// panel is one workload.
type panel struct {
	title   string
	columns []string // what is measured
	rows    []row
}

// row is one contestant.
type row struct {
	label string
	ours  bool
	bars  []bar // one for each column
}

// bar is a median with its ends, and how to write it. Absent is written in place
// of a bar.
type bar struct {
	Spread
	text   string
	absent string
}

// The picture's measures, in pixels.
const (
	plotWidth   = 960.0
	plotMargin  = 18.0
	plotLabels  = 200.0 // of the rows
	plotValues  = 84.0  // behind the longest bar
	plotRow     = 22.0
	plotBar     = 12.0
	plotText    = 12.0
	plotHeading = 15.0
	// plotAdvance is the width of a letter, of its height: wide for what a person
	// without our fonts may have.
	plotAdvance = 0.6
)

// shape is one thing to draw: a text, or a box where text is "".
type shape struct {
	class      string
	x, y, w, h float64 // of a text: its box, by estimate
	text       string
}

// shapes works out where everything goes, and the height of the whole.
func (p plot) shapes() (list []shape, height float64) {
	y := plotMargin
	add := func(class string, x, top, size float64, text string) {
		list = append(list, shape{class, x, top, plotAdvance * size * float64(len([]rune(text))), size * 1.25, text})
	}
	add("ink title", plotMargin, y, plotHeading+2, p.title)
	y += plotRow + 4
	for _, note := range p.notes {
		add("soft", plotMargin, y, plotText, note)
		y += plotRow - 4
	}
	for _, panel := range p.panels {
		y += plotRow / 2
		list, y = panel.shapes(list, y)
	}
	return list, y + plotMargin
}

func (p panel) shapes(list []shape, y float64) ([]shape, float64) {
	left := plotMargin + plotLabels
	column := (plotWidth - plotMargin - left) / float64(max(1, len(p.columns)))
	text := func(class string, x, top, size float64, words string) {
		list = append(list, shape{class, x, top, plotAdvance * size * float64(len([]rune(words))), size * 1.25, words})
	}
	text("ink head", plotMargin, y, plotHeading, p.title)
	y += plotRow + 2
	for i, name := range p.columns {
		text("soft", left+float64(i)*column, y, plotText, name)
	}
	y += plotRow - 2
	for _, r := range p.rows {
		text("ink", plotMargin, y, plotText, r.label)
		for i, b := range r.bars {
			x, room := left+float64(i)*column, column-plotValues
			if b.absent != "" || b.N == 0 {
				text("soft", x, y, plotText, orElse(b.absent, "–"))
				continue
			}
			scale := room / p.most(i)
			class := "other"
			if r.ours {
				class = "ours"
			}
			top := y + plotText*0.625 - plotBar/2
			list = append(list,
				shape{class: class, x: x, y: top, w: max(1, b.Median*scale), h: plotBar},
				shape{class: "whisker", x: x + b.Min*scale, y: top + plotBar/2 - 0.75, w: max(1, (b.Max-b.Min)*scale), h: 1.5})
			text("ink", x+b.Max*scale+6, y, plotText, b.text)
		}
		y += plotRow
	}
	return list, y
}

// most is the longest reach of a column.
func (p panel) most(column int) float64 {
	most := 0.0
	for _, r := range p.rows {
		most = max(most, r.bars[column].Max)
	}
	if most == 0 {
		return 1
	}
	return most
}

// plotStyle is for light and dark pages; whoever does not know the question gets
// the light one.
const plotStyle = `text { font-family: system-ui, "DejaVu Sans", Arial, sans-serif; font-size: 12px }
.title { font-size: 17px; font-weight: 600 } .head { font-size: 15px; font-weight: 600 }
.page { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e }
.ours { fill: #1f6feb } .other { fill: #afb8c1 } .whisker { fill: #1f2328 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .ink { fill: #e6edf3 } .soft { fill: #9198a1 }
.ours { fill: #4493f8 } .other { fill: #565e67 } .whisker { fill: #e6edf3 }
}
`

// SVG is the picture.
func (p plot) SVG() string {
	shapes, height := p.shapes()
	var w strings.Builder
	escape := func(text string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
		return b.String()
	}
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" role="img">`+"\n", plotWidth, height, plotWidth, height)
	fmt.Fprintf(&w, "<title>%s</title>\n<style>\n%s</style>\n", escape(p.title), plotStyle)
	fmt.Fprintf(&w, `<rect class="page" width="%g" height="%g"/>`+"\n", plotWidth, height)
	for _, s := range shapes {
		if s.text == "" {
			fmt.Fprintf(&w, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`+"\n", s.class, s.x, s.y, s.w, s.h)
		} else {
			// At its baseline: renderers differ in what else they know.
			fmt.Fprintf(&w, `<text class="%s" x="%.1f" y="%.1f">%s</text>`+"\n", s.class, s.x, s.y+s.h*0.8, escape(s.text))
		}
	}
	w.WriteString("</svg>\n")
	return w.String()
}

// plot draws processor time and rate of each workload, with 16 clients where
// there are so many.
func (b Bench) plot() plot {
	p := plot{
		title: "CPU per request and requests per second",
		notes: []string{
			fmt.Sprintf("Medians of %d rounds of %s; the thin line goes from the least to the most.", b.Plan.Rounds, b.Plan.Each),
			"CPU is that of all server processes: shorter is better. Requests: longer is better.",
		},
	}
	for _, load := range b.Plan.Workloads {
		if load.Few != nil {
			continue
		}
		clients := load.Clients[0]
		for _, n := range load.Clients {
			if n == 16 {
				clients = n
			}
		}
		one := panel{title: fmt.Sprintf("%s: %s, %d clients", load.Name, load.What, clients), columns: []string{"CPU per request", "requests per second"}}
		for _, c := range b.Contestants {
			if load.takes(c.ID) {
				one.rows = append(one.rows, b.plotRow(load.Name, clients, c))
			}
		}
		p.panels = append(p.panels, one)
	}
	return p
}

func (b Bench) plotRow(workload string, clients int, c Contestant) row {
	r := row{label: c.Name, ours: c.ID == OursDaemon || c.ID == OursEmbedded}
	for _, m := range []Measure{CPU, Rate} {
		one := bar{Spread: b.Runs.Spread(workload, clients, c.ID, m)}
		switch {
		case c.Absent != "":
			one.absent = "absent"
		case one.N == 0 && len(b.Runs.failures(workload, clients, c.ID)) > 0:
			one.absent = "failed"
		case m == Rate:
			one.text = number(one.Median)
		case one.Median >= 10_000:
			one.text = number(one.Median/1000) + " ms"
		default:
			one.text = number(one.Median) + " µs"
		}
		r.bars = append(r.bars, one)
	}
	return r
}
