// Package control is the proxy's own connection to an upstream: it finds out what the server is and can, loads the
// catalogue of scripts, and watches that the server answers. No client's command travels on it.
//
// What it promises: it connects in the background, however long the upstream is away, and looks at everything anew after
// each reconnection. A State is never changed once it is published. Abilities are found by trying, never by version.
//
// What it needs of its user on an upstream with ACLs: +script|load +script|exists +ping +info +command +hello
// +client|setinfo (where those names exist; 6.0: +client). It works with less and says in the State what it could not find out.
//
// What it does not know: clients and their users, data connections, Sentinel and Cluster. A server behind the same
// address that changed without closing the connection is noticed only when someone asks for the scripts to be loaded.
package control
