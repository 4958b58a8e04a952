// Package fabric is the connection between agents and managers: the messages,
// their subjects and version, the embedded NATS server, each host's own
// credentials, and the ways by which a host reaches its manager.
//
// It owns what goes over the wire and who may publish or subscribe where. It
// refuses to remember: core NATS delivers at most once, so what must arrive is
// repeated by gateway and link until it is acknowledged, and both drop what
// they have seen, by its ID. Nothing is buffered for a connection that is down.
//
// Hosts dial, over TLS (tls://), or over a WebSocket behind the manager's HTTPS
// port (wss://…/fabric), either way also through an HTTP proxy that knows
// CONNECT. Conn tries its endpoints in turn and says which it uses, the one that
// worked last first; one that says nothing is waited for beside the others, so
// that a manager that is stopped holds no host up. Explain says in words what
// keeps a host from its manager. Without encryption only loopback is spoken with.
//
// Managers that share a store have the same keys (ExportKeys, ImportKeys): what
// one has issued lets a host in at each. Only the active one serves the fabric.
//
// Promises: whatever way a host comes, its JWT lets it touch the two subjects of
// its own ID and nothing else; a key that was revoked is cut at once and is not
// let in again; no host is told of any address; versions that differ by no more
// than VersionsApart work together, and others are refused in words.
package fabric
