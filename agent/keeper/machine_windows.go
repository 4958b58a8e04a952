package keeper

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// machineOf says what can be seen of the machine and of the directory: the
// number that the set-up of Windows gave this installation (the number that the
// maker gave is not to be had without a management query), and the directory's
// number on its volume with that of the volume, which are others in every copy.
func machineOf(dir string) machine {
	var m machine
	if key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\Microsoft\Cryptography`, registry.QUERY_VALUE|registry.WOW64_64KEY); err == nil {
		if guid, _, err := key.GetStringValue("MachineGuid"); err == nil {
			m.System = hashText(guid)
		}
		key.Close() //nolint:errcheck // it was only read
	}
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return m
	}
	h, err := windows.CreateFile(path, windows.FILE_READ_ATTRIBUTES, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return m
	}
	defer windows.CloseHandle(h) //nolint:errcheck // it is ours
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err == nil && info.FileIndexLow|info.FileIndexHigh != 0 {
		m.Dir = hashText(fmt.Sprint(info.FileIndexHigh, " ", info.FileIndexLow, " ", info.VolumeSerialNumber))
	}
	return m
}

func hashText(s string) string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
