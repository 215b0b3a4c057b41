package proxy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// configValue is the place of one setting and how its value is spelt. Both
// setters leave the old value alone when they fail.
type configValue interface {
	setText(text string) error // environment, command line
	setTOML(v any) error       // as go-toml decodes into an any
	String() string            // as it would stand in the file
}

type stringValue struct{ p *string }

func (v stringValue) setText(s string) error { *v.p = s; return nil }
func (v stringValue) String() string         { return strconv.Quote(*v.p) }
func (v stringValue) setTOML(x any) error {
	s, ok := x.(string)
	if !ok {
		return fmt.Errorf(`want a string in quotes, found %s`, tomlKind(x))
	}
	*v.p = s
	return nil
}

// secretValue is a string that is never printed.
type secretValue struct{ stringValue }

func (v secretValue) String() string {
	if *v.p == "" {
		return `""`
	}
	return `"***"`
}

type boolValue struct{ p *bool }

var errBool = errors.New("want true or false")

func (v boolValue) String() string { return strconv.FormatBool(*v.p) }
func (v boolValue) setText(s string) error {
	switch s {
	case "true", "1":
		*v.p = true
	case "false", "0":
		*v.p = false
	default:
		return errBool
	}
	return nil
}
func (v boolValue) setTOML(x any) error {
	b, ok := x.(bool)
	if !ok {
		return fmt.Errorf("%w without quotes, found %s", errBool, tomlKind(x))
	}
	*v.p = b
	return nil
}

type intValue[T int | int64] struct{ p *T }

var errInt = errors.New("want a whole number")

func (v intValue[T]) String() string { return strconv.FormatInt(int64(*v.p), 10) }
func (v intValue[T]) setText(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return errInt
	}
	return v.setTOML(n)
}
func (v intValue[T]) setTOML(x any) error {
	n, ok := x.(int64)
	if !ok {
		return fmt.Errorf("%w without quotes, found %s", errInt, tomlKind(x))
	}
	if int64(T(n)) != n { // an int has 32 bits on small machines
		return errInt
	}
	*v.p = T(n)
	return nil
}

type sizeValue struct{ p *int64 }

func (v sizeValue) String() string { return strconv.Quote(FormatSize(*v.p)) }
func (v sizeValue) setText(s string) error {
	n, err := ParseSize(s)
	if err != nil {
		return err
	}
	*v.p = n
	return nil
}
func (v sizeValue) setTOML(x any) error {
	switch x := x.(type) {
	case string:
		return v.setText(x)
	case int64:
		if x < 0 {
			return errSize
		}
		*v.p = x
		return nil
	}
	return fmt.Errorf("%w, found %s", errSize, tomlKind(x))
}

type durationValue struct{ p *time.Duration }

// A bare number is refused: seconds and milliseconds are both common, and a
// guess would be wrong half of the time.
var errDuration = errors.New(`want a duration in quotes with its unit, such as "500ms", "1s" or "2m"`)

func (v durationValue) String() string { return strconv.Quote(formatDuration(*v.p)) }
func (v durationValue) setText(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return errDuration
	}
	*v.p = d
	return nil
}
func (v durationValue) setTOML(x any) error {
	s, ok := x.(string)
	if !ok {
		return fmt.Errorf("%w, found %s", errDuration, tomlKind(x))
	}
	return v.setText(s)
}

// formatDuration drops the zero parts of "1m0s" and "1h0m0s".
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

type listValue struct{ p *[]string }

func (v listValue) String() string {
	quoted := make([]string, len(*v.p))
	for i, s := range *v.p {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
func (v listValue) setText(text string) error {
	var list []string
	if text != "" {
		for s := range strings.SplitSeq(text, ",") {
			list = append(list, strings.TrimSpace(s))
		}
	}
	*v.p = list
	return nil
}
func (v listValue) setTOML(x any) error {
	items, ok := x.([]any)
	if !ok {
		return fmt.Errorf(`want a list such as ["a", "b"], found %s`, tomlKind(x))
	}
	var list []string // stays nil for an empty list, so that it equals the default
	for i, item := range items {
		s, ok := item.(string)
		if !ok {
			return fmt.Errorf("want a list of strings in quotes; element %d is %s", i+1, tomlKind(item))
		}
		list = append(list, s)
	}
	*v.p = list
	return nil
}

// tomlKind names what stood in the file, for messages. The value itself is not
// repeated: it may be a password in the wrong place.
func tomlKind(x any) string {
	switch x.(type) {
	case string:
		return "a string"
	case int64:
		return "a whole number"
	case float64:
		return "a decimal number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}
