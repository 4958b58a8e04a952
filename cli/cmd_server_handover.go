package cli

import (
	"context"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/client"
	"github.com/spf13/cobra"
)

// handedOver is how long a hand-over may take.
const handedOver = 30 * time.Second

// handOverDocument is what a program reads of a hand-over.
type handOverDocument struct {
	From string `json:"from"`
	To   string `json:"to"`
	MS   int64  `json:"took_ms"`
}

func newServerHandOverCommand(e *env) *cobra.Command {
	var asJSON bool
	var h banto.HandOver
	cmd := e.command("handover", e.say("Let another manager take over at once"), func(cmd *cobra.Command, _ []string) error {
		if err := e.fits(cmd, h.Reason, ""); err != nil {
			return err
		}
		m, err := e.acting(cmd.Context(), asJSON)
		if err != nil {
			return err
		}
		return e.handOver(cmd.Context(), m, h, asJSON)
	})
	cmd.Long = e.say("Lets another manager take over at once, before the active one is stopped or updated. Jobs go on, and calls\nthat come meanwhile wait a moment. The one that was active stands by afterwards.")
	cmd.Example = examples("banto server handover", `banto server handover --to manager2 --reason "patches"`)
	cmd.Args = e.takes(0, 0, "")
	f := cmd.Flags()
	f.StringVar(&h.To, "to", "", e.say("the `MANAGER` that is to take over; any that stands by if left out"))
	f.StringVar(&h.Reason, "reason", "", e.say("why, in your `words`; kept on record"))
	f.BoolVar(&asJSON, "json", false, e.say("write one JSON document"))
	// Only a flag that is not there cannot be completed.
	_ = cmd.RegisterFlagCompletionFunc("to", e.completes(-1, func(ctx context.Context, m *client.Client, _ []string) ([]cobra.Completion, error) {
		all, err := m.Managers(ctx)
		var names []cobra.Completion
		for _, one := range all {
			if role, _ := e.role(one); !one.Active {
				names = append(names, cobra.CompletionWithDesc(plain(one.Name), role))
			}
		}
		return names, err
	}))
	return cmd
}

// handOver asks for it, and waits until another manager is the active one.
func (e *env) handOver(ctx context.Context, m *client.Client, h banto.HandOver, asJSON bool) error {
	before, err := activeManager(ctx, m)
	if err != nil {
		return err
	}
	start := e.std.Now()
	if err := m.HandOver(ctx, h); err != nil {
		return err
	}
	var now string
	err = e.during(e.say("%s has given the lease up; another manager takes over", plain(before)), func() error {
		ctx, cancel := context.WithTimeout(ctx, handedOver)
		defer cancel()
		now, err = awaitOther(ctx, m, before)
		return err
	})
	if err != nil {
		return banto.Fail(banto.KindUnavailable, e.say("no manager has taken over within %s", short(handedOver)),
			e.say("%s has given the lease up", plain(before)), e.say("banto server list shows how they stand")).Because(err)
	}
	took := e.std.Now().Sub(start)
	if asJSON {
		return e.document(handOverDocument{From: before, To: now, MS: took.Milliseconds()})
	}
	return e.print(e.say("%s is the active manager now, after %s; %s stands by", plain(now), short(took), plain(before)) + "\n")
}

// activeManager names the active manager; empty when there is none.
func activeManager(ctx context.Context, m *client.Client) (string, error) {
	all, err := m.Managers(ctx)
	for _, one := range all {
		if one.Active {
			return one.Name, err
		}
	}
	return "", err
}

// awaitOther waits until another manager is the active one, and names it.
func awaitOther(ctx context.Context, m *client.Client, before string) (string, error) {
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		now, err := activeManager(ctx, m)
		if err == nil && now != "" && now != before {
			return now, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
