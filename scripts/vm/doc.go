// Package vm holds stories of what network namespaces cannot show: a small real
// machine of its own, with its own clock, control groups with all controllers, a
// disk, and a plug that can be pulled. `make vm` builds what runs in it and says
// in $BANTO_VM_BINARIES where that is, and in $BANTO_VM_KERNEL where a kernel is.
//
// It owns no code that is shipped. The guest is qemu with Debian's kernel,
// busybox, the binary of this tree and the keeper's own tests, all in memory; its
// network is qemu's own, in which this machine's loopback is 10.0.2.2. The
// manager runs here, and so does an NFS server (nfs-ganesha, a file system in its
// memory). Where qemu, busybox, the NFS server or the kernel is missing the
// stories are skipped and say so. Where the processor does not help (KVM) the guest is
// emulated: everything then takes about ten times as long.
//
// The stories, *.txtar, are written in testscript's language with these words
// more; PLACE is manager or guest:
//
//	boot [OFFSET]               switch the guest on, its clock ahead or behind (-24h)
//	clock OFFSET                set its clock so far ahead of ours, or behind
//	off                         switch it off, in good order
//	cut                         pull the plug
//	stun, wake                  the guest stands still as its host may let it; it goes on
//	share                       an NFS server here, which the guest mounts at /share
//	stun share, wake share      the server stops answering; it goes on
//	disk                        give it an empty disk, disk.img, which becomes /data
//	at PLACE COMMAND…           run a command there that must end with 0
//	exits N PLACE COMMAND…      run one that must end with exit code N
//	start PLACE NAME COMMAND…   start one in the background
//	until PATTERN PLACE COMMAND…  run one again and again until its output fits
//	keep NAME PATTERN           set $NAME to the last thing in stdout that fits
//
// A pulled plug is a SIGKILL for qemu: what the guest had not flushed to its disk
// is lost, what it had is on this machine (the disk's cache is writeback, so a
// flush in the guest is an fsync here). That a disk lies about a flush, or tears
// a sector, is not shown.
//
// The NFS server that hangs is a real one, which SIGSTOP stops: its connection
// stays open and nobody answers, and the kernel's client waits as it waits in a
// machine room: reads and path look-ups until they are killed, what is written
// back until there is an answer, in state D.
package vm
