//go:build linux

package wine_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// prefix is a Windows of its own: a directory that Wine has made its drives in.
type prefix struct {
	dir  string
	wine string // the loader
}

// loaders are where Wine is looked for. Debian's own wrapper asks for a 32-bit
// Wine at every call: what is behind it comes first.
var loaders = []string{"/usr/lib/wine/wine64", "wine64", "wine"}

// findWine gives the loader of Wine, "" when there is none.
func findWine() string {
	for _, name := range loaders {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// environ is what Wine runs with: no display, no word of its own, no offer to
// fetch what our programs do not need, and nothing of the caller's but PATH.
func (p *prefix) environ() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "TMPDIR=" + os.TempDir(), "WINEPREFIX=" + filepath.Join(p.dir, "prefix"),
		"WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", "DISPLAY=", "LANG=C.UTF-8", "TZ=UTC",
	}
}

func (p *prefix) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = p.environ()
	return cmd
}

// newPrefix makes a Windows in a fresh directory.
func newPrefix(wine string) (*prefix, error) {
	dir, err := os.MkdirTemp("", "banto-wine-")
	if err != nil {
		return nil, err
	}
	p := &prefix{dir: dir, wine: wine}
	if out, err := p.command(wine, "wineboot.exe", "--init").CombinedOutput(); err != nil {
		p.remove()
		return nil, fmt.Errorf("cannot make a Wine prefix: %w\n%s", err, out)
	}
	return p, p.addRandom()
}

// addRandom gives Wine 8 a library that it lacks and every Go program asks for.
func (p *prefix) addRandom() error {
	path := filepath.Join(p.dir, "prefix", "drive_c", "windows", "system32", "bcryptprimitives.dll")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, randomLibrary(), 0o600)
}

// remove ends all that runs in the prefix, and takes it away.
func (p *prefix) remove() {
	for _, name := range []string{"/usr/lib/wine/wineserver", "wineserver"} {
		if path, err := exec.LookPath(name); err == nil {
			p.command(path, "--kill").Run()
			p.command(path, "--wait").Run()
			break
		}
	}
	os.RemoveAll(p.dir)
}

// randomLibrary makes a library of Windows without a line of code: it says that
// its one function, ProcessPrng, is to be found in another library, where it is
// called SystemFunction036 (RtlGenRandom) and takes the same arguments.
func randomLibrary() []byte {
	const page, block = 0x1000, 0x200 // where its section is in memory, and in the file
	section := make([]byte, block)
	at := 56
	text := func(s string) uint32 {
		where := page + at
		at += copy(section[at:], s+"\x00")
		return uint32(where)
	}
	library, function, elsewhere := text("bcryptprimitives.dll"), text("ProcessPrng"), text("advapi32.SystemFunction036")
	put := func(to []byte, values ...any) {
		for _, v := range values {
			n, _ := binary.Encode(to, binary.LittleEndian, v)
			to = to[n:]
		}
	}
	// The directory of exports, then its three tables: addresses, names, numbers.
	put(section, uint32(0), uint32(0), uint32(0), library, uint32(1), uint32(1), uint32(1),
		uint32(page+40), uint32(page+44), uint32(page+48), elsewhere, function, uint16(0))

	head := make([]byte, block)
	copy(head, "MZ")
	put(head[0x3c:], uint32(0x40))
	copy(head[0x40:], "PE\x00\x00")
	put(head[0x44:],
		uint16(0x8664), uint16(1), uint32(0), uint32(0), uint32(0), uint16(0xf0), uint16(0x2022), // a library for amd64, one section
		uint16(0x20b), uint8(14), uint8(0), uint32(0), uint32(block), uint32(0), uint32(0), uint32(0), // 64 bits, no code, no entry
		uint64(0x7ff100000000), uint32(page), uint32(block), // where it wants to be
		uint16(6), uint16(0), uint16(0), uint16(0), uint16(6), uint16(0), uint32(0), // Windows 6.0
		uint32(2*page), uint32(block), uint32(0), uint16(3), uint16(0x160),
		uint64(1<<20), uint64(page), uint64(1<<20), uint64(page), uint32(0), uint32(16))
	put(head[0x44+20+112:], uint32(page), uint32(at)) // the first of 16 directories: exports
	put(head[0x44+20+0xf0:], []byte(".edata\x00\x00"), uint32(at), uint32(page), uint32(block), uint32(block),
		uint32(0), uint32(0), uint16(0), uint16(0), uint32(0x40000040)) // to be read only
	return slices.Concat(head, section)
}
