package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
	"github.com/bantoops/banto/client"
	"github.com/bantoops/banto/internal/config"
	"github.com/spf13/cobra"
)

func newLoginCommand(e *env) *cobra.Command {
	var fingerprint string
	cmd := e.command("login URL…", e.say("Keep a manager's address, its certificate and a token"), func(cmd *cobra.Command, args []string) error {
		var all []*url.URL
		for _, text := range client.URLs(strings.Join(args, ",")) {
			u, err := url.Parse(text)
			if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
				return e.wrongUse(cmd, e.say("%q is not the URL of a manager; one looks like https://banto.example.com:8600", text))
			}
			all = append(all, u)
		}
		if len(all) == 0 {
			return e.wrongUse(cmd, e.say("it needs %s", "URL"))
		}
		return e.login(cmd, all, fingerprint)
	})
	cmd.Long = e.say("Keeps the address of a manager, the certificate of its CA and a token in your configuration, where all\ncommands find them. You are asked whether the fingerprint of its CA is the one that banto server shows\nat its start; without a terminal it has to be given. The token is read from $BANTO_TOKEN, from standard\ninput (--token -), or asked for without being shown. Give the URLs of all managers that share a store:\ncommands then go to the next one by themselves.")
	cmd.Example = examples("banto login https://banto.example.com:8600",
		"banto login https://manager1:8600 https://manager2:8600",
		"banto login https://banto.example.com:8600 \\\n    --fingerprint sha256:3f5a… --token - < token.txt")
	cmd.Args = e.takes(1, -1, "URL")
	cmd.Flags().StringVar(&fingerprint, "fingerprint", "", e.say("the `fingerprint` that the manager's CA must have"))
	return cmd
}

func (e *env) login(cmd *cobra.Command, all []*url.URL, fingerprint string) error {
	ctx := cmd.Context()
	path := config.Path(e.std.Env)
	if path == "" {
		return e.wrongUse(cmd, e.say("there is no place to keep it: $BANTO_CONFIG and $HOME are empty"))
	}
	next, err := e.trustedAll(ctx, cmd, all, fingerprint)
	if err != nil {
		return err
	}
	if next.Token, err = e.loginToken(cmd); err != nil {
		return err
	}
	trust, err := next.TLS()
	if err != nil {
		return err
	}
	m := e.clientOf(next.URL, next.Token, trust)
	info, err := m.Manager(ctx)
	if err != nil {
		return err
	}
	if err := config.Save(path, next); err != nil {
		return banto.Fail(banto.KindInvalid, e.say("cannot write %s", path), e.system(err), "").Because(err)
	}
	text := e.say("logged in at %s (version %s); kept in %s", plain(strings.ReplaceAll(next.URL, ",", ", ")), plain(info.Version), plain(path))
	if banner := e.banner(info, e.pen()); banner != "" {
		text = banner + " " + text
	}
	return e.print(text + "\n")
}

// trustedAll makes sure of all managers. They share a store, and so a CA: it is
// asked about once, and one that does not answer now is taken by it later.
func (e *env) trustedAll(ctx context.Context, cmd *cobra.Command, all []*url.URL, fingerprint string) (config.Config, error) {
	var next config.Config
	var urls []string
	var silent []error
	asked := false
	for _, u := range all {
		urls = append(urls, u.String())
		if u.Scheme != "https" {
			continue
		}
		offer, err := app.Offered(ctx, u)
		if err != nil {
			silent = append(silent, err)
			continue
		}
		if asked {
			if err := e.sameCA(u, offer, next.CA, fingerprint); err != nil {
				return next, err
			}
			continue
		}
		if next.CA, err = e.trusted(cmd, u, offer, fingerprint); err != nil {
			return next, err
		}
		asked, fingerprint = true, offer.Fingerprint
	}
	next.URL = strings.Join(urls, ",")
	if len(silent) == 0 {
		return next, nil
	}
	if len(silent) == len(all) {
		return next, silent[0]
	}
	for _, err := range silent {
		// What is told on the way is not worth an error.
		_, _ = fmt.Fprintln(e.std.Err, plain(e.say("kept all the same: %s", err.Error())))
	}
	return next, nil
}

// sameCA refuses a manager that has another CA than the first.
func (e *env) sameCA(u *url.URL, offer app.Offer, ca, fingerprint string) error {
	if ca == "" && offer.Trusted || ca != "" && offer.Fingerprint == fingerprint {
		return nil
	}
	return banto.Fail(banto.KindDenied, e.say("cannot trust the manager at %s", plain(u.String())),
		e.say("its CA has the fingerprint %s, not the one of the first", first(offer.Fingerprint, e.say("none"))),
		e.say("managers that share a store have one CA: is it one of them?"))
}

// trusted gives the CA to hold on to, once somebody has said that it is the
// right one; empty when this machine trusts the manager's certificate anyway.
func (e *env) trusted(cmd *cobra.Command, u *url.URL, offer app.Offer, fingerprint string) (string, error) {
	what := e.say("cannot trust the manager at %s", plain(u.String()))
	switch {
	case fingerprint != "" && fingerprint != offer.Fingerprint:
		return "", banto.Fail(banto.KindDenied, what, e.say("its CA has the fingerprint %s, not the one that was given", first(offer.Fingerprint, e.say("none"))),
			e.say("is it the right manager? Something between you and it may read along"))
	case fingerprint != "":
		return offer.CA, nil
	case offer.Trusted:
		return "", nil
	case offer.CA == "":
		return "", banto.Fail(banto.KindDenied, what, e.say("nobody whom this machine trusts has signed its certificate, and it shows no CA of its own"),
			e.say("let the system trust the CA that has signed it"))
	case !e.asks():
		return "", banto.Fail(banto.KindInvalid, e.say("cannot run %s", cmd.CommandPath()), e.say("nobody is here to compare the fingerprint of its CA"),
			e.say("give the one that banto server shows at its start with --fingerprint"))
	}
	text, err := e.ask(e.say("The manager at %s shows a CA of its own with this fingerprint:", plain(u.String())) + "\n\n  " +
		offer.Fingerprint + "\n\n" + e.say("Is it the one that banto server shows at its start? [y/N]") + " ")
	if err != nil {
		return "", err
	}
	if !yes(text) {
		return "", banto.Fail(banto.KindDenied, what, e.say("you did not confirm the fingerprint; nothing was kept"), "")
	}
	return offer.CA, nil
}

// loginToken gives the token: what stands on the command line, in the
// environment, in standard input, or what is typed unseen.
func (e *env) loginToken(cmd *cobra.Command) (string, error) {
	token := first(e.token, e.std.Env("BANTO_TOKEN"))
	var err error
	switch {
	case token == "-":
		token, err = e.line()
	case token == "" && e.asks():
		token, err = e.secret(e.say("Token (it is not shown):") + " ")
	}
	if err != nil {
		return "", err
	}
	if token = strings.TrimSpace(token); token == "" {
		return "", e.wrongUse(cmd, e.say("it needs a token: --token -, or $BANTO_TOKEN"))
	}
	return token, nil
}
