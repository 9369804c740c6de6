/* Is a text well-formed XML with the given root? Enough XML for malloc_info: elements, quoted
 * attributes, text; no comments, entities or declarations. */
#ifndef CAIRN_TESTS_FRONT_WELLFORMED_H
#define CAIRN_TESTS_FRONT_WELLFORMED_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { XML_MAX_DEPTH = 16 };

struct xml_name {
    const char *start;
    size_t length;
};

static inline const char *xml_skip_space(const char *at) {
    while (isspace((unsigned char)*at)) {
        at++;
    }
    return at;
}

static inline const char *xml_read_name(const char *at, struct xml_name *name) {
    name->start = at;
    while (isalnum((unsigned char)*at) || *at == '_' || *at == '-') {
        at++;
    }
    name->length = (size_t)(at - name->start);
    return name->length > 0 ? at : NULL;
}

/* Attributes up to the closing > or />; gives the place of that, or NULL. */
static inline const char *xml_skip_attributes(const char *at) {
    for (;;) {
        const char *next = xml_skip_space(at);
        if (*next == '>' || (next[0] == '/' && next[1] == '>')) {
            return next;
        }
        struct xml_name name;
        if (next == at || (at = xml_read_name(next, &name)) == NULL || at[0] != '=' ||
            at[1] != '"') {
            return NULL;
        }
        at = strpbrk(at + 2, "\"<");
        if (at == NULL || *at != '"') {
            return NULL;
        }
        at++;
    }
}

static inline bool xml_same_name(const struct xml_name *a, const char *b, size_t length) {
    return a->length == length && memcmp(a->start, b, length) == 0;
}

static inline bool xml_is_well_formed(const char *at, const char *root) {
    struct xml_name open[XML_MAX_DEPTH];
    size_t depth = 0;
    bool root_seen = false;
    while (*(at = depth == 0 ? xml_skip_space(at) : at + strcspn(at, "<>")) != '\0') {
        if (*at++ != '<') {
            return false;
        }
        bool closing = *at == '/';
        struct xml_name name;
        at = xml_read_name(closing ? at + 1 : at, &name);
        if (at == NULL) {
            return false;
        }
        if (closing) {
            if (depth == 0 || *at++ != '>' ||
                !xml_same_name(&open[--depth], name.start, name.length)) {
                return false;
            }
            continue;
        }
        if (depth == XML_MAX_DEPTH || (depth == 0 && root_seen) ||
            (depth == 0 && !xml_same_name(&name, root, strlen(root)))) {
            return false;
        }
        root_seen = true;
        at = xml_skip_attributes(at);
        if (at == NULL) {
            return false;
        }
        if (*at == '>') {
            open[depth++] = name;
            at += 1;
        } else {
            at += 2;
        }
    }
    return root_seen && depth == 0;
}

#endif
