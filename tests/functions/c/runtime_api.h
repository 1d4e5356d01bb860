/* The Runtime API over one connection, which is kept. */

#ifndef RUNTIME_API_H
#define RUNTIME_API_H

#include <stddef.h>

struct invocation {
    char request_id[64];
    char function_arn[256];
    long long deadline_ms;
    char *event;
    size_t size;
};

void next_invocation(struct invocation *invocation);

/* `outcome` is response or error. */
void post(const struct invocation *invocation, const char *outcome, const char *body, size_t size);

/* A response as it is written: begin, any number of pieces, and one of size 0 at the end. */
void begin_stream(const struct invocation *invocation);
void post_piece(const char *piece, size_t size);

#endif
