// Package fabric is the connection between agents and managers: the messages,
// their subjects and version, the embedded NATS server, and each host's own
// credentials.
//
// It owns what goes over the wire and who may publish or subscribe where. It
// refuses to remember: core NATS delivers at most once, so what must arrive is
// repeated by gateway and link until it is acknowledged, and both drop what
// they have seen, by its ID. Nothing is buffered for a connection that is down.
package fabric
