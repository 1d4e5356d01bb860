/* Does what its event says, {"do": …}: the same in every language. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "json.h"
#include "runtime_api.h"

#define PIECE (8L << 20)

static int count;
static long held;

/* Of a deed that fails: the type of its error, and its message. */
struct failure {
    const char *type;
    char *message;
};

struct deed {
    const char *name;
    void (*run)(struct value event, const struct invocation *, FILE *answer, struct failure *);
};

#define DEED(name)                                                                       \
    static void name(struct value event, const struct invocation *invocation, FILE *answer, \
                     struct failure *failure)
#define UNUSED (void)event, (void)invocation, (void)failure

DEED(echo) {
    UNUSED;
    struct value value = json_member(event, "value");
    fwrite(value.at, 1, value.size, answer);
}

static void write_value(FILE *out, const char *text) {
    if (text)
        json_write_text(out, text);
    else
        fputs("null", out);
}

static void write_member(FILE *out, const char *name, const char *text) {
    json_write_text(out, name);
    fputc(':', out);
    write_value(out, text);
    fputc(',', out);
}

DEED(tell) {
    UNUSED;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    fputc('{', answer);
    write_member(answer, "request_id", invocation->request_id);
    write_member(answer, "function_name", getenv("AWS_LAMBDA_FUNCTION_NAME"));
    write_member(answer, "version", getenv("AWS_LAMBDA_FUNCTION_VERSION"));
    write_member(answer, "arn", invocation->function_arn);
    write_member(answer, "memory", getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
    write_member(answer, "log_group", getenv("AWS_LAMBDA_LOG_GROUP_NAME"));
    write_member(answer, "log_stream", getenv("AWS_LAMBDA_LOG_STREAM_NAME"));
    fprintf(answer, "\"remaining_ms\":%lld}",
            invocation->deadline_ms - now.tv_sec * 1000LL - now.tv_nsec / 1000000);
}

DEED(tell_count) {
    UNUSED;
    fprintf(answer, "%d", count);
}

DEED(environment) {
    UNUSED;
    struct value names = json_member(event, "names"), name;
    const char *comma = "";
    fputc('{', answer);
    while (json_item(&names, &name)) {
        char *text = json_text(name);
        fputs(comma, answer);
        json_write_text(answer, text);
        fputc(':', answer);
        write_value(answer, getenv(text));
        free(text);
        comma = ",";
    }
    fputc('}', answer);
}

DEED(big) {
    UNUSED;
    long size = json_number(json_member(event, "size"));
    fputc('"', answer);
    while (size--) fputc('x', answer);
    fputc('"', answer);
}

DEED(size) {
    UNUSED;
    char *text = json_text(json_member(event, "text"));
    fprintf(answer, "%zu", strlen(text));
    free(text);
}

static void troublemaker(struct value event, struct failure *failure) {
    *failure = (struct failure){"Error", json_text(json_member(event, "message"))};
}

DEED(fail) {
    UNUSED;
    (void)answer;
    troublemaker(event, failure);
}

DEED(custom) {
    fail(event, invocation, answer, failure);
    failure->type = "NoSuchLuck";
}

DEED(sleep_on) {
    UNUSED;
    usleep((useconds_t)json_number(json_member(event, "ms")) * 1000);
    json_write_text(answer, "slept");
}

DEED(allocate) {
    UNUSED;
    for (; held < json_number(json_member(event, "mb")) << 20; held += PIECE)
        memset(malloc(PIECE), 1, PIECE);
    json_write_text(answer, "held");
}

DEED(end) {
    UNUSED;
    (void)answer;
    exit((int)json_number(json_member(event, "status")));
}

DEED(print) {
    UNUSED;
    struct value lines = json_member(event, "lines"), line;
    while (json_item(&lines, &line)) {
        char *text = json_text(line);
        puts(text);
        free(text);
    }
    json_write_text(answer, "printed");
}

static int can_keep(const char *path, const char *text) {
    char read[16] = "";
    FILE *file = fopen(path, "w+");
    if (!file) return 0;
    fputs(text, file);
    rewind(file);
    char *found = fgets(read, sizeof read, file);
    fclose(file);
    return found && strcmp(read, text) == 0;
}

DEED(files) {
    UNUSED;
    char path[256];
    snprintf(path, sizeof path, "%s/written", getenv("LAMBDA_TASK_ROOT"));
    const char *tmp = can_keep("/tmp/written", "ë") ? "true" : "false";
    int is_kept = can_keep(path, "ë");
    fprintf(answer, "{\"tmp\":%s,\"task\":\"%s\"}", tmp, is_kept ? "none" : strerrorname_np(errno));
}

DEED(tell_the_time) {
    UNUSED;
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    fprintf(answer, "{\"zone\":\"%s\",\"hour_offset\":%ld}", local.tm_zone, local.tm_gmtoff / 60);
}

DEED(tell_encoding) {
    UNUSED;
    char *text = json_text(json_member(event, "text"));
    fprintf(answer, "{\"encoding\":\"%s\",\"length\":%zu}", nl_langinfo(CODESET),
            mbstowcs(NULL, text, 0));
    free(text);
}

DEED(resolve) {
    UNUSED;
    char *host = json_text(json_member(event, "host")), address[INET_ADDRSTRLEN];
    struct addrinfo wish = {.ai_family = AF_INET}, *found;
    int error = getaddrinfo(host, NULL, &wish, &found);
    free(host);
    if (error) {
        fprintf(answer, "{\"error\":\"%s\"}", gai_strerror(error));
        return;
    }
    inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, address, sizeof address);
    freeaddrinfo(found);
    json_write_text(answer, address);
}

