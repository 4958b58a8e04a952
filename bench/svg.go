//go:build linux

package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// A panel is one plot: lines over the same time.
type panel struct {
	title string // with its unit
	lines []line
}

// A line is the points of one thing. A NaN leaves a gap.
type line struct {
	name string
	y    []float64
}

// Sizes of a plot, in pixels.
const (
	plotWidth  = 860
	plotHeight = 170
	plotLeft   = 70
	plotRight  = 150 // room for the names of lines
	plotTop    = 34
	plotBottom = 26
)

// colours of lines, told apart by the colour-blind too.
func colour(n int) string {
	all := [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}
	return all[n%len(all)]
}

// drawSVG draws panels below each other. x are minutes.
func drawSVG(title string, x []float64, panels []panel) string {
	var b strings.Builder
	height := 44 + len(panels)*(plotHeight+plotTop+plotBottom)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		plotWidth+plotLeft+plotRight, height, plotWidth+plotLeft+plotRight, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n")
	fmt.Fprintf(&b, `<text x="%d" y="26" font-size="16" fill="#222222">%s</text>`+"\n", plotLeft, html.EscapeString(title))
	for i, p := range panels {
		drawPanel(&b, p, x, 44+i*(plotHeight+plotTop+plotBottom)+plotTop)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func drawPanel(b *strings.Builder, p panel, x []float64, top int) {
	p.lines = slices.DeleteFunc(p.lines, func(l line) bool {
		return !slices.ContainsFunc(l.y, func(v float64) bool { return !math.IsNaN(v) })
	})
	most := 0.0
	for _, l := range p.lines {
		for _, v := range l.y {
			if !math.IsNaN(v) {
				most = max(most, v)
			}
		}
	}
	last := 1.0
	if len(x) > 0 && x[len(x)-1] > 0 {
		last = x[len(x)-1]
	}
	step := niceStep(most, 4)
	most = max(step, math.Ceil(most/step)*step)
	atX := func(v float64) float64 { return plotLeft + v/last*plotWidth }
	atY := func(v float64) float64 { return float64(top+plotHeight) - v/most*plotHeight }
	fmt.Fprintf(b, `<text x="%d" y="%d" fill="#222222" font-weight="bold">%s</text>`+"\n", plotLeft, top-10, html.EscapeString(p.title))
	for v := 0.0; v <= most*1.0001; v += step {
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#dddddd"/>`, plotLeft, atY(v), plotLeft+plotWidth, atY(v))
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end" fill="#555555">%s</text>`+"\n", plotLeft-6, atY(v)+4, shortNumber(v))
	}
	stepX := niceStep(last, 8)
	for v := 0.0; v <= last*1.0001; v += stepX {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#999999"/>`, atX(v), top+plotHeight, atX(v), top+plotHeight+4)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#555555">%s min</text>`+"\n", atX(v), top+plotHeight+17, shortNumber(v))
	}
	fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#999999"/>`+"\n", plotLeft, top+plotHeight, plotLeft+plotWidth, top+plotHeight)
	for i, l := range p.lines {
		drawLine(b, l, x, colour(i), atX, atY)
		y := top + 12 + i*18
		fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="3"/>`, plotLeft+plotWidth+12, y-4, plotLeft+plotWidth+32, y-4, colour(i))
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="#222222">%s</text>`+"\n", plotLeft+plotWidth+38, y, html.EscapeString(l.name))
	}
}

func drawLine(b *strings.Builder, l line, x []float64, stroke string, atX, atY func(float64) float64) {
	var points []string
	flush := func() {
		if len(points) > 0 {
			fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="1.6" stroke-linejoin="round" points="%s"/>`+"\n", stroke, strings.Join(points, " "))
		}
		points = nil
	}
	for i, v := range l.y {
		if math.IsNaN(v) || i >= len(x) {
			flush()
			continue
		}
		points = append(points, fmt.Sprintf("%.1f,%.1f", atX(x[i]), atY(v)))
	}
	flush()
}

// niceStep gives a step of 1, 2 or 5 of some power of ten, so that about so many
// make the whole.
func niceStep(whole float64, about int) float64 {
	if whole <= 0 {
		return 1
	}
	raw := whole / float64(about)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// shortNumber writes 1500000 as 1.5M.
func shortNumber(v float64) string {
	switch {
	case v >= 1e6:
		return trimZero(v/1e6) + "M"
	case v >= 1e4:
		return trimZero(v/1e3) + "k"
	}
	return trimZero(v)
}

func trimZero(v float64) string {
	s := fmt.Sprintf("%.2f", v)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}
