// Package scripts holds the vetted commands: NAME.json says what a command is (in the form of Redis's own
// src/commands/*.json, with a few keys more), NAME.lua is what runs. fail.lua and marker.lua serve the proxy itself; package
// commands fills in their one blank each. part/ holds what several scripts begin with; Expand puts it in. Nothing is checked
// here: commands.Open does that. vetted.sum says which of
// them the vetter has seen.
package scripts

import "embed"

//go:embed *.lua *.json part/*.lua vetted.sum
var FS embed.FS
