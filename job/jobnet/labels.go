package jobnet

import (
	"maps"
	"slices"
	"strings"
)

// MaxLabels is how many labels a host may have.
const MaxLabels = 64

// ValidLabel says whether the text can be a label's name or value: 1 to 63
// letters, digits, '-', '_', '.' or '/', the first a letter or digit.
func ValidLabel(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case i > 0 && strings.ContainsRune("-_./", r):
		default:
			return false
		}
	}
	return true
}

// LabelsText writes labels as one text, "area=east,role=batch", sorted by
// name. No host or group has such a name, as names hold no equals sign.
func LabelsText(labels map[string]string) string {
	var b strings.Builder
	for i, name := range sortedNames(labels) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + "=" + labels[name])
	}
	return b.String()
}

func sortedNames(labels map[string]string) []string { return slices.Sorted(maps.Keys(labels)) }

// ParseLabels reads what LabelsText writes, in any order; false when it is not
// that, or a name comes twice.
func ParseLabels(text string) (map[string]string, bool) {
	labels := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if _, twice := labels[name]; !ok || twice || !ValidLabel(name) || !ValidLabel(value) {
			return nil, false
		}
		labels[name] = value
	}
	return labels, len(labels) <= MaxLabels
}

// HostNameFault says why a text cannot be the name of a host or group, such as
// "holds ' '"; empty when it can.
func HostNameFault(name string) string {
	if name == "" {
		return "is empty"
	}
	return hostNameFault(name)
}
