/* SPDX-License-Identifier: Apache-2.0
 * Members of one row of the export, held against what the events add up to. */
#include "audit/said.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/i128.h"
#include "base/text.h"

void said_text(const struct said *s, const char *member, struct text want)
{
    struct text found = member_text(s->line, member);
    if (!text_eq(found, want)) {
        report_difference(s->a->report, "%s %.*s: %s should be %.*s, the book says %.*s", s->kind,
                          (int)s->id.len, s->id.p, member, (int)want.len,
                          want.len > 0 ? want.p : "", (int)found.len, found.len > 0 ? found.p : "");
    }
}

/* NO_AMOUNT: the member must not be there. */
void said_amount(const struct said *s, const char *member, i128 want)
{
    i128 found;
    char wanted[I128_TEXT_MAX];
    bool there = json_get(s->line, member) != NULL;
    if (want == NO_AMOUNT ? !there
                          : there && export_i128(s->line, member, &found) && found == want) {
        return;
    }
    (void)i128_format(want, wanted);
    report_difference(s->a->report, "%s %.*s: %s should be %s", s->kind, (int)s->id.len, s->id.p,
                      member, want == NO_AMOUNT ? "absent" : wanted);
}

void said_number(const struct said *s, const char *member, uint64_t want)
{
    uint64_t found;
    if (!export_u64(s->line, member, &found) || found != want) {
        report_difference(s->a->report, "%s %.*s: %s should be %" PRIu64, s->kind, (int)s->id.len,
                          s->id.p, member, want);
    }
}

void said_moment(const struct said *s, const char *member, mete_time want)
{
    mete_time found = TIME_NEVER;
    bool there = json_get(s->line, member) != NULL;
    if ((there && !export_time(s->line, member, &found)) || found != want) {
        report_difference(s->a->report, "%s %.*s: %s is of another moment", s->kind, (int)s->id.len,
                          s->id.p, member);
    }
}

void said_asset(const struct said *s, const struct asset *want)
{
    char name[64] = "";
    if (want != NULL) {
        asset_format(want, name);
    }
    said_text(s, "asset", text_of(name));
}

/* What the row is about, by its id; NULL, and a difference, when no event told of it. */
void *said_find(struct audit *a, const struct map *map, const struct json *line, const char *kind,
                const char *id, struct said *s)
{
    *s = (struct said){.a = a, .line = line, .kind = kind, .id = member_text(line, id)};
    void **slot = map_get(map, text_bytes(s->id));
    if (slot == NULL) {
        report_difference(a->report, "%s %.*s: no event tells of it", kind, (int)s->id.len,
                          s->id.len > 0 ? s->id.p : "");
        return NULL;
    }
    return *slot;
}

void said_once(const struct said *s, bool *exported)
{
    if (*exported) {
        report_difference(s->a->report, "%s %.*s: said a second time", s->kind, (int)s->id.len,
                          s->id.p);
    }
    *exported = true;
}
