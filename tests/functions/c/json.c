#include "json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *at, const char *end) {
    while (at < end && isspace((unsigned char)*at)) at++;
    return at;
}

static const char *end_of_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at + 1;
}

/* Behind a value: at the comma or bracket of what it stands in. */
static const char *end_of_value(const char *at, const char *end) {
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = end_of_string(at, end);
            continue;
        }
        if (depth == 0 && strchr(",]}", *at)) break;
        if (strchr("[{", *at)) depth++;
        if (strchr("]}", *at)) depth--;
        at++;
    }
    return at;
}

int json_item(struct value *rest, struct value *item) {
    const char *end = rest->at + rest->size;
    const char *at = skip_space(rest->at, end);
    if (at == end || *at == ']' || *at == '}') return 0;
    item->at = skip_space(at + 1, end);
    if (item->at == end || *item->at == ']' || *item->at == '}') return 0;
    const char *behind = end_of_value(item->at, end);
    item->size = (size_t)(behind - item->at);
    *rest = (struct value){behind, (size_t)(end - behind)};
    return 1;
}

struct value json_member(struct value object, const char *name) {
    struct value pair;
    while (json_item(&object, &pair)) {
        const char *end = pair.at + pair.size;
        const char *behind = end_of_string(pair.at, end);
        size_t size = (size_t)(behind - pair.at) - 2;
        if (size == strlen(name) && memcmp(pair.at + 1, name, size) == 0) {
            const char *at = skip_space(skip_space(behind, end) + 1, end);
            return (struct value){at, (size_t)(end - at)};
        }
    }
    return (struct value){NULL, 0};
}

static unsigned long hex(const char *at) {
    char digits[5] = {at[0], at[1], at[2], at[3], 0};
    return strtoul(digits, NULL, 16);
}

static char *put_utf8(char *to, unsigned long code) {
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *to++ = (char)(0xff00 >> (more + 1) | code >> 6 * more);
    while (more--) *to++ = (char)(0x80 | (code >> 6 * more & 0x3f));
    return to;
}

/* What follows a backslash; characters beyond 16 bits are pairs of escapes. */
static const char *unescape(const char *at, char **to) {
    static const char names[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    if (*at != 'u') {
        const char *name = strchr(names, *at);
        *(*to)++ = name ? meanings[name - names] : *at;
        return at + 1;
    }
    unsigned long code = hex(at + 1);
    at += 5;
    if (code >> 10 == 0x36 && at[0] == '\\') {
        code = 0x10000 + ((code & 0x3ff) << 10 | (hex(at + 2) & 0x3ff));
        at += 6;
    }
    *to = put_utf8(*to, code);
    return at;
}

char *json_text(struct value string) {
    char *text = calloc(string.size + 1, 1), *to = text;
    if (string.size < 2) return text;
    const char *at = string.at + 1, *end = end_of_string(string.at, string.at + string.size) - 1;
    while (at < end) {
        if (*at == '\\')
            at = unescape(at + 1, &to);
        else
            *to++ = *at++;
    }
    return text;
}

long json_number(struct value number) { return number.size ? strtol(number.at, NULL, 10) : 0; }

void json_write_text(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            fprintf(out, "\\u%04x", *text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}
