package session

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"github.com/atomicproxy/atomicproxy/proxy/resp"
)

var (
	discardFrame = resp.AppendCommandStrings(nil, "DISCARD")
	abortFrame   = resp.AppendCommandStrings(nil, "EVALSHA") // a wrong number of arguments everywhere
)

// poisonName begins a command name that no server has. Its error names it, and
// with it the text that the client is to read instead. An unknown name is
// refused before the ACL or a transaction is asked, and aborts a transaction.
const poisonName = "atomicproxy.refused."

// texts numbers the refusals that have been needed. They come from tables, so
// there are few.
var texts struct {
	sync.Mutex
	number map[string]int
	list   []string
}

// poisonFor returns the command that stands for the refusal with this text.
func poisonFor(text string) []byte {
	return resp.AppendCommandStrings(nil, poisonName+strconv.Itoa(textNumber(text)))
}

// poisonNaming does so for a text with a SHA1 in place of shaBlank. The command's
// name carries it, so that the text needs no number of its own.
func poisonNaming(text, sha string) []byte {
	return resp.AppendCommandStrings(nil, poisonName+strconv.Itoa(textNumber(text))+"."+sha)
}

func textNumber(text string) int {
	texts.Lock()
	defer texts.Unlock()
	n, ok := texts.number[text]
	if !ok {
		if texts.number == nil {
			texts.number = map[string]int{}
		}
		n = len(texts.list)
		texts.number[text] = n
		texts.list = append(texts.list, text)
	}
	return n
}

// refusalIn returns the refusal that an error reply of the upstream stands for;
// "" if it is not of that kind.
func refusalIn(reply []byte) string {
	_, rest, found := bytes.Cut(reply, []byte(poisonName))
	if !found {
		return ""
	}
	n, digits := 0, 0
	for digits < len(rest) && digits < 9 && rest[digits] >= '0' && rest[digits] <= '9' {
		n = n*10 + int(rest[digits]-'0')
		digits++
	}
	texts.Lock()
	defer texts.Unlock()
	if digits == 0 || n >= len(texts.list) {
		return ""
	}
	text := texts.list[n]
	if sha := rest[digits:]; len(sha) > len(shaBlank) && sha[0] == '.' && isHex(sha[1:1+len(shaBlank)]) {
		text = strings.Replace(text, shaBlank, string(sha[1:1+len(shaBlank)]), 1)
	}
	return text
}
