/* hiredis with its default settings, through atomicproxy: try HOST:PORT
 *
 * Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
 * line on its input: whoever runs it restarts the server behind the proxy meanwhile. hiredis does not connect again by
 * itself, and need not: the proxy keeps the client's connection open.
 *
 * Build: cc -o try try.c -lhiredis */
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(redisContext *c, int line, const char *what, const char *want) {
    fprintf(stderr, "line %d: got %s, want %s%s%s\n", line, what, want, c->err ? "; " : "", c->err ? c->errstr : "");
    exit(1);
}

/* text writes a reply as redis-cli would in one line, so that a program can compare whole replies. */
static void text(const redisReply *r, char *out, size_t size) {
    size_t n = 0;
    switch (r ? r->type : -1) {
    case REDIS_REPLY_INTEGER: snprintf(out, size, "%lld", r->integer); return;
    case REDIS_REPLY_NIL: snprintf(out, size, "nil"); return;
    case REDIS_REPLY_ERROR: snprintf(out, size, "-%.*s", (int)strcspn(r->str, " "), r->str); return; /* its code */
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_STRING: snprintf(out, size, "%s", r->str); return;
    case REDIS_REPLY_ARRAY:
        n = snprintf(out, size, "[");
        for (size_t i = 0; i < r->elements && n < size - 2; i++) {
            if (i > 0) out[n++] = ' ';
            text(r->element[i], out + n, size - n);
            n += strlen(out + n);
        }
        snprintf(out + n, size - n, "]");
        return;
    default: snprintf(out, size, "(no reply)");
    }
}

/* next reads a reply that is owed and compares it. */
static void next(redisContext *c, int line, const char *want) {
    char got[512];
    void *r = NULL;
    if (redisGetReply(c, &r) != REDIS_OK) r = NULL;
    text(r, got, sizeof got);
    if (r) freeReplyObject(r);
    if (strcmp(got, want) != 0) fail(c, line, got, want);
}

/* same sends one command and compares its reply. */
static void same(redisContext *c, int line, const char *want, const char *format, ...) {
    va_list args;
    va_start(args, format);
    redisvAppendCommand(c, format, args);
    va_end(args);
    next(c, line, want);
}

#define NEXT(c, want) next(c, __LINE__, want)
#define SAME(c, want, ...) same(c, __LINE__, want, __VA_ARGS__)

/* flush writes what redisAppendCommand has collected, without reading a reply. */
static void flush(redisContext *c) {
    for (int done = 0; !done;)
        if (redisBufferWrite(c, &done) != REDIS_OK) fail(c, __LINE__, "a write error", "none");
}

static redisContext *client(const char *addr) {
    char host[64];
    int port;
    if (sscanf(addr, "%63[^:]:%d", host, &port) != 2) exit(2);
    redisContext *c = redisConnect(host, port);
    if (c == NULL || c->err) {
        fprintf(stderr, "connect: %s\n", c ? c->errstr : "no memory");
        exit(1);
    }
    return c;
}

static void ok(const char *step) {
    printf("ok %s\n", step);
    fflush(stdout);
}

static void pipeline(redisContext *c) {
    char want[16];
    for (int i = 0; i < 100; i++) redisAppendCommand(c, "INCR c:n");
    redisAppendCommand(c, "LPUSH c:n x"); /* an error in the middle, and everything after it in its place */
    redisAppendCommand(c, "GET c:n");
    for (int i = 1; i <= 100; i++) {
        snprintf(want, sizeof want, "%d", i);
        NEXT(c, want);
    }
    NEXT(c, "-WRONGTYPE");
    NEXT(c, "100");
    ok("pipeline");
}

static void transaction(redisContext *c, redisContext *other) {
    SAME(c, "OK", "WATCH c:a");
    SAME(other, "OK", "SET c:a other");
    SAME(c, "OK", "MULTI");
    SAME(c, "QUEUED", "SET c:a mine");
    SAME(c, "nil", "EXEC");
    SAME(c, "OK", "WATCH c:a");
    SAME(c, "OK", "MULTI");
    SAME(c, "QUEUED", "SET c:a mine");
    SAME(c, "QUEUED", "GET c:a");
    SAME(c, "[OK mine]", "EXEC");
    ok("transaction");
}

static void blocking(redisContext *c, redisContext *other) {
    SAME(c, "nil", "BLPOP c:q 1");
    redisAppendCommand(c, "BLPOP c:q 5");
    flush(c);
    usleep(200000);
    SAME(other, "1", "RPUSH c:q job");
    NEXT(c, "[c:q job]");
    ok("blocking");
}

static void pubsub(redisContext *c, redisContext *other) {
    SAME(c, "[subscribe c:news 1]", "SUBSCRIBE c:news");
    SAME(other, "1", "PUBLISH c:news hello");
    NEXT(c, "[message c:news hello]");
    SAME(c, "[unsubscribe c:news 0]", "UNSUBSCRIBE c:news");
    SAME(c, "mine", "GET c:a"); /* an ordinary connection again */
    ok("pubsub");
}

static void purge(redisContext *c) {
    for (int i = 0; i < 5; i++) SAME(c, "OK", "SET c:p:%d v", i);
    SAME(c, "5", "PURGE c:p:* DRYRUN");
    SAME(c, "5", "PURGE %s", "c:p:*");
    SAME(c, "0", "EXISTS c:p:0");
    SAME(c, "-DENIED", "PURGE *");
    ok("purge");
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    printf("client hiredis %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    redisContext *c = client(argv[1]), *other = client(argv[1]);
    SAME(c, "PONG", "PING");
    SAME(c, "OK", "SET c:a 1");
    SAME(c, "1", "GET c:a");
    ok("connect");
    pipeline(c);
    transaction(c, other);
    blocking(c, other);
    pubsub(c, other);
    purge(c);

    puts("RESTART");
    fflush(stdout);
    if (getchar() == EOF) return 1;
    SAME(c, "OK", "SET c:a again");
    SAME(other, "again", "GET c:a");
    SAME(other, "OK", "WATCH c:a");
    SAME(other, "OK", "MULTI");
    SAME(other, "QUEUED", "GET c:a");
    SAME(other, "[again]", "EXEC");
    ok("reconnect");
    redisFree(c);
    redisFree(other);
    return 0;
}
