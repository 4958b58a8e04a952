package cli

import "github.com/bantoops/banto"

// style is how a text stands out on a terminal.
type style string

const (
	styleNone   style = ""
	styleBold   style = "1"
	styleDim    style = "2"
	styleRed    style = "31"
	styleGreen  style = "32"
	styleYellow style = "33"
	styleCyan   style = "36"
)

// pen paints texts, or leaves them as they are where colours are off.
type pen struct{ on bool }

func (p pen) paint(s style, text string) string {
	if !p.on || s == styleNone || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// partLook is the sign and the style of a part's state. The sign alone tells
// states apart, for those who see no colours.
func partLook(s banto.PartState) (sign string, look style) {
	switch s {
	case banto.PartOK:
		return "✓", styleGreen
	case banto.PartWarning:
		return "!", styleYellow
	case banto.PartError:
		return "✗", styleRed
	case banto.PartRunning:
		return "▶", styleCyan
	case banto.PartStarting, banto.PartReady:
		return "›", styleCyan
	case banto.PartRetrying:
		return "↻", styleYellow
	case banto.PartLost:
		return "?", styleYellow
	case banto.PartHeld:
		return "‖", styleYellow
	case banto.PartSkipped:
		return "»", styleDim
	case banto.PartCancelled:
		return "⊘", styleYellow
	case banto.PartNotTaken, banto.PartUnreached:
		return "-", styleDim
	}
	return "·", styleDim
}

func trackerLook(s banto.TrackerState) style {
	switch s {
	case banto.TrackerOK:
		return styleGreen
	case banto.TrackerWarning, banto.TrackerCancelled, banto.TrackerHeld, banto.TrackerBlocked:
		return styleYellow
	case banto.TrackerError:
		return styleRed
	case banto.TrackerRunning:
		return styleCyan
	}
	return styleNone
}