DEED(tls) {
    UNUSED;
    char line[256];
    int authorities = 0;
    FILE *store = fopen("/etc/ssl/certs/ca-certificates.crt", "r");
    while (store && fgets(line, sizeof line, store))
        authorities += strncmp(line, "-----BEGIN CERTIFICATE", 22) == 0;
    if (store) fclose(store);
    fprintf(answer, "%d", authorities);
}

DEED(child) {
    UNUSED;
    char *command = json_text(json_member(event, "command")), output[4096] = "";
    FILE *shell = popen(*command ? command : "echo $NAME", "r");
    if (!fgets(output, sizeof output, shell)) *output = 0;
    pclose(shell);
    free(command);
    output[strcspn(output, "\n")] = 0;
    json_write_text(answer, output);
}

static void say_goodbye(int number) {
    static const char goodbye[] = "goodbye\n";
    ssize_t written = write(STDOUT_FILENO, goodbye, sizeof goodbye - 1);
    _exit(written > 0 ? number : 1);
}

DEED(sigterm) {
    UNUSED;
    signal(SIGTERM, say_goodbye);
    json_write_text(answer, "ready");
}

DEED(use_layer) {
    UNUSED;
    void *library = dlopen("libluck.so", RTLD_NOW);
    const char *(*luck)(void) = library ? (const char *(*)(void))dlsym(library, "luck") : NULL;
    json_write_text(answer, luck ? luck() : dlerror());
}

static const struct deed DEEDS[] = {
    {"echo", echo},           {"context", tell},        {"count", tell_count},
    {"environment", environment}, {"big", big},         {"size", size},
    {"fail", fail},           {"custom", custom},       {"sleep", sleep_on},
    {"allocate", allocate},   {"exit", end},            {"print", print},
    {"files", files},         {"clock", tell_the_time}, {"text", tell_encoding},
    {"resolve", resolve},     {"tls", tls},             {"child", child},
    {"sigterm", sigterm},     {"layer", use_layer},
};

static const struct deed *deed_named(const char *name) {
    for (size_t i = 0; i < sizeof DEEDS / sizeof *DEEDS; i++)
        if (strcmp(DEEDS[i].name, name) == 0) return &DEEDS[i];
    fprintf(stderr, "no such thing to do: %s\n", name);
    exit(64);
}

static void stream(struct value event, const struct invocation *invocation) {
    begin_stream(invocation);
    for (long times = json_number(json_member(event, "times")); times > 0; times--) {
        struct value pieces = json_member(event, "pieces"), piece;
        while (json_item(&pieces, &piece)) {
            char *text = json_text(piece);
            post_piece(text, strlen(text));
            free(text);
        }
    }
    post_piece("", 0);
}

static void answer_with(const struct deed *deed, struct value event,
                        const struct invocation *invocation) {
    char *body;
    size_t size;
    struct failure failure = {NULL, NULL};
    FILE *answer = open_memstream(&body, &size);
    deed->run(event, invocation, answer, &failure);
    if (failure.type) {
        fprintf(answer, "{\"errorType\":\"%s\",\"errorMessage\":", failure.type);
        json_write_text(answer, failure.message);
        fputc('}', answer);
        free(failure.message);
    }
    fclose(answer);
    post(invocation, failure.type ? "error" : "response", body, size);
    free(body);
}

int main(void) {
    if (!setlocale(LC_ALL, "")) setlocale(LC_ALL, "C.UTF-8");
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;;) {
        struct invocation invocation;
        next_invocation(&invocation);
        count++;
        struct value event = {invocation.event, invocation.size};
        char *name = json_text(json_member(event, "do"));
        if (strcmp(name, "stream") == 0)
            stream(event, &invocation);
        else
            answer_with(deed_named(name), event, &invocation);
        free(name);
        free(invocation.event);
    }
}
