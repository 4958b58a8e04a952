package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/audit"
	"github.com/bantoops/banto/auth"
)

// route is one line of the table.
type route struct {
	id      string // of the operation, in the OpenAPI document
	method  string
	path    string
	access  auth.Access
	tag     string
	summary string
	mount   mount

	about   string        // more than the summary says
	status  int           // of a success; 0: 200, or 204 without a body
	action  audit.Action  // of a change, for the audit trail
	limit   int64         // bytes of a body; 0: 1 MiB
	timeout time.Duration // 0: 30 s; negative: a stream, no limit
	alone   bool          // one at a time
	by      by            // which manager answers
	open    bool          // callers on this machine need no token, if Options.OpenMetrics says so
}

// by says which of the managers that share a store answers a route.
type by int

const (
	anyone      by = iota // whoever is asked: all of it is in the store
	leaderFirst           // the active one, which knows more; when it cannot be reached, whoever is asked
	leaderOnly            // the active one
)

// The limits of a request, unless its route says otherwise.
const (
	bodyLimit      = 1 << 20
	applyBodyLimit = banto.MaxApply * 3 / 2 // the text and what JSON adds to it
	moveBodyLimit  = 16 << 20               // a hundred thousand parts by name
	joinBodyLimit  = 16 << 10               // from somebody whom nobody knows yet
	callTimeout    = 30 * time.Second
	applyTimeout   = 5 * time.Minute
	stream         = -1
)

