package banto

import "testing"

func TestVersionsFit(t *testing.T) {
	for _, c := range []struct {
		a, b string
		fit  bool
	}{
		{"v1.4.0", "v1.4.9", true},
		{"v1.4.0", "1.6.0", true},
		{"v1.6.0", "v1.4.0-rc1", true},
		{"v1.4.0", "v1.7.0", false},
		{"v1.7.0", "v1.4.0", false},
		{"v2.0.0", "v1.9.0", false},
		{"v1.4.0", "dev", true},
		{"4bf50e4-dirty", "v1.4.0", true},
		{"v1.x.0", "v1.9.0", true},
		{"", "v1.0.0", true},
	} {
		if got := VersionsFit(c.a, c.b); got != c.fit {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}
