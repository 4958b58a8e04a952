package cli

import (
	"context"
	"net/url"
	"strings"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/app"
	"github.com/bantoops/banto/internal/config"
	"github.com/spf13/cobra"
)

func newLoginCommand(e *env) *cobra.Command {
	var fingerprint string
	cmd := e.command("login URL", e.say("Keep a manager's address, its certificate and a token"), func(cmd *cobra.Command, args []string) error {
		u, err := url.Parse(strings.TrimRight(args[0], "/"))
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return e.wrongUse(cmd, e.say("%q is not the URL of a manager; one looks like https://banto.example.com:8600", args[0]))
		}
		return e.login(cmd, u, fingerprint)
	})
	cmd.Long = e.say("Keeps the address of a manager, the certificate of its CA and a token in your configuration, where all\ncommands find them. You are asked whether the fingerprint of its CA is the one that banto server shows\nat its start; without a terminal it has to be given. The token is read from $BANTO_TOKEN, from standard\ninput (--token -), or asked for without being shown.")
	cmd.Example = examples("banto login https://banto.example.com:8600",
		"banto login https://banto.example.com:8600 --fingerprint sha256:3f5a… --token - < token.txt")
	cmd.Args = e.takes(1, 1, "URL")
	cmd.Flags().StringVar(&fingerprint, "fingerprint", "", e.say("the `fingerprint` that the manager's CA must have"))
	return cmd
}

func (e *env) login(cmd *cobra.Command, u *url.URL, fingerprint string) error {
	ctx := cmd.Context()
	path := config.Path(e.std.Env)
	if path == "" {
		return e.wrongUse(cmd, e.say("there is no place to keep it: $BANTO_CONFIG and $HOME are empty"))
	}
	next := config.Config{URL: u.String()}
	if u.Scheme == "https" {
		ca, err := e.trusted(ctx, cmd, u, fingerprint)
		if err != nil {
			return err
		}
		next.CA = ca
	}
	token, err := e.loginToken(cmd)
	if err != nil {
		return err
	}
	next.Token = token
	trust, err := next.TLS()
	if err != nil {
		return err
	}
	info, err := e.clientOf(next.URL, next.Token, trust).Manager(ctx)
	if err != nil {
		return err
	}
	if err := config.Save(path, next); err != nil {
		return banto.Fail(banto.KindInvalid, e.say("cannot write %s", path), e.system(err), "").Because(err)
	}
	text := e.say("logged in at %s (version %s); kept in %s", plain(next.URL), plain(info.Version), plain(path))
	if banner := e.banner(info, e.pen()); banner != "" {
		text = banner + " " + text
	}
	return e.print(text + "\n")
}

// trusted gives the CA to hold on to, once somebody has said that it is the
// right one; empty when this machine trusts the manager's certificate anyway.
func (e *env) trusted(ctx context.Context, cmd *cobra.Command, u *url.URL, fingerprint string) (string, error) {
	what := e.say("cannot trust the manager at %s", plain(u.String()))
	offer, err := app.Offered(ctx, u)
	switch {
	case err != nil:
		return "", err
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
