#define _GNU_SOURCE
#include "runtime_api.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define VERSION "/2018-06-01/runtime/invocation/"

static FILE *from_api, *to_api;

static void give_up(const char *what) {
    perror(what);
    exit(70);
}

static void connect_once(void) {
    if (from_api) return;
    char *host = strdup(getenv("AWS_LAMBDA_RUNTIME_API"));
    char *port = strrchr(host, ':');
    *port++ = 0;
    struct addrinfo wish = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, port, &wish, &found)) give_up("getaddrinfo");
    int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(descriptor, found->ai_addr, found->ai_addrlen)) give_up("connect");
    freeaddrinfo(found);
    free(host);
    from_api = fdopen(descriptor, "r");
    to_api = fdopen(descriptor, "w");
}

static void keep(char *to, size_t size, const char *line, const char *name) {
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) == 0) snprintf(to, size, "%s", line + length);
}

/* Read an answer; the body is the caller's to free. */
static char *read_answer(struct invocation *invocation, size_t *size) {
    char line[65536], length[32] = "0", deadline[32] = "0";
    while (fgets(line, sizeof line, from_api)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!*line) break;
        keep(length, sizeof length, line, "Content-Length: ");
        keep(deadline, sizeof deadline, line, "Lambda-Runtime-Deadline-Ms: ");
        keep(invocation->request_id, sizeof invocation->request_id, line,
             "Lambda-Runtime-Aws-Request-Id: ");
        keep(invocation->function_arn, sizeof invocation->function_arn, line,
             "Lambda-Runtime-Invoked-Function-Arn: ");
    }
    invocation->deadline_ms = atoll(deadline);
    *size = strtoul(length, NULL, 10);
    char *body = calloc(*size + 1, 1);
    if (fread(body, 1, *size, from_api) != *size) give_up("the Runtime API");
    return body;
}

static void read_acknowledgement(void) {
    struct invocation ignored;
    size_t size;
    free(read_answer(&ignored, &size));
}

void next_invocation(struct invocation *invocation) {
    connect_once();
    fprintf(to_api, "GET " VERSION "next HTTP/1.1\r\nHost: lambda\r\n\r\n");
    fflush(to_api);
    invocation->event = read_answer(invocation, &invocation->size);
}

void post(const struct invocation *invocation, const char *outcome, const char *body, size_t size) {
    fprintf(to_api, "POST " VERSION "%s/%s HTTP/1.1\r\nHost: lambda\r\nContent-Length: %zu\r\n\r\n",
            invocation->request_id, outcome, size);
    fwrite(body, 1, size, to_api);
    fflush(to_api);
    read_acknowledgement();
}

void begin_stream(const struct invocation *invocation) {
    fprintf(to_api,
            "POST " VERSION "%s/response HTTP/1.1\r\nHost: lambda\r\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
            "Transfer-Encoding: chunked\r\n\r\n",
            invocation->request_id);
}

void post_piece(const char *piece, size_t size) {
    fprintf(to_api, "%zx\r\n", size);
    fwrite(piece, 1, size, to_api);
    fprintf(to_api, "\r\n");
    fflush(to_api);
    if (size == 0) read_acknowledgement();
}
