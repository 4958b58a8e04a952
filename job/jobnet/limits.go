package jobnet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
)

// ParseSize reads a size such as 512M or 2G: K, M and G are powers of 1024.
func ParseSize(text string) (int64, error) {
	fault := fmt.Errorf("%q is not a size such as 512M or 2G", clip(text))
	if text == "" {
		return 0, fault
	}
	shift := strings.IndexByte("KMG", text[len(text)-1])
	if shift < 0 {
		return 0, fault
	}
	n, err := count(text[:len(text)-1])
	if err != nil || n == 0 {
		return 0, fault
	}
	bits := 10 * (shift + 1)
	if n > (1<<62)>>bits {
		return 0, fmt.Errorf("%q is more than any host has", clip(text))
	}
	return n << bits, nil
}

// FormatSize writes a size as ParseSize reads it, if it is one of whole KiB.
func FormatSize(n int64) string {
	for i, unit := range []string{"G", "M", "K"} {
		if size := int64(1) << (10 * (3 - i)); n >= size && n%size == 0 {
			return strconv.FormatInt(n/size, 10) + unit
		}
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// ParsePercent reads a share of one processor such as 50% or 200%.
func ParsePercent(text string) (int, error) {
	digits, ok := strings.CutSuffix(text, "%")
	n, err := count(digits)
	if !ok || err != nil || n == 0 || n > 1<<30 {
		return 0, fmt.Errorf("%q is not a share of a processor such as 50%%", clip(text))
	}
	return int(n), nil
}

// count reads digits and nothing else.
func count(digits string) (int64, error) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, errors.New("no number")
	}
	return strconv.ParseInt(digits, 10, 64)
}

// limitsText writes limits as the language does; nil is nothing.
func limitsText(l *banto.Limits) string {
	if l == nil {
		return ""
	}
	var out []string
	if l.Memory != 0 {
		out = append(out, "memory: "+FormatSize(l.Memory))
	}
	if l.CPU != 0 {
		out = append(out, fmt.Sprintf("cpu: %d%%", l.CPU))
	}
	for _, of := range []struct {
		name string
		n    int
	}{{"processes", l.Processes}, {"files", l.Files}, {"nice", l.Nice}} {
		if of.n != 0 {
			out = append(out, fmt.Sprintf("%s: %d", of.name, of.n))
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}
