package commands

import "iter"

// All gives every entry of the reviewed list, by its lower-case name, in no particular order.
func All() iter.Seq2[string, *Command] {
	return func(yield func(string, *Command) bool) {
		for _, s := range index.slots {
			if s.name != "" && !yield(s.name, s.value) {
				return
			}
		}
	}
}

// Refusal is the complete error reply of an entry that is refused.
func (c *Command) Refusal() string {
	if c.Reply != "" {
		return "-" + c.Reply + "\r\n"
	}
	return "-DENIED " + c.Why + "\r\n"
}
