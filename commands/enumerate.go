package commands

import "iter"

// All gives every entry of the reviewed list, by its lower-case name, in no particular order.
func All() iter.Seq2[string, *Command] {
	return func(yield func(string, *Command) bool) {
		for _, c := range index {
			if c != nil && !yield(c.Name, c) {
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
