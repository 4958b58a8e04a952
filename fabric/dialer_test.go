package fabric

import (
	"net/http"
	"net/url"
	"testing"
)

// The environment's proxy is used unless another is stated, or none.
func TestWhichProxy(t *testing.T) {
	end, err := parseEndpoint("wss://manager.example/fabric")
	if err != nil {
		t.Fatal(err)
	}
	environment := func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme != "https" || r.URL.Host != "manager.example:443" {
			t.Errorf("the environment is asked about %s", r.URL)
		}
		return url.Parse("http://environment.example:3128")
	}
	none := func(*http.Request) (*url.URL, error) { return nil, nil }
	for _, c := range []struct {
		stated      string
		environment func(*http.Request) (*url.URL, error)
		want        string
	}{
		{"", environment, "environment.example:3128"},
		{"", none, ""},
		{Direct, environment, ""},
		{"https://stated.example", environment, "stated.example"},
	} {
		u, err := (&dialer{end: end, proxy: c.stated, environment: c.environment}).chooseProxy()
		got := ""
		if u != nil {
			got = u.Host
		}
		if err != nil || got != c.want {
			t.Errorf("%q: %q, %v", c.stated, got, err)
		}
	}
}
