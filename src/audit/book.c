/* SPDX-License-Identifier: Apache-2.0
 * Registering what events tell, and choosing the version that is in force: of those already in the
 * log the one with the latest `from` that is not after the moment, the later one on a tie. */
#include "audit/book.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/text.h"

void book_init(struct book *b, struct report *report)
{
    memset(b, 0, sizeof *b);
    b->report = report;
    arena_init(&b->keep, SIZE_MAX / 2);
    b->parties.first = PARTY_FIRST;
    b->policies.first = 1;
    map_init(&b->parties.index, sizeof(uint32_t), 1);
    map_init(&b->policies.index, sizeof(uint32_t), 2);
    map_init(&b->asset_of, sizeof(struct asset *), 3);
    map_init(&b->policy_of, sizeof(struct book_policy *), 4);
    map_init(&b->item_of, sizeof(struct content_item *), 5);
    map_init(&b->mentioned, 1, 6);
    map_init(&b->rate_of, sizeof(void *), 7);
    book_mention(b, TEXT("external:fee"));
    book_mention(b, TEXT("platform")); /* who gets a royalty where there is no marketplace fee */
    b->clear_after_days = 7;
    b->dispute_days = 14;
    b->cool_off_hours = 24;
}

void book_clear(struct book *b)
{
    map_clear(&b->parties.index);
    map_clear(&b->policies.index);
    map_clear(&b->asset_of);
    map_clear(&b->policy_of);
    map_clear(&b->item_of);
    map_clear(&b->mentioned);
    map_clear(&b->rate_of);
    arena_clear(&b->keep);
}

void book_mention(struct book *b, struct text id)
{
    (void)map_put(&b->mentioned, text_bytes(id), NULL);
}

bool book_is_mentioned(const struct book *b, struct text id)
{
    return map_get(&b->mentioned, text_bytes(id)) != NULL;
}

bool names_take(struct book *b, struct names *names, const struct found_names *found)
{
    if (found->count == 0) {
        return true;
    }
    if (found->first != names->first + names->count) {
        report_difference(b->report,
                          "the decision names number %" PRIu32
                          " next, the numbers so far end at %" PRIu32,
                          found->first, names->first + names->count - 1);
        return false;
    }
    for (uint32_t i = 0; i < found->count; i++) {
        bool made;
        struct text id = found->id[i];
        uint32_t *number = map_put(&names->index, text_bytes(id), &made);
        if (made) {
            *number = names->first + names->count;
        } else {
            report_difference(b->report, "%.*s is named a second time; it was number %" PRIu32,
                              (int)id.len, id.p, *number);
        }
        names->id =
            arena_grow(&b->keep, names->id, names->count, &names->capacity, sizeof names->id[0]);
        names->id[names->count++] = arena_text(&b->keep, id);
    }
    return true;
}

uint32_t names_number(const struct names *names, struct text id)
{
    const uint32_t *number = map_get(&names->index, text_bytes(id));
    return number != NULL ? *number : 0;
}

struct text names_id(const struct names *names, uint32_t number)
{
    static const char *const own[] = {"",
                                      "mete:clearing",
                                      "mete:unallocated",
                                      "mete:carry",
                                      "mete:suspense",
                                      "mete:payout",
                                      "mete:rail_fees",
                                      "mete:exchange"};
    if (number >= names->first && number - names->first < names->count) {
        return names->id[number - names->first];
    }
    if (names->first == PARTY_FIRST && number < ARRAY_LEN(own)) {
        return text_of(own[number]);
    }
    return (struct text){NULL, 0};
}

struct book_policy *book_policy(struct book *b, struct text id)
{
    bool made;
    struct book_policy **slot = map_put(&b->policy_of, text_bytes(id), &made);
    if (made) {
        *slot = arena_alloc(&b->keep, sizeof **slot);
        (*slot)->id = arena_text(&b->keep, id);
    }
    return *slot;
}

static const struct rules *latest(struct rules *const *version, uint32_t count, mete_time at)
{
    const struct rules *found = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct rules *r = version[i];
        if (r->from <= at && (found == NULL || r->from >= found->from)) {
            found = r;
        }
    }
    return found;
}

const struct rules *policy_at(const struct book_policy *p, mete_time at)
{
    return latest(p->version, p->version_count, at);
}

const struct rules *roles_at(const struct book *b, mete_time at)
{
    return latest(b->roles, b->roles_count, at);
}

const struct schedule *schedule_at(const struct book *b, mete_time at)
{
    const struct schedule *found = NULL;
    for (uint32_t i = 0; i < b->schedule_count; i++) {
        const struct schedule *s = b->schedule[i];
        if (s->from <= at && (found == NULL || s->from >= found->from)) {
            found = s;
        }
    }
    return found;
}

i128 policy_net(const struct book_policy *p, const struct asset *asset)
{
    for (uint32_t i = 0; i < p->net_count; i++) {
        if (p->net[i].asset == asset) {
            return p->net[i].amount;
        }
    }
    return 0;
}

void policy_add_net(struct book *b, struct book_policy *p, struct asset *asset, i128 amount)
{
    for (uint32_t i = 0; i < p->net_count; i++) {
        if (p->net[i].asset == asset) {
            p->net[i].amount += amount;
            return;
        }
    }
    p->net = arena_grow(&b->keep, p->net, p->net_count, &p->net_capacity, sizeof p->net[0]);
    p->net[p->net_count++] = (struct cumulated){.asset = asset, .amount = amount};
}

