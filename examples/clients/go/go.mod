module github.com/atomicproxy/atomicproxy/examples/clients/go

go 1.26.8

require (
	github.com/gomodule/redigo v1.9.3
	github.com/redis/rueidis v1.0.79
)

require golang.org/x/sys v0.47.0 // indirect
