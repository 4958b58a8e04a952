package cli

import (
	"fmt"
	"strings"

	"github.com/bantoops/banto"
)

// language is a language that people read.
type language string

const (
	english  language = "en"
	japanese language = "ja"
)

// chooseLanguage takes the first of --lang, $BANTO_LANG, $LC_ALL, $LC_MESSAGES
// and $LANG that says something. It looks at the arguments by itself because
// the texts of help are made before they are parsed.
func chooseLanguage(args []string, getenv func(string) string) language {
	for i, a := range args {
		if a == "--" {
			break
		}
		if value, ok := strings.CutPrefix(a, "--lang="); ok {
			return languageOf(value)
		}
		if a == "--lang" && i+1 < len(args) {
			return languageOf(args[i+1])
		}
	}
	for _, name := range []string{"BANTO_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			return languageOf(value)
		}
	}
	return english
}

// languageOf understands ja, ja_JP.UTF-8 and the like; what it does not know
// is English.
func languageOf(s string) language {
	s = strings.ToLower(s)
	if s == "ja" || strings.HasPrefix(s, "ja_") || strings.HasPrefix(s, "ja-") || strings.HasPrefix(s, "ja.") {
		return japanese
	}
	return english
}

// isLanguage says whether somebody who wrote that gets what was asked for.
func isLanguage(s string) bool {
	s = strings.ToLower(s)
	return languageOf(s) == japanese || s == "en" || strings.HasPrefix(s, "en_") || strings.HasPrefix(s, "en-") || strings.HasPrefix(s, "en.") || s == "c" || strings.HasPrefix(s, "c.")
}

// catalogue gives the texts of a language; English needs none.
func catalogue(lang language) map[string]string {
	if lang == japanese {
		return wordsJA()
	}
	return nil
}

// say gives a text in the reader's language. The English text stands where it
// is used and is the key of the catalogue; a test holds the two together.
func (e *env) say(text string, args ...any) string {
	if word, ok := e.words[text]; ok {
		text = word
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// partState gives the word for a part's state.
func (e *env) partState(s banto.PartState) string {
	switch s {
	case banto.PartWaiting:
		return e.say("waiting")
	case banto.PartHeld:
		return e.say("held")
	case banto.PartReady:
		return e.say("ready")
	case banto.PartStarting:
		return e.say("starting")
	case banto.PartRunning:
		return e.say("running")
	case banto.PartRetrying:
		return e.say("retrying")
	case banto.PartLost:
		return e.say("lost")
	case banto.PartOK:
		return e.say("ok")
	case banto.PartWarning:
		return e.say("warning")
	case banto.PartError:
		return e.say("error")
	case banto.PartSkipped:
		return e.say("skipped")
	case banto.PartCancelled:
		return e.say("cancelled")
	case banto.PartNotTaken:
		return e.say("not taken")
	case banto.PartUnreached:
		return e.say("unreached")
	}
	return plain(string(s))
}

// trackerState gives the word for a tracker's state.
func (e *env) trackerState(s banto.TrackerState) string {
	switch s {
	case banto.TrackerPlanned:
		return e.say("planned")
	case banto.TrackerQueued:
		return e.say("queued")
	case banto.TrackerRunning:
		return e.say("running")
	case banto.TrackerHeld:
		return e.say("held")
	case banto.TrackerBlocked:
		return e.say("blocked")
	case banto.TrackerOK:
		return e.say("ok")
	case banto.TrackerWarning:
		return e.say("warning")
	case banto.TrackerError:
		return e.say("error")
	case banto.TrackerCancelled:
		return e.say("cancelled")
	}
	return plain(string(s))
}

// hostState gives the word for a host's state.
func (e *env) hostState(s banto.HostState) string {
	switch s {
	case banto.HostConnected:
		return e.say("connected")
	case banto.HostLost:
		return e.say("lost")
	case banto.HostNever:
		return e.say("never seen")
	}
	return plain(string(s))
}

// outlet gives the words for the way that leads to a part, when it is not the
// usual one.
func (e *env) outlet(name string) string {
	switch name {
	case "", "done":
		return ""
	case "ok":
		return e.say("on ok")
	case "warning":
		return e.say("on warning")
	case "error":
		return e.say("on error")
	case "ended":
		return e.say("when ended")
	}
	return e.say("by %s", plain(name))
}

// reason gives the words for why an attempt or part ended as it did.
func (e *env) reason(r banto.Reason) string {
	switch r {
	case banto.ReasonExit:
		return e.say("its exit code")
	case banto.ReasonSignal:
		return e.say("ended by a signal")
	case banto.ReasonTimeout:
		return e.say("it ran longer than its timeout")
	case banto.ReasonKilled:
		return e.say("killed")
	case banto.ReasonNoProgram:
		return e.say("the program does not exist")
	case banto.ReasonNoDirectory:
		return e.say("the directory does not exist")
	case banto.ReasonNoAccount:
		return e.say("the user does not exist")
	case banto.ReasonNoRight:
		return e.say("the agent has no right to")
	case banto.ReasonExpired:
		return e.say("the user or its password has expired")
	case banto.ReasonLogonFailed:
		return e.say("the user could not log on")
	case banto.ReasonMemory:
		return e.say("it used more memory than it may")
	case banto.ReasonUnkillable:
		return e.say("it could not be killed, and may still be there")
	case banto.ReasonForced:
		return e.say("a person said the outcome")
	case banto.ReasonNoHost:
		return e.say("the host is not known")
	case banto.ReasonNotStarted:
		return e.say("the host could not start it")
	case banto.ReasonVariables:
		return e.say("what it set is not what it declared")
	case banto.ReasonExpression:
		return e.say("an expression had no value")
	case banto.ReasonNoWay:
		return e.say("no way of the branch is true")
	case banto.ReasonJobnet:
		return e.say("its jobnet ended in error")
	case banto.ReasonEnd:
		return e.say("it ends the jobnet")
	case banto.ReasonLost:
		return e.say("the host did not come back")
	case banto.ReasonHostRestarted:
		return e.say("the host started anew")
	case banto.ReasonKeeperDied:
		return e.say("its keeper died")
	}
	return plain(string(r))
}
