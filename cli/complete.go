package cli

import (
	"context"
	"strings"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/job/jobnet/jobyaml"
	"github.com/spf13/cobra"
)

// completeWithin is how long a shell waits for the manager when it completes.
const completeWithin = 2 * time.Second

type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// completes makes a completer that asks the manager for the position-th
// argument. A manager that cannot be asked completes nothing and says nothing.
func (e *env) completes(position int, ask asker) completer {
	anywhere := e.completesFrom(0, ask)
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if position >= 0 && len(args) != position {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return anywhere(cmd, args, typed)
	}
}

// asker asks the manager what may stand behind the arguments.
type asker func(ctx context.Context, m *client.Client, args []string) ([]cobra.Completion, error)

// completesFrom makes a completer of every argument from that position on.
func (e *env) completesFrom(position int, ask asker) completer {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) < position {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		m, err := e.manager()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
		defer cancel()
		all, err := ask(ctx, m, args)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var fit []cobra.Completion
		for _, c := range all {
			if strings.HasPrefix(c, typed) {
				fit = append(fit, c)
			}
		}
		return fit, cobra.ShellCompDirectiveNoFileComp
	}
}

func (e *env) completeJobnets() completer {
	return e.completes(0, func(ctx context.Context, m *client.Client, _ []string) ([]cobra.Completion, error) {
		jobnets, err := m.AllJobnets(ctx, "")
		var all []cobra.Completion
		for _, j := range jobnets {
			all = append(all, cobra.CompletionWithDesc(j.Path, plain(j.Title)))
		}
		return all, err
	})
}

// completeTrackers offers the newest trackers, in those states if any is said.
func (e *env) completeTrackers(states ...banto.TrackerState) completer {
	return e.completes(0, func(ctx context.Context, m *client.Client, _ []string) ([]cobra.Completion, error) {
		page, err := m.Trackers(ctx, client.TrackerQuery{States: states, Limit: 50})
		var all []cobra.Completion
		for _, t := range page.Items {
			all = append(all, cobra.CompletionWithDesc(string(t.ID), plain(t.Jobnet)+" "+e.trackerState(t.State)))
		}
		return all, err
	})
}

// completeParts offers the parts of the tracker that is the first argument.
func (e *env) completeParts(position int) completer {
	return e.partsThat(position, func([]banto.PartView, banto.PartView) bool { return true })
}

// completeOutputs offers what has output of its own: of a part that runs on
// every host, what it runs on each.
func (e *env) completeOutputs(position int) completer {
	return e.partsThat(position, func(all []banto.PartView, p banto.PartView) bool { return len(itemsOf(all, p.Key)) == 0 })
}

func (e *env) partsThat(position int, fit func(all []banto.PartView, p banto.PartView) bool) completer {
	return e.completes(position, func(ctx context.Context, m *client.Client, args []string) ([]cobra.Completion, error) {
		if len(args) == 0 {
			return nil, nil
		}
		parts, err := m.Parts(ctx, banto.TrackerID(args[0]))
		var all []cobra.Completion
		for _, p := range parts {
			if fit(parts, p) {
				all = append(all, cobra.CompletionWithDesc(string(p.Key), e.partState(p.State)))
			}
		}
		return all, err
	})
}

func (e *env) completeHosts() completer {
	return e.completes(0, e.askHosts())
}

func (e *env) askHosts() asker {
	return func(ctx context.Context, m *client.Client, _ []string) ([]cobra.Completion, error) {
		hosts, err := m.Hosts(ctx)
		var all []cobra.Completion
		for _, h := range hosts {
			all = append(all, cobra.CompletionWithDesc(h.Name, e.hostState(h.State)))
		}
		return all, err
	}
}

func (e *env) completeGroups() completer {
	return e.completes(0, func(ctx context.Context, m *client.Client, _ []string) ([]cobra.Completion, error) {
		groups, err := m.Groups(ctx)
		var all []cobra.Completion
		for _, g := range groups {
			all = append(all, cobra.CompletionWithDesc(g.Name, plain(g.Title)))
		}
		return all, err
	})
}

func (e *env) completeAccounts() completer {
	return e.completes(0, func(ctx context.Context, m *client.Client, _ []string) ([]cobra.Completion, error) {
		accounts, err := m.Accounts(ctx)
		var all []cobra.Completion
		for _, a := range accounts {
			all = append(all, cobra.CompletionWithDesc(a.Name, plain(a.Title)))
		}
		return all, err
	})
}

// completeParams offers the parameters of the jobnet that is the first
// argument, and what a choice may be.
func (e *env) completeParams() completer {
	ask := e.completes(-1, func(ctx context.Context, m *client.Client, args []string) ([]cobra.Completion, error) {
		if len(args) == 0 {
			return nil, nil
		}
		j, err := m.Jobnet(ctx, args[0], 0)
		if err != nil {
			return nil, err
		}
		var all []cobra.Completion
		documents, _ := jobyaml.Parse("", []byte(j.Source))
		for _, d := range documents {
			if d.Jobnet == nil {
				continue
			}
			for _, p := range d.Jobnet.Params {
				all = append(all, cobra.CompletionWithDesc(p.Name+"=", plain(p.About)))
				for _, choice := range p.Of {
					all = append(all, p.Name+"="+choice)
				}
			}
		}
		return all, nil
	})
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		all, directive := ask(cmd, args, typed)
		return all, directive | cobra.ShellCompDirectiveNoSpace
	}
}

// completesFlag offers the words that a flag takes.
func completesFlag[S ~string](cmd *cobra.Command, flag string, words []S) {
	all := make([]cobra.Completion, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp))
}