void book_configure(struct book *b, const struct json *payload)
{
    b->clear_after_days = member_u64(payload, "clear_after_days", b->clear_after_days);
    b->dispute_days = member_u64(payload, "dispute_auto_clear_days", b->dispute_days);
    b->cool_off_hours = member_u64(payload, "destination_cool_off_hours", b->cool_off_hours);
    if (member_text(payload, "unallocated").len > 0) {
        b->unallocated = member_keep(&b->keep, payload, "unallocated");
    }
    book_mention(b, b->unallocated);
    const struct json *minimum = json_get(payload, "payout_minimum");
    if (minimum != NULL && !book_money(b, minimum, &b->payout_asset, &b->payout_minimum)) {
        report_difference(b->report, "its payout_minimum cannot be read");
    }
    const struct json *required = json_get(payload, "attribution_required");
    const struct json *corrections = json_get(payload, "attribution_corrections");
    if (required != NULL) {
        b->attribution_required = json_is_true(required);
    }
    if (corrections != NULL) {
        b->corrections_off = !json_is_true(corrections);
    }
    if (json_get(payload, "tier3") != NULL) {
        b->keeps_raw = json_is_true(json_get(payload, "tier3"));
    }
}

/* The first version reaches back to the beginning of time, a later one to its event's moment. */
static mete_time in_force_from(const struct json *payload, bool first, mete_time occurred_at)
{
    return member_time(payload, "effective_from", false, first ? TIME_ALWAYS : occurred_at);
}

static void publish_roles(struct book *b, struct rules *r)
{
    b->roles =
        arena_grow(&b->keep, b->roles, b->roles_count, &b->roles_capacity, sizeof(struct rules *));
    b->roles[b->roles_count++] = r;
}

static void add_version(struct book *b, struct book_policy *p, struct rules *r)
{
    p->version = arena_grow(&b->keep, p->version, p->version_count, &p->version_capacity,
                            sizeof(struct rules *));
    p->version[p->version_count++] = r;
    r->version = p->version_count;
}

void book_contract(struct book *b, struct text id, mete_time from)
{
    struct rules *r = arena_alloc(&b->keep, sizeof *r);
    *r = (struct rules){.id = id, .from = from, .kind = RULES_CONTRACT, .rounding = BY_LARGEST};
    add_version(b, book_policy(b, id), r);
}

void book_publish(struct book *b, const struct json *payload, mete_time occurred_at)
{
    struct rules *r = arena_alloc(&b->keep, sizeof *r);
    const char *flaw = rules_read(&b->keep, payload, r);
    if (flaw != NULL) {
        report_difference(b->report, "the policy %.*s was taken although %s", (int)r->id.len,
                          r->id.len > 0 ? r->id.p : "", flaw);
    }
    if (r->id.len == 0) {
        return;
    }
    struct book_policy *p = book_policy(b, r->id);
    r->from = in_force_from(payload, p->version_count == 0, occurred_at);
    add_version(b, p, r);
    book_mention(b, r->id);
    for (uint32_t i = 0; i < r->share_count; i++) {
        book_mention(b, r->share[i].payee);
    }
    if (r->kind == RULES_ROLES) {
        publish_roles(b, r);
    }
}

void book_schedule(struct book *b, const struct json *payload, mete_time occurred_at)
{
    struct schedule *s = arena_alloc(&b->keep, sizeof *s);
    const char *flaw = schedule_read(&b->keep, payload, s);
    if (flaw != NULL) {
        report_difference(b->report, "the fees were taken although %s", flaw);
    }
    s->from = in_force_from(payload, b->schedule_count == 0, occurred_at);
    b->schedule = arena_grow(&b->keep, b->schedule, b->schedule_count, &b->schedule_capacity,
                             sizeof(struct schedule *));
    b->schedule[b->schedule_count++] = s;
    s->version = b->schedule_count;
    for (uint32_t i = 0; i < s->charge_count; i++) {
        book_mention(b, s->charge[i].payee);
        for (uint32_t k = 0; k < s->charge[i].child_count; k++) {
            book_mention(b, s->charge[i].child[k].payee);
        }
    }
}

void book_contribute(struct book *b, const struct json *payload)
{
    bool made;
    struct text id = member_text(payload, "content_item_id");
    struct content_item **slot = map_put(&b->item_of, text_bytes(id), &made);
    if (made) {
        *slot = arena_alloc(&b->keep, sizeof **slot);
    }
    struct content_item *item = *slot;
    item->contribution = arena_grow(&b->keep, item->contribution, item->count, &item->capacity,
                                    sizeof item->contribution[0]);
    item->contribution[item->count++] = (struct contribution){
        .party = member_keep(&b->keep, payload, "party"),
        .role = member_keep(&b->keep, payload, "role"),
        .weight = member_u64(payload, "weight", 0),
    };
    book_mention(b, member_text(payload, "party"));
}

const struct content_item *book_item(const struct book *b, struct text id)
{
    struct content_item **slot = map_get(&b->item_of, text_bytes(id));
    return slot != NULL ? *slot : NULL;
}

void book_switch(struct book *b, const struct json *payload, mete_time occurred_at)
{
    struct book_policy *p = book_policy(b, member_text(payload, "policy"));
    p->switched = arena_grow(&b->keep, p->switched, p->switched_count, &p->switched_capacity,
                             sizeof p->switched[0]);
    p->switched[p->switched_count++] = (struct switched){
        .condition = member_keep(&b->keep, payload, "condition"),
        .from = occurred_at,
        .active = json_is_true(json_get(payload, "active")),
    };
}