// routes is the one table of routes.
func (s *server) routes() []route {
	return []route{
		{id: "get-version", method: http.MethodGet, path: "/api/v1/version", access: auth.Public, tag: "manager",
			summary: "Tell what answers", mount: handle(s.getVersion)},
		{id: "healthz", method: http.MethodGet, path: "/healthz", access: auth.Public, tag: "manager",
			summary: "Say that the process lives", mount: handle(s.healthz)},
		{id: "readyz", method: http.MethodGet, path: "/readyz", access: auth.Public, tag: "manager",
			summary: "Say whether the manager takes work", mount: handle(s.readyz),
			about: "200 when it does, and of a standby when it can pass work on; 503 with the reasons when it cannot."},
		{id: "leader", method: http.MethodGet, path: "/leader", access: auth.Public, tag: "manager",
			summary: "Say whether this manager is the active one, for load balancers", mount: handle(s.getLeader),
			about: "200 on the active manager; 503 with the active one's URL elsewhere."},
		{id: "list-managers", method: http.MethodGet, path: "/api/v1/managers", access: auth.Read, tag: "manager",
			summary: "List the managers that share the store, by name", mount: handle(s.listManagers), by: leaderFirst},
		{id: "hand-over", method: http.MethodPost, path: "/api/v1/managers/handover", access: auth.Admin, tag: "manager",
			summary: "Let another manager take over at once", mount: handle(s.handOver), action: audit.ManagerHandOver, by: leaderOnly},
		{id: "backup", method: http.MethodGet, path: "/api/v1/backup", access: auth.Admin, tag: "manager",
			summary: "Take a backup of the store while it is in use", mount: mountBackup, timeout: stream, by: leaderFirst},
		{id: "get-recovery", method: http.MethodGet, path: "/api/v1/recovery", access: auth.Read, tag: "manager",
			summary: "Tell what a manager that started held has found", mount: handle(s.getRecovery), by: leaderOnly},
		{id: "confirm-recovery", method: http.MethodPost, path: "/api/v1/recovery/confirm", access: auth.Admin, tag: "manager",
			summary: "Let a manager that started held go on", mount: handle(s.confirmRecovery), action: audit.RecoveryConfirm, by: leaderOnly,
			about: "With dry_run it says what would come of it."},
		{id: "get-manager", method: http.MethodGet, path: "/api/v1/manager", access: auth.Read, tag: "manager",
			summary: "Tell the manager's version and the environment it works in", mount: handle(s.getManager)},
		{id: "doctor", method: http.MethodGet, path: "/api/v1/doctor", access: auth.Read, tag: "manager",
			summary: "Tell what is wrong, and what is right, with the manager and its hosts", mount: handle(s.doctor), by: leaderFirst},
		{id: "metrics", method: http.MethodGet, path: "/metrics", access: auth.Read, tag: "manager", open: true,
			summary: "Show the figures of this manager, in the form of Prometheus", mount: mountMetrics},
		{id: "profile", method: http.MethodGet, path: "/debug/pprof/{profile}", access: auth.Admin, tag: "manager",
			summary: "Take a profile of this manager, for go tool pprof", mount: mountProfile, timeout: stream},

		{id: "apply", method: http.MethodPost, path: "/api/v1/apply", access: auth.Design, tag: "jobnets",
			summary: "Make definitions the ones in use, all or none", mount: handle(s.apply),
			action: audit.JobnetApply, by: leaderOnly, limit: applyBodyLimit, timeout: applyTimeout, alone: true},
		{id: "list-jobnets", method: http.MethodGet, path: "/api/v1/jobnets", access: auth.Read, tag: "jobnets",
			summary: "List the jobnets in use, by path", mount: handle(s.listJobnets)},
		{id: "get-jobnet", method: http.MethodGet, path: "/api/v1/jobnets/{path}", access: auth.Read, tag: "jobnets",
			summary: "Read one version of a jobnet with its text", mount: handle(s.getJobnet)},
		{id: "list-jobnet-versions", method: http.MethodGet, path: "/api/v1/jobnets/{path}/versions", access: auth.Read, tag: "jobnets",
			summary: "List the versions of a jobnet, newest first", mount: handle(s.listVersions)},
		{id: "diff-jobnet", method: http.MethodPost, path: "/api/v1/jobnets/{path}/diff", access: auth.Read, tag: "jobnets",
			summary: "Compare two versions of a jobnet, or one with a text", mount: handle(s.diffJobnet), limit: applyBodyLimit},
		{id: "delete-jobnet", method: http.MethodDelete, path: "/api/v1/jobnets/{path}", access: auth.Design, tag: "jobnets",
			summary: "Take a jobnet out of use", mount: handle(s.deleteJobnet), action: audit.JobnetDelete, by: leaderOnly},

		{id: "submit", method: http.MethodPost, path: "/api/v1/trackers", access: auth.Operate, tag: "trackers",
			summary: "Ask for a run of a jobnet now", mount: handle(s.submit), action: audit.TrackerSubmit, by: leaderOnly, status: http.StatusCreated,
			about: "201 when it made a tracker, 200 when the Idempotency-Key had made it before."},
		{id: "list-trackers", method: http.MethodGet, path: "/api/v1/trackers", access: auth.Read, tag: "trackers",
			summary: "List trackers, newest first", mount: handle(s.listTrackers)},
		{id: "get-tracker", method: http.MethodGet, path: "/api/v1/trackers/{tracker}", access: auth.Read, tag: "trackers",
			summary: "Read a tracker as it stands now", mount: handle(s.getTracker), by: leaderFirst},
		{id: "list-parts", method: http.MethodGet, path: "/api/v1/trackers/{tracker}/parts", access: auth.Read, tag: "trackers",
			summary: "List the parts of a tracker, in the order of the definition", mount: handle(s.listParts)},
		{id: "list-attempts", method: http.MethodGet, path: "/api/v1/trackers/{tracker}/attempts", access: auth.Read, tag: "trackers",
			summary: "List the attempts of a tracker, oldest first", mount: handle(s.listAttempts)},
		{id: "watch-tracker", method: http.MethodGet, path: "/api/v1/trackers/{tracker}/events", access: auth.Read, tag: "trackers",
			summary: "Follow a tracker: server-sent events", mount: mountEvents(s.watchTracker), timeout: stream, by: leaderOnly},
		{id: "list-tracker-history", method: http.MethodGet, path: "/api/v1/trackers/{tracker}/history", access: auth.Read, tag: "trackers",
			summary: "List what people did to a tracker, newest first", mount: handle(s.listHistory)},
		{id: "move-tracker", method: http.MethodPost, path: "/api/v1/trackers/{tracker}/moves", access: auth.Operate, tag: "trackers",
			summary: "Hold, release, skip, force-end, kill, cancel, rerun or comment on a tracker or parts of it", mount: handle(s.move),
			action: audit.OfMove("move"), by: leaderOnly, limit: moveBodyLimit,
			about: "With dry_run it says what would change. A move that makes no sense is refused and has changed nothing."},
		{id: "rerun-tracker", method: http.MethodPost, path: "/api/v1/trackers/{tracker}/rerun", access: auth.Operate, tag: "trackers",
			summary: "Run parts of a tracker again", mount: handle(s.rerun), action: audit.TrackerRerun, by: leaderOnly},
		{id: "cancel-tracker", method: http.MethodPost, path: "/api/v1/trackers/{tracker}/cancel", access: auth.Operate, tag: "trackers",
			summary: "Kill what runs in a tracker and start nothing more", mount: handle(s.cancel), action: audit.TrackerCancel, by: leaderOnly},

		{id: "get-attempt", method: http.MethodGet, path: "/api/v1/attempts/{attempt}", access: auth.Read, tag: "attempts",
			summary: "Read one attempt", mount: handle(s.getAttempt)},
		{id: "get-output", method: http.MethodGet, path: "/api/v1/attempts/{attempt}/output", access: auth.Read, tag: "attempts",
			summary: "Read a piece of what an attempt printed, or wait for it", mount: handle(s.getOutput), timeout: 2 * callTimeout, by: leaderFirst},

		{id: "list-hosts", method: http.MethodGet, path: "/api/v1/hosts", access: auth.Read, tag: "hosts",
			summary: "List the hosts, by name", mount: handle(s.listHosts), by: leaderFirst},
		{id: "get-host", method: http.MethodGet, path: "/api/v1/hosts/{host}", access: auth.Read, tag: "hosts",
			summary: "Read a host", mount: handle(s.getHost), by: leaderFirst},
		{id: "change-host", method: http.MethodPatch, path: "/api/v1/hosts/{host}", access: auth.Admin, tag: "hosts",
			summary: "Change a host's labels, or whether it takes new work", mount: handle(s.changeHost), action: audit.HostChange, by: leaderOnly},
		{id: "remove-host", method: http.MethodDelete, path: "/api/v1/hosts/{host}", access: auth.Admin, tag: "hosts",
			summary: "Remove a host and shut its key out", mount: handle(s.removeHost), action: audit.HostRemove, by: leaderOnly,
			about: "Refused while attempts are, or may be, on it, unless force is given: they end in error, as lost."},
		{id: "enrol-host", method: http.MethodPost, path: "/api/v1/hosts/enrolments", access: auth.Admin, tag: "hosts",
			summary: "Make a token with which one machine joins, once", mount: handle(s.enrol), action: audit.HostEnrol, by: leaderOnly, status: http.StatusCreated},
		{id: "join", method: http.MethodPost, path: "/api/v1/join", access: auth.Public, tag: "hosts",
			summary: "Take this machine in as a host", mount: handle(s.join), limit: joinBodyLimit, by: leaderOnly,
			about: "The secret of a join token is the credential. The same secret with the same key gives the same host again."},

		{id: "list-groups", method: http.MethodGet, path: "/api/v1/groups", access: auth.Read, tag: "hosts",
			summary: "List the host groups with the hosts that are in them, by name", mount: handle(s.listGroups), by: leaderOnly},
		{id: "get-group", method: http.MethodGet, path: "/api/v1/groups/{group}", access: auth.Read, tag: "hosts",
			summary: "Read a host group", mount: handle(s.getGroup), by: leaderOnly},
		{id: "delete-group", method: http.MethodDelete, path: "/api/v1/groups/{group}", access: auth.Design, tag: "hosts",
			summary: "Take a host group out of use", mount: handle(s.deleteGroup), action: audit.GroupDelete, by: leaderOnly},
		{id: "list-accounts", method: http.MethodGet, path: "/api/v1/accounts", access: auth.Read, tag: "accounts",
			summary: "List the accounts, by name", mount: handle(s.listAccounts), by: leaderOnly},
		{id: "get-account", method: http.MethodGet, path: "/api/v1/accounts/{account}", access: auth.Read, tag: "accounts",
			summary: "Read an account", mount: handle(s.getAccount), by: leaderOnly},
		{id: "delete-account", method: http.MethodDelete, path: "/api/v1/accounts/{account}", access: auth.Design, tag: "accounts",
			summary: "Take an account out of use", mount: handle(s.deleteAccount), action: audit.AccountDelete, by: leaderOnly},
		{id: "release-account", method: http.MethodPost, path: "/api/v1/accounts/{account}/release", access: auth.Operate, tag: "accounts",
			summary: "Let an account be tried again that too many failed logons had blocked", mount: handle(s.releaseAccount),
			action: audit.AccountRelease, by: leaderOnly},

		{id: "list-audit", method: http.MethodGet, path: "/api/v1/audit", access: auth.Admin, tag: "audit",
			summary: "List who did what, newest first", mount: handle(s.listAudit)},
	}
}

