package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// KeySpec says where keys stand among a command's arguments, as Redis's key_specs do: a place to begin, and how to go on
// from there. Positions count from the command's name, which is 0.
type KeySpec struct {
	Notes     string
	Flags     []string // as COMMAND INFO writes them: "RW", "access"
	Pos       int      // begin here; unused if Keyword is set
	Keyword   string   // begin behind this word
	StartFrom int      // and look for it from here; negative: from the end, backwards

	LastKey, Step, Limit int  // range: see Redis's documentation of key specifications
	KeyNum               bool // the number of keys is an argument, at KeyNumIdx from the beginning
	KeyNumIdx, FirstKey  int
}

// keySpecJSON is the form of Redis's command files.
type keySpecJSON struct {
	Notes string   `json:"notes"`
	Flags []string `json:"flags"`
	Begin struct {
		Index   *struct{ Pos int } `json:"index"`
		Keyword *struct {
			Keyword   string
			StartFrom int
		} `json:"keyword"`
	} `json:"begin_search"`
	Find struct {
		Range *struct {
			LastKey, Step, Limit int
		} `json:"range"`
		KeyNum *struct {
			KeyNumIdx, FirstKey, Step int
		} `json:"keynum"`
	} `json:"find_keys"`
}

// parseKeySpecs reads key_specs. What it can't read it refuses: clients would send the command to a wrong node.
func parseKeySpecs(raw json.RawMessage) ([]KeySpec, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var list []keySpecJSON
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("key_specs: %w", err)
	}
	var out []KeySpec
	for i := range list {
		k, err := list[i].compile()
		if err != nil {
			return nil, fmt.Errorf("key_specs[%d]: %w", i, err)
		}
		out = append(out, k)
	}
	return out, nil
}

func (j *keySpecJSON) compile() (KeySpec, error) {
	k := KeySpec{Notes: j.Notes}
	for _, f := range j.Flags {
		if len(f) > 2 { // RO, RW, OW and RM stay as they are
			f = strings.ToLower(f)
		}
		k.Flags = append(k.Flags, f)
	}
	switch begin := j.Begin; {
	case (begin.Index == nil) == (begin.Keyword == nil):
		return k, errors.New("begin_search must have one of index and keyword")
	case begin.Index != nil:
		k.Pos = begin.Index.Pos
		if k.Pos < 1 {
			return k, errors.New("pos must be at least 1")
		}
	default:
		k.Keyword, k.StartFrom = begin.Keyword.Keyword, begin.Keyword.StartFrom
		if k.Keyword == "" || k.StartFrom == 0 {
			return k, errors.New("keyword and startfrom must not be empty")
		}
	}
	switch find := j.Find; {
	case (find.Range == nil) == (find.KeyNum == nil):
		return k, errors.New("find_keys must have one of range and keynum")
	case find.Range != nil:
		k.LastKey, k.Step, k.Limit = find.Range.LastKey, find.Range.Step, find.Range.Limit
	default:
		k.KeyNum = true
		k.KeyNumIdx, k.FirstKey, k.Step = find.KeyNum.KeyNumIdx, find.KeyNum.FirstKey, find.KeyNum.Step
	}
	if k.Step < 1 || k.Limit < 0 {
		return k, errors.New("step must be at least 1 and limit not negative")
	}
	return k, nil
}

// plain reports whether the first, last and step of old clients tell it all.
func (k *KeySpec) plain() bool { return k.Keyword == "" && !k.KeyNum }

// movable is Redis's movablekeys: old clients have to ask COMMAND GETKEYS.
func movable(specs []KeySpec) bool {
	for i := range specs {
		if !specs[i].plain() {
			return true
		}
	}
	return false
}

// legacyRange is what COMMAND shows besides the key specs: first key, last key (negative: from the end) and step.
func legacyRange(specs []KeySpec) (first, last, step int) {
	for i := range specs {
		k := &specs[i]
		if !k.plain() {
			continue
		}
		end := k.LastKey
		if end >= 0 {
			end += k.Pos
		}
		switch {
		case first == 0:
			first, last, step = k.Pos, end, k.Step
		case k.Pos == last+1 && step == 1 && k.Step == 1: // goes on where that before ended
			last = end
		}
	}
	return first, last, step
}

// Key is one key that a command names, and what happens to it.
type Key struct {
	Name  []byte
	Flags []string
}

// FindKeys returns the keys among args, which begin with the command's name. ok is false if they don't fit the command.
func (d *Description) FindKeys(args [][]byte) (keys []Key, ok bool) {
	for i := range d.Keys {
		k := &d.Keys[i]
		first := k.begin(args)
		if first == 0 {
			continue // the keyword is not there, and so no key of this kind
		}
		first, last, ok := k.extent(first, args)
		if !ok {
			return nil, false
		}
		for at := first; at <= last; at += k.Step {
			keys = append(keys, Key{args[at], k.Flags})
		}
	}
	return keys, len(keys) > 0
}

// begin is where the search begins; 0: nowhere.
func (k *KeySpec) begin(args [][]byte) int {
	if k.Keyword == "" {
		return k.Pos
	}
	at, step := k.StartFrom, 1
	if at < 0 {
		at, step = at+len(args), -1
	}
	for ; at > 0 && at < len(args); at += step {
		if bytes.EqualFold(args[at], []byte(k.Keyword)) {
			return at + 1
		}
	}
	return 0
}

// extent is where the first and the last key stand, both among args.
func (k *KeySpec) extent(first int, args [][]byte) (from, last int, ok bool) {
	switch {
	case k.KeyNum:
		at := first + k.KeyNumIdx
		if at < 1 || at >= len(args) {
			return 0, 0, false
		}
		n, err := strconv.Atoi(string(args[at]))
		if err != nil || n < 1 || n > len(args) {
			return 0, 0, false
		}
		first += k.FirstKey
		last = first + (n-1)*k.Step
	case k.LastKey >= 0:
		last = first + k.LastKey
	case k.Limit > 1:
		last = first + (len(args)-first)/k.Limit + k.LastKey
	default:
		last = len(args) + k.LastKey
	}
	return first, last, first >= 1 && last < len(args) && first <= last
}
