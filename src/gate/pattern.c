/* SPDX-License-Identifier: Apache-2.0
 * A glob is matched by going back to the last star alone, so the work is bounded by the product of
 * the two lengths. */
#include "gate/pattern.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum mete_code gate_pattern_glob(struct arena *a, struct text t, struct gate_pattern *out,
                                 struct mete_err *err)
{
    if (t.len == 0 || t.p[0] != '/' || t.len > GATE_PATH_MAX) {
        return mete_fail(err, METE_MEMBER_VALUE, "", "a path begins with '/'");
    }
    if (memchr(t.p, '%', t.len) != NULL || memchr(t.p, '?', t.len) != NULL ||
        memchr(t.p, '\\', t.len) != NULL || memmem(t.p, t.len, "//", 2) != NULL ||
        memmem(t.p, t.len, "/./", 3) != NULL || memmem(t.p, t.len, "/../", 4) != NULL) {
        return mete_fail(err, METE_MEMBER_VALUE, "",
                         "write the path decoded and plain: without %%, ?, \\, // and dot segments "
                         "(a query is never part of it)");
    }
    struct text folded = gate_path_fold(a, t);
    while (folded.len > 1 && folded.p[folded.len - 1] == '/') {
        folded.len--;
    }
    *out = (struct gate_pattern){.glob = folded};
    return METE_OK;
}

enum mete_code gate_pattern_regex(struct arena *a, struct text t, struct gate_pattern *out,
                                  struct mete_err *err)
{
    regex_t *r = arena_alloc(a, sizeof *r);
    char why[128];
    const char *text = arena_text(a, t).p;
    int code = regcomp(r, text, REG_EXTENDED | REG_ICASE | REG_NOSUB);
    if (code != 0 || strlen(text) != t.len) {
        regerror(code, r, why, sizeof why);
        return mete_fail(err, METE_MEMBER_VALUE, "", "no POSIX extended regular expression: %s",
                         why);
    }
    *out = (struct gate_pattern){.is_regex = true, .regex = r};
    return METE_OK;
}

void gate_pattern_clear(struct gate_pattern *p)
{
    if (p->regex != NULL) {
        regfree(p->regex);
        p->regex = NULL;
    }
}

/* Where the last star was: from there one character more is tried as a part of it. */
struct star {
    const char *glob; /* behind it; NULL: there was none */
    const char *key;
    bool is_double;
};

static bool star_go_on(struct star *s, const char **g, const char **k, const char *end)
{
    if (s->glob == NULL || s->key == end || (!s->is_double && *s->key == '/')) {
        return false;
    }
    *k = ++s->key;
    *g = s->glob;
    return true;
}

/* The last star of either kind; when that of one segment has to give up, that of many goes on. */
static bool glob_match(struct text glob, struct text key)
{
    const char *g = glob.p;
    const char *k = key.p;
    const char *glob_end = g + glob.len;
    const char *end = k + key.len;
    struct star one = {0};
    struct star many = {0};
    while (k < end || g < glob_end) {
        if (g < glob_end && *g == '*') {
            bool is_double = g + 1 < glob_end && g[1] == '*';
            g += is_double ? 2 : 1;
            one = (struct star){is_double ? NULL : g, k, false};
            many = is_double ? (struct star){g, k, true} : many;
        } else if (g < glob_end && k < end && *g == *k) {
            g++;
            k++;
        } else if (!star_go_on(&one, &g, &k, end)) {
            one.glob = NULL;
            if (!star_go_on(&many, &g, &k, end)) {
                return false;
            }
        }
    }
    return true;
}

bool gate_pattern_match(const struct gate_pattern *p, struct text key)
{
    if (p->is_regex) {
        return regexec(p->regex, key.p, 0, NULL, 0) == 0;
    }
    struct text g = p->glob;
    if (glob_match(g, key)) {
        return true;
    }
    bool is_below = g.len > 3 && memcmp(g.p + g.len - 3, "/**", 3) == 0;
    return is_below && glob_match((struct text){g.p, g.len - 3}, key);
}
