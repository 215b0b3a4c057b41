package commands

// ProxySubs are the subcommands of PROXY, which the proxy answers itself, in the order of its HELP.
var ProxySubs = []struct {
	Name, Args, Summary string
	Arity               int
}{
	{"clients", "", "Lists the clients of this proxy, on all its event loops.", 2},
	{"commands", "", "Lists the proxy's own commands and the SHA1 of their scripts.", 2},
	{"help", "", "Returns helpful text about the different subcommands.", 2},
	{"info", "", "Returns information about the proxy: its clients, commands, upstream and scripts.", 2},
	{"purge", " CANCEL id", "Ends a PURGE with SNAPSHOT or SWEEP, one's own or, for admins, anybody's.", 4},
	{"purges", "", "Lists the PURGEs with SNAPSHOT or SWEEP that are under way: one's own or, for admins, all.", 2},
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
			Group: group, Since: since, Arity: s.Arity, Flags: flags, Categories: d.Categories})
	}
	return d
}
