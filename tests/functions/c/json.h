/* As much of JSON as a function needs: values are looked up in the text that they stand in. */

#ifndef JSON_H
#define JSON_H

#include <stdio.h>

/* A value as it is written; of none the size is 0. */
struct value {
    const char *at;
    size_t size;
};

struct value json_member(struct value object, const char *name);

/* The next item of a list; `rest` is the list at first, and goes on behind the item. */
int json_item(struct value *rest, struct value *item);

/* The decoded text of a string, which is the caller's to free; "" of what is none. */
char *json_text(struct value string);

long json_number(struct value number);

void json_write_text(FILE *out, const char *text);

#endif
