// Package commands says what each command of the Redis protocol is to a proxy, and turns the proxy's own commands into
// calls of vetted scripts.
//
// It has two halves that know nothing of each other.
//
// # The reviewed list
//
// Lookup finds what a native command does to the connection it is sent on: nothing (it may share a connection with other
// clients' commands), state that ends or can be made again elsewhere, state that lasts until the connection closes. Only
// commands that were reviewed one by one are on the list; a name that is missing must not share a connection unless the
// upstream does not know it either. The list holds names, not grammar: arity and arguments are the upstream's to judge.
//
// # The catalogue
//
// Load reads the custom commands, one NAME.json and one NAME.lua each, and compiles the JSON's argument grammar. A
// Custom checks a client's arguments as Redis checks those of its own commands (arity, then syntax from left to right,
// then what belongs together) and writes the complete EVALSHA frame. Client data reaches a script only as KEYS and ARGV.
//
// What the package does not know: connections, replies, users, which commands an upstream has, and whether the scripts
// are loaded there. Nothing here writes to shared memory after Load, so everything may be used by all goroutines at once.
package commands
