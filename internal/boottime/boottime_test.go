package boottime

import "testing"

func TestNowNeverGoesBack(t *testing.T) {
	last := Now()
	if last <= 0 {
		t.Fatalf("the machine was started %s ago", last)
	}
	for range 1000 {
		now := Now()
		if now < last {
			t.Fatalf("%s came after %s", now, last)
		}
		last = now
	}
}
