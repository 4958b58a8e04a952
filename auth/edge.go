package auth

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bantoops/banto"
)

// CheckHost refuses a request whose Host header names neither this machine nor
// a configured name. A web page that points its own name at 127.0.0.1 (DNS
// rebinding) is refused here, as the browser sends the page's name.
//
// Good are localhost and loopback addresses, and the names, each written as
// "name" (any port) or "name:port"; "*.example.com" stands for one label more,
// as in a certificate.
func CheckHost(host string, names []string) error {
	name, hostPort, ok := splitHost(host)
	if !ok {
		return badHost(host, "is not a host name")
	}
	for _, n := range names {
		rest, wild := strings.CutPrefix(n, "*.")
		allowed, allowedPort, ok := splitHost(rest)
		asked := name
		if wild {
			var label string
			label, asked, _ = strings.Cut(name, ".")
			ok = ok && label != ""
		}
		if ok && allowed == asked && (allowedPort == "" || allowedPort == hostPort) {
			return nil
		}
	}
	if !loopback(name) {
		return badHost(host, "is not a name of this manager")
	}
	return nil
}

func badHost(host, why string) error {
	return banto.Fail(banto.KindDenied, "request refused", "the Host header "+strconv.Quote(clip(host))+" "+why,
		"call it by localhost, or by a name that its certificate has (banto server --san NAME)")
}

// CheckOrigin refuses a request that a page of another site made: its Origin
// must be absent (no browser sent it) or name the host that was asked.
func CheckOrigin(origin, host string) error {
	if origin == "" {
		return nil
	}
	bad := banto.Fail(banto.KindDenied, "request refused",
		"it comes from the page of another site, "+strconv.Quote(clip(origin)), "open the manager's own console")
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.Opaque != "" ||
		u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return bad
	}
	from, fromPort, ok1 := splitHost(u.Host)
	to, toPort, ok2 := splitHost(host)
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if fromPort == "" {
		fromPort = usual
	}
	if toPort == "" {
		toPort = usual
	}
	if !ok1 || !ok2 || from != to || fromPort != toPort {
		return bad
	}
	return nil
}

// splitHost gives the name in lower case and the port, which may be empty. An
// address comes in one spelling, whatever way it was written.
func splitHost(s string) (name, port string, ok bool) {
	name = s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		name = s[1 : len(s)-1]
		if addr, err := netip.ParseAddr(name); err != nil || !addr.Is6() {
			return "", "", false
		}
	} else if strings.Contains(s, ":") {
		var err error
		if name, port, err = net.SplitHostPort(s); err != nil {
			return "", "", false
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return "", "", false
		}
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.Zone() == "" {
		return addr.Unmap().String(), port, true
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || len(name) > 253 || !slices.ContainsFunc([]byte(name), letterOrDigit) {
		return "", "", false
	}
	for i := range len(name) {
		if c := name[i]; !letterOrDigit(c) && c != '-' && c != '.' && c != '_' {
			return "", "", false
		}
	}
	return name, port, true
}

func letterOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// loopback says whether a name from splitHost is this machine's own.
func loopback(name string) bool {
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || (err == nil && addr.IsLoopback())
}

// clip keeps a header that someone sent short enough to show.
func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}
