package vet

import (
	"slices"
	"strings"
)

// The functions that scripts may call.
var (
	baseFunctions = strings.Fields("type tonumber tostring ipairs pairs unpack")
	libraries     = map[string][]string{
		"redis":  strings.Fields("call pcall error_reply status_reply acl_check_cmd"),
		"string": strings.Fields("find match gmatch gsub rep format sub len lower upper byte char"),
		"table":  strings.Fields("insert remove concat"),
		"math":   strings.Fields("min max floor ceil abs huge"),
	}
)

var (
	dynamicFunctions = strings.Fields("load loadstring loadfile dofile require module")
	forbiddenNames   = strings.Fields("setfenv getfenv rawget rawset rawequal rawlen setmetatable getmetatable coroutine os io debug package cjson " +
		"cmsgpack struct bit newproxy collectgarbage gcinfo print pcall xpcall error assert select next server")
)

// reserved names must not be given to anything else.
func reserved(name string) bool {
	return name == "KEYS" || name == "ARGV" || name == "_G" || libraries[name] != nil || slices.Contains(baseFunctions, name) ||
		slices.Contains(dynamicFunctions, name) || slices.Contains(forbiddenNames, name)
}
