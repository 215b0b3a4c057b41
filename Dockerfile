# A static binary in an empty image: docker build -t atomicproxy .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.release=${VERSION}" -o /proxy ./cmd/proxy

FROM scratch
# Authorities for rediss:// upstreams.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /proxy /proxy
USER 65532:65532
# Loopback inside a container is nobody's. The admin server stays there, for the
# health check; set ATOMICPROXY_ADMIN=0.0.0.0:9180 to let monitoring reach it.
ENV ATOMICPROXY_LISTEN=0.0.0.0:6380
EXPOSE 6380
# Alive, not ready: restarting the proxy does not mend an upstream.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/proxy", "health"]
ENTRYPOINT ["/proxy"]
