package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kardianos/service"

	"github.com/bantoops/banto"
)

// ServiceOptions say how the agent becomes a service of the system.
type ServiceOptions struct {
	Exe      string // the binary, by its whole path
	Data     string // the data directory
	Settings string // the file of settings; empty: none
	User     string // OS user that it runs as; on Windows empty is LocalSystem
}

// serviceName names the service to the system.
const serviceName = "banto-agent"

// Unit is the agent as a unit of systemd. The kill mode leaves the keeper and
// its jobs alive when the agent is stopped or upgraded, and the delegated
// control group lets the keeper hold jobs within their limits.
func (o ServiceOptions) Unit() string {
	var b strings.Builder
	b.WriteString("[Unit]\nDescription=Banto agent: runs jobs for a manager\nWants=network-online.target\nAfter=network-online.target\n\n")
	b.WriteString("[Service]\nExecStart=")
	for i, arg := range append([]string{o.Exe}, o.arguments()...) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quoteUnit(arg))
	}
	fmt.Fprintf(&b, "\nUser=%s\n", o.User)
	b.WriteString("Restart=always\nRestartSec=5\nKillMode=process\nSendSIGHUP=no\nDelegate=yes\nOOMPolicy=continue\nLimitNOFILE=65536\nTasksMax=infinity\n\n")
	b.WriteString("[Install]\nWantedBy=multi-user.target\n")
	return b.String()
}

func (o ServiceOptions) arguments() []string {
	args := []string{"agent", "--data", o.Data}
	if o.Settings != "" {
		args = append(args, "--settings", o.Settings)
	}
	return args
}

// quoteUnit writes a word of a command line as systemd reads it.
func quoteUnit(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(s)
	if strings.ContainsAny(s, " \t'") || s == "" {
		return `"` + s + `"`
	}
	return s
}

// onlyRoot refuses others; Windows does that by itself.
func onlyRoot(what string) error {
	if os.Geteuid() != 0 && runtime.GOOS != "windows" {
		return banto.Fail(banto.KindDenied, what, "only root may", "try again with sudo")
	}
	return nil
}

// check refuses what no service can be made of.
func (o ServiceOptions) check() error {
	const what = "cannot install the agent as a service"
	if err := onlyRoot(what); err != nil {
		return err
	}
	for _, text := range []string{o.Exe, o.Data, o.Settings, o.User} {
		if strings.ContainsAny(text, "\n\r\x00") {
			return banto.Fail(banto.KindInvalid, what, "a path or name holds a line break", "")
		}
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	if o.User == "" {
		return banto.Fail(banto.KindInvalid, what, "it must be said which user it runs as",
			"--user NAME; it can run jobs as other users only with --user root, which is never chosen by itself")
	}
	return nil
}

// InstallAgent makes the agent a service that starts with the machine.
func InstallAgent(o ServiceOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	s, err := o.service(nil)
	if err != nil {
		return err
	}
	if err := s.Install(); err != nil {
		return banto.Fail(banto.KindConflict, "cannot install the agent as a service", err.Error(),
			"banto agent uninstall takes an earlier one away; banto agent install --print shows what is installed").Because(err)
	}
	if err := s.Start(); err != nil {
		return banto.Fail(banto.KindInternal, "the agent is installed, but does not start", err.Error(), "the system's log says why").Because(err)
	}
	return nil
}

// UninstallAgent stops the service and takes it away. Jobs that run go on to
// their end; the data directory stays.
func UninstallAgent() error {
	const what = "cannot uninstall the agent"
	if err := onlyRoot(what); err != nil {
		return err
	}
	s, err := ServiceOptions{Exe: "banto", User: "root"}.service(nil)
	if err != nil {
		return err
	}
	if status, err := s.Status(); errors.Is(err, service.ErrNotInstalled) {
		return banto.Fail(banto.KindNotFound, what, "it is not installed as a service", "")
	} else if err == nil && status == service.StatusRunning {
		if err := s.Stop(); err != nil {
			return banto.Fail(banto.KindInternal, what, err.Error(), "the system's log says why").Because(err)
		}
	}
	if err := s.Uninstall(); err != nil {
		return banto.Fail(banto.KindInternal, what, err.Error(), "").Because(err)
	}
	return nil
}

func (o ServiceOptions) service(program service.Interface) (service.Service, error) {
	s, err := service.New(program, &service.Config{
		Name: serviceName, DisplayName: "Banto agent", Description: "Runs jobs for a Banto manager.",
		Executable: o.Exe, Arguments: o.arguments(), UserName: o.User, WorkingDirectory: filepath.Dir(o.Exe),
		Option: service.KeyValue{"SystemdScript": strings.ReplaceAll(o.Unit(), "{{", "{ {"), "OnFailure": "restart"},
	})
	if err != nil {
		return nil, banto.Fail(banto.KindInvalid, "cannot use this system's services", err.Error(),
			"banto agent install --print shows what a service would run").Because(err)
	}
	return s, nil
}

// program is the agent in the hands of a service manager that starts and stops
// it by calls, as that of Windows does.
type program struct {
	run  func(context.Context) error
	log  *slog.Logger
	stop context.CancelFunc
	done chan error
}

// Start implements service.Interface.
func (p *program) Start(service.Service) error {
	ctx, stop := context.WithCancel(context.Background())
	p.stop, p.done = stop, make(chan error, 1)
	go func() {
		err := p.run(ctx)
		p.done <- err
		if err != nil && ctx.Err() == nil {
			p.log.Error("the agent has ended by itself", "error", err)
			os.Exit(1) // the service manager starts it again
		}
	}()
	return nil
}

// Stop implements service.Interface.
func (p *program) Stop(service.Service) error {
	p.stop()
	return <-p.done
}

// asService runs the agent under Windows's service manager, if that has
// started this process; false if it has not.
func asService(run func(context.Context) error, log *slog.Logger) (bool, error) {
	if runtime.GOOS != "windows" || service.Interactive() {
		return false, nil
	}
	s, err := ServiceOptions{Exe: "banto"}.service(&program{run: run, log: cmp.Or(log, slog.New(slog.DiscardHandler))})
	if err != nil {
		return true, err
	}
	return true, s.Run()
}