// mount registers a handler for an operation.
type mount func(s *server, r route, op huma.Operation)

// handle mounts a function that answers with one document.
func handle[I, O any](fn func(context.Context, *I) (*O, error)) mount {
	return func(s *server, r route, op huma.Operation) {
		huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
			requestOf(ctx).bodyIsRead()
			out, err := fn(ctx, in)
			if err != nil {
				if action := actionOf(r, in); action != "" {
					s.auditRefusal(ctx, action, objectOf(in), err)
				}
				return nil, s.refuse(ctx, err)
			}
			return out, nil
		})
	}
}

// actionOf gives the change that was asked for; some requests say it themselves.
func actionOf(r route, in any) audit.Action {
	if o, ok := in.(interface{ action() audit.Action }); ok {
		return o.action()
	}
	return r.action
}

// objectOf names what a change was asked of.
func objectOf(in any) string {
	if o, ok := in.(interface{ object() string }); ok {
		return o.object()
	}
	return ""
}

// register puts a route behind its walls and into the document.
func (s *server) register(r route) {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Description: r.about,
		Tags: []string{r.tag}, DefaultStatus: r.status, Extensions: map[string]any{"x-banto-access": r.access.String()},
		MaxBodyBytes: bodyLimit, BodyReadTimeout: callTimeout,
	}
	if r.limit > 0 {
		op.MaxBodyBytes = r.limit
	}
	if r.limit > bodyLimit {
		op.BodyReadTimeout = applyTimeout
	}
	if r.access != auth.Public {
		op.Security = []map[string][]string{{"token": {}}}
		op.Middlewares = append(op.Middlewares, s.guard(r))
	}
	op.Middlewares = append(op.Middlewares, s.frame(r))
	s.byPattern[r.method+" "+r.path] = r
	r.mount(s, r, op)
}
