package auth_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/auth"
)

func joinToken() auth.JoinToken {
	return auth.JoinToken{
		URL: "https://banto.example.com:8600", Fingerprint: "sha256:" + strings.Repeat("ab", 32),
		Secret: auth.NewJoinSecret(rand.Reader), Expires: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC),
	}
}

func TestJoinTokenAsPeopleHandItOn(t *testing.T) {
	want := joinToken()
	text := want.String()
	var wrapped strings.Builder
	for i, r := range text {
		if i%60 == 59 {
			wrapped.WriteString(" \r\n\t")
		}
		wrapped.WriteRune(r)
	}
	for name, given := range map[string]string{
		"as it is": text, "wrapped": wrapped.String(), "in quotes": `"` + text + `"`, "with a line end": text + "\n",
		"with marks that nobody sees": "\ufeff" + text[:20] + "\u200b" + text[20:] + "\u00a0", "in wide blanks": "\u3000" + text,
	} {
		if got, err := auth.ParseJoinToken(given); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	none := want
	none.Fingerprint = ""
	if got, err := auth.ParseJoinToken(none.String()); err != nil || got != none {
		t.Errorf("without a fingerprint: got %+v, %v", got, err)
	}
}

func TestJoinTokenThatIsNone(t *testing.T) {
	whole := joinToken()
	text := whole.String()
	raw := func(json string) string { return "banto-join-1." + base64.RawURLEncoding.EncodeToString([]byte(json)) }
	good := `{"u":"https://a:1","f":"","s":"` + whole.Secret + `","e":1}`
	if _, err := auth.ParseJoinToken(raw(good)); err != nil {
		t.Fatal(err)
	}
	api, _ := auth.NewToken(rand.Reader)
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", " \n", "it is empty"},
		{"a word", "hello", "does not begin with"},
		{"a token for commands", api, "for commands"},
		{"the one of tomorrow", "banto-join-2." + text[13:], "another version"},
		{"a character that is none", text[:40] + "!" + text[41:], "characters that no token has"},
		{"a piece out of its middle", text[:60] + text[70:], "missing"},
		{"twice", text + text, "characters that no token has"},
		{"another fingerprint", raw(strings.Replace(good, `"f":""`, `"f":"sha256:ab"`, 1)), "damaged"},
		{"half a secret", raw(strings.Replace(good, whole.Secret, whole.Secret[:20], 1)), "damaged"},
		{"a key more", raw(strings.Replace(good, `"f"`, `"x":1,"f"`, 1)), "damaged"},
		{"no end", raw(strings.Replace(good, `"e":1`, `"e":0`, 1)), "damaged"},
		{"an end in the year 10000", raw(strings.Replace(good, `"e":1`, `"e":253402300800`, 1)), "damaged"},
		{"an address that is none", raw(strings.Replace(good, "https://a:1", "banto", 1)), "address of the manager"},
		{"in the clear", raw(strings.Replace(good, "https://a:1", "http://192.0.2.1:1", 1)), "address of the manager"},
		{"with a password", raw(strings.Replace(good, "https://a:1", "https://a:b@c", 1)), "address of the manager"},
		{"much", strings.Repeat("x", 10_000), "too long"},
	} {
		_, err := auth.ParseJoinToken(tt.text)
		if banto.KindOf(err) != banto.KindInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), whole.Secret[:10]) {
			t.Errorf("%s: the error tells the secret", tt.name)
		}
	}
	for n := range len(text) {
		_, err := auth.ParseJoinToken(text[:n])
		if err == nil || (n > 0 && !strings.Contains(err.Error(), "cut off")) {
			t.Fatalf("the first %d characters: %v", n, err)
		}
		if len(whole.Secret) > 10 && strings.Contains(err.Error(), text[:n]) && n > 13 {
			t.Fatalf("the error tells the token: %v", err)
		}
	}
}

func TestManagerURL(t *testing.T) {
	for text, want := range map[string]bool{
		"https://banto.example.com:8600": true, "https://192.0.2.1": true, "https://[2001:db8::1]:8600/": true,
		"http://127.0.0.1:8600": true, "http://localhost": true, "http://[::1]:1": true,
		"http://banto.example.com": false, "": false, "banto:8600": false, "https://": false, "https://a/b": false,
		"https://a?x": false, "https://a#x": false, "https://u@a": false, "ftp://a": false, "https://a b": false, "https://a:99999": false,
		"https://" + strings.Repeat("a", 2000): false,
	} {
		if err := auth.CheckManagerURL(text); (err == nil) != want {
			t.Errorf("%.50q: %v", text, err)
		}
	}
	for host, want := range map[string]bool{"localhost:1": true, "127.0.0.1": true, "0.0.0.0:80": true, "[::]:80": true, "192.0.2.1": false, "": false} {
		if auth.Loopback(host) != want {
			t.Errorf("%q: want %v", host, want)
		}
	}
}

// FuzzParseJoinToken holds that what is read writes the same token again.
func FuzzParseJoinToken(f *testing.F) {
	token := joinToken()
	f.Add(token.String())
	f.Add(token.String()[:50])
	f.Add("banto-join-1.e30")
	f.Add("banto-join-1." + base64.RawURLEncoding.EncodeToString([]byte(`{"u":"https://a","f":"","s":"`+token.Secret+`","e":1}`)))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := auth.ParseJoinToken(text)
		if err != nil {
			if banto.KindOf(err) != banto.KindInvalid {
				t.Errorf("%v", err)
			}
			return
		}
		again, err := auth.ParseJoinToken(got.String())
		if err != nil || again != got {
			t.Errorf("%+v became %+v, %v", got, again, err)
		}
	})
}
