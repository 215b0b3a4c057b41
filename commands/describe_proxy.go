package commands

// ProxySubs are the subcommands of PROXY, which the proxy answers itself, in the order of its HELP.
var ProxySubs = []struct{ Name, Summary string }{
	{"clients", "Lists the clients of this proxy, on all its event loops."},
	{"commands", "Lists the proxy's own commands and the SHA1 of their scripts."},
	{"help", "Returns helpful text about the different subcommands."},
	{"info", "Returns information about the proxy: its clients, commands, upstream and scripts."},
}

// DescribeProxy describes PROXY. It is not of the catalogue: it calls no script.
func DescribeProxy() *Description {
	flags := []string{"admin", "noscript", "loading", "stale"}
	const group, since = "server", "0.1.0"
	d := &Description{Name: "proxy", Summary: "A container for commands about the proxy itself.", Complexity: "Depends on subcommand.",
		Group: group, Since: since, Arity: -2, Flags: flags, Categories: categories(flags, nil)}
	for _, s := range ProxySubs {
		cost := "O(1)"
		if s.Name == "clients" {
			cost = "O(N) where N is the number of clients"
		}
		d.Subs = append(d.Subs, &Description{Name: "proxy|" + s.Name, Summary: s.Summary, Complexity: cost,
			Group: group, Since: since, Arity: 2, Flags: flags, Categories: d.Categories})
	}
	return d
}
