package jobnet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of groups and accounts.
const (
	maxGroupHosts = 10_000
	maxUsers      = 1000 // of one account
	maxUser       = 256  // characters of the name of an OS user
)

const hostNameHint = "host names hold Latin letters, digits, -, _ and ."

// Check reports what is wrong with a group, whatever hosts there are.
func (g *Group) Check(r *Report) {
	r.File = g.File
	checkName(g.Name, "group", g.Pos, g.Faulty, r)
	at := func(key string) Pos { return placed(g.KeyPos, key, g.Pos) }
	switch g.Pick {
	case "", PickLeastLoaded, PickRoundRobin, PickFirstAlive, PickAll:
	default:
		r.Add(at("pick"), "pick", fmt.Sprintf("%q is not a way to choose a host", clip(string(g.Pick))), "write least-loaded, round-robin, first-alive or all")
	}
	switch {
	case len(g.Hosts) == 0 && len(g.Labels) == 0:
		if !g.Faulty {
			r.Add(at("hosts"), "hosts", "the group has no hosts", "write hosts: [db01, db02], or hosts: {labels: {role: batch}}")
		}
	case len(g.Hosts) > 0 && len(g.Labels) > 0:
		r.Add(at("hosts"), "hosts", "the group has names and labels", "make two groups of it")
	case len(g.Hosts) > maxGroupHosts:
		r.Add(at("hosts"), "hosts", fmt.Sprintf("the group has %d hosts, more than %d", len(g.Hosts), maxGroupHosts), "give the hosts a label, and name that")
		return
	}
	first := make(map[string]int, len(g.Hosts))
	for i, name := range g.Hosts {
		key := "hosts." + strconv.Itoa(i)
		fault := hostNameFault(name)
		if name == "" {
			fault = "is empty"
		}
		if fault != "" {
			r.Add(at(key), "hosts", fmt.Sprintf("the host name %q %s", clip(name), fault), hostNameHint)
		}
		if _, twice := first[name]; twice {
			r.Add(at(key), "hosts", fmt.Sprintf("%s stands here twice", clip(name)), "take one of them away")
		}
		first[name] = i
	}
	checkLabels(g.Labels, at("hosts.labels"), "hosts.labels", r)
}

// Check reports what is wrong with an account, whatever hosts there are.
func (a *Account) Check(r *Report) {
	r.File = a.File
	checkName(a.Name, "account", a.Pos, a.Faulty, r)
	at := placed(a.KeyPos, "users", a.Pos)
	if len(a.Users) == 0 && !a.Faulty {
		r.Add(at, "users", "the account is nobody", "write users: [{user: batch}]")
	}
	if len(a.Users) > maxUsers {
		r.Add(at, "users", fmt.Sprintf("the account has %d users, more than %d", len(a.Users), maxUsers), "put hosts into groups")
		return
	}
	seen := map[string]bool{}
	for i := range a.Users {
		u := &a.Users[i]
		path := "users." + strconv.Itoa(i)
		if fault := userFault(u.User); fault != "" && !(a.Faulty && u.User == "") {
			r.Add(placed(u.KeyPos, "user", u.Pos), path+".user", "the OS user "+fault, `such as batch, or 'DOM\batch' on Windows`)
		}
		_, labels := ParseLabels(u.Hosts)
		if fault := hostNameFault(u.Hosts); fault != "" && !labels {
			r.Add(placed(u.KeyPos, "hosts", u.Pos), path+".hosts", fmt.Sprintf("the host name %q %s", clip(u.Hosts), fault), hostNameHint)
		}
		switch {
		case a.Faulty: // hosts that could not be read are not all hosts
		case seen[""]:
			r.Add(u.Pos, path, "an entry before it is for all hosts, so this one is for none", "write the entry without hosts last")
		case seen[u.Hosts]:
			r.Add(u.Pos, path, fmt.Sprintf("there are two entries for %s", clip(u.Hosts)), "take one of them away")
		}
		seen[u.Hosts] = true
	}
}

// HostRefs gives the names of hosts and groups that the account names, each
// once.
func (a *Account) HostRefs() []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, u := range a.Users {
		if !seen[u.Hosts] && !strings.Contains(u.Hosts, "=") {
			out = append(out, u.Hosts)
		}
		seen[u.Hosts] = true
	}
	return out
}

// checkName looks at the name of a group or an account, which is like that of
// a host: a host and a group stand in the same places.
func checkName(name, kind string, at Pos, faulty bool, r *Report) {
	fault := hostNameFault(name)
	switch {
	case name == "" && faulty:
	case name == "":
		r.Add(at, kind, "the "+kind+" has no name", "write "+kind+": with a name")
	case fault != "":
		r.Add(at, kind, fmt.Sprintf("the name %q %s", clip(name), fault), "names hold Latin letters, digits, -, _ and ., first a letter or digit")
	}
}

func checkLabels(labels map[string]string, at Pos, path string, r *Report) {
	if len(labels) > MaxLabels {
		r.Add(at, path, fmt.Sprintf("there are %d labels, more than a host can have", len(labels)), fmt.Sprintf("a host has up to %d", MaxLabels))
		return
	}
	for _, name := range sortedNames(labels) {
		if value := labels[name]; !ValidLabel(name) || !ValidLabel(value) {
			r.Add(at, path, fmt.Sprintf("%q cannot be a label", clip(name+": "+value)), LabelHint)
		}
	}
}

// userFault says why a text cannot be the name of an OS user, or "".
func userFault(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "is not said"
	case utf8.RuneCountInString(name) > maxUser:
		return fmt.Sprintf("has more than %d characters", maxUser)
	case name[0] == '-':
		return fmt.Sprintf("%q begins with a dash", clip(name))
	}
	for _, c := range name {
		if unicode.IsControl(c) {
			return fmt.Sprintf("holds %q", c)
		}
	}
	return ""
}

// placed gives where the value of a key stands, or at least its owner.
func placed(keys map[string]Pos, key string, owner Pos) Pos {
	if pos, ok := keys[key]; ok {
		return pos
	}
	return owner
}
