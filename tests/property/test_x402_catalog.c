/* SPDX-License-Identifier: Apache-2.0
 * Random policies of resources, and random listings: set, set again, taken away, some of it lost
 * before its commit. Beside them stand two naive tables. Which policy holds for a resource is found
 * by looking at every row; what is listed comes back in its order, with what was said of it last.
 * test_x402_catalog [--seed N] [--runs R] [--steps S] */
#include "base/rng.h"
#include "base/text.h"
#include "core/x402.h"
#include "engine/verify.h"
#include "engine/x402_list.h"
#include "oracle/scene.h"
#include "worlds.h"

#include <stdio.h>
#include <string.h>

#define PAY_TOS     3
#define PATTERNS    9
#define NETWORKS    3
#define POLICIES    4
#define RESOURCES   5
#define TOOLS       2
#define OFFERS      (RESOURCES * TOOLS)
#define AUDIT_EVERY 10

static const char *const pay_tos[PAY_TOS] = {"0xaa", "0xbb", "So1ana"};
static const char *const said_pay_tos[PAY_TOS] = {"0xAA", "0xbB", "So1ana"};
static const char *const patterns[PATTERNS] = {
    "*",      "http*", "https://a.org/*", "https://a.org/x*", "https://a.org/x",
    "https*", "x",     "https://b.org/",  "https://a.org/x/*"};
static const char *const urls[] = {"",
                                   "x",
                                   "http://a.org/",
                                   "https://a.org/",
                                   "https://a.org/x",
                                   "https://a.org/x/y",
                                   "https://a.org/xy",
                                   "https://b.org/",
                                   "https://b.org/z"};
static const char *const networks[NETWORKS] = {"", "eip155:1", "eip155:10"};
static const char *const policies[POLICIES] = {"", "urn:a", "urn:b", "urn:c"};

struct m_offer {
    bool listed, seen;
    unsigned about, pay_to;
    uint64_t place; /* among those that are listed */
};

struct model {
    unsigned policy[PAY_TOS][PATTERNS][NETWORKS]; /* 0: there is no row */
    struct m_offer offer[OFFERS];
    uint64_t places;
};

struct world {
    struct scene s;
    struct rng rng;
    struct model m;
    unsigned told;
    bool fine;
};

static struct {
    uint64_t set, unset, absent, chosen, none, changed, stays, unlisted, unknown, lost, audited;
} seen;

static unsigned below(struct world *w, size_t n)
{
    return (unsigned)rng_below(&w->rng, n);
}

#define wrong(w, ...) world_wrong(&(w)->fine, __VA_ARGS__)

/* --- policies of resources ---------------------------------------------------------------------*/

static void row_change(struct world *w)
{
    unsigned to = below(w, PAY_TOS), of = below(w, PATTERNS), on = below(w, NETWORKS);
    unsigned policy = below(w, POLICIES);
    const struct x402_policy_row row = {text_of(said_pay_tos[to]), text_of(patterns[of]),
                                        text_of(networks[on]), text_of(policies[policy])};
    struct mete_err err;
    bool may = policy != 0 || w->m.policy[to][of][on] != 0;
    enum mete_code code = x402_policy_set(w->s.engine, &row, &err);
    if (code != (may ? METE_OK : METE_STATE_FORBIDS)) {
        wrong(w, "policy %u of %s: %s", policy, patterns[of], err.text);
    }
    w->m.policy[to][of][on] = policy;
    seen.set += may && policy != 0;
    seen.unset += may && policy == 0;
    seen.absent += !may;
}

static bool model_fits(const char *pattern, const char *url)
{
    size_t len = strlen(pattern);
    return pattern[len - 1] == '*' ? strncmp(pattern, url, len - 1) == 0
                                   : strcmp(pattern, url) == 0;
}

/** Longer before shorter, the whole before a beginning, one network before any. */
static bool model_before(unsigned of, unsigned on, unsigned than_of, unsigned than_on)
{
    bool begins = strchr(patterns[of], '*') != NULL;
    bool than_begins = strchr(patterns[than_of], '*') != NULL;
    size_t len = strlen(patterns[of]) - begins;
    size_t than_len = strlen(patterns[than_of]) - than_begins;
    return len != than_len         ? len > than_len
           : begins != than_begins ? than_begins
                                   : on != 0 && than_on == 0;
}

static const char *model_policy(const struct world *w, unsigned to, const char *url, unsigned on)
{
    const char *best = "";
    unsigned best_of = 0, best_on = 0;
    for (unsigned of = 0; of < PATTERNS; of++) {
        for (unsigned n = 0; n < NETWORKS; n++) {
            unsigned policy = w->m.policy[to][of][n];
            bool holds = policy != 0 && model_fits(patterns[of], url) && (n == 0 || n == on);
            if (holds && (best[0] == '\0' || model_before(of, n, best_of, best_on))) {
                best = policies[policy];
                best_of = of;
                best_on = n;
            }
        }
    }
    return best;
}

static void policy_check(struct world *w)
{
    unsigned to = below(w, PAY_TOS), on = 1 + below(w, NETWORKS - 1);
    const char *url = urls[below(w, ARRAY_LEN(urls))];
    const char *must = model_policy(w, to, url, on);
    struct text has = {0};
    enum view_result found =
        view_x402_policy(engine_view(w->s.engine), &w->s.arena, text_of(pay_tos[to]), text_of(url),
                         text_of(networks[on]), &has);
    if (found != (must[0] != '\0' ? VIEW_FOUND : VIEW_ABSENT) || !text_is(has, must)) {
        wrong(w, "the policy of \"%s\" should be \"%s\", is \"%.*s\"", url, must, (int)has.len,
              has.p != NULL ? has.p : "");
    }
    seen.chosen += must[0] != '\0';
    seen.none += must[0] == '\0';
}

static void rows_check(struct world *w)
{
    struct x402_policy_row *row;
    struct mete_err err;
    size_t count, must = 0;
    for (unsigned i = 0; i < PAY_TOS * PATTERNS * NETWORKS; i++) {
        must += (&w->m.policy[0][0][0])[i] != 0;
    }
    METE_ASSERT(x402_policies(w->s.engine, &w->s.arena, &row, &count, &err) == METE_OK);
    if (count != must) {
        wrong(w, "there are %zu rows, should be %zu", count, must);
    }
}

/* --- listings ----------------------------------------------------------------------------------*/

static const char *const tools[TOOLS] = {"", "tool"};

static struct text resource_of(struct world *w, unsigned offer)
{
    return arena_printf(&w->s.arena, "https://shop.org/%u", offer / TOOLS);
}

static void offer_put(struct world *w)
{
    unsigned i = below(w, OFFERS), about = below(w, 3), to = below(w, PAY_TOS);
    struct m_offer *o = &w->m.offer[i];
    bool is_seen = below(w, 2) == 0, changed;
    struct arena *a = &w->s.arena;
    struct mete_err err;
    const struct x402_entry entry = {
        .resource = resource_of(w, i),
        .tool = text_of(tools[i % TOOLS]),
        .type = i % TOOLS == 0 ? TEXT("http") : TEXT("mcp"),
        .version = 2,
        .accepts = arena_printf(a, "[{\"payTo\": \"%s\"}, {\"payTo\": \"%s\"}]", said_pay_tos[to],
                                said_pay_tos[to]),
        .metadata = arena_printf(a, "{\"description\": \"about %u\"}", about),
        .seen = is_seen};
    bool stays = o->listed && ((is_seen && !o->seen) ||
                               (o->about == about && o->pay_to == to && o->seen == is_seen));
    if (x402_offer_put(w->s.engine, &entry, &changed, &err) != METE_OK) {
        wrong(w, "listing %u: %s", i, err.text);
        return;
    }
    if (changed == stays) {
        wrong(w, "listing %u: it should%s have changed", i, stays ? " not" : "");
    }
    if (!stays) {
        uint64_t place = o->listed ? o->place : ++w->m.places;
        *o = (struct m_offer){true, is_seen, about, to, place};
    }
    seen.changed += !stays;
    seen.stays += stays;
}

static void unlist(struct world *w)
{
    unsigned i = below(w, OFFERS);
    struct text resource = resource_of(w, i);
    enum submit_status must = w->m.offer[i].listed ? SUBMIT_APPLIED : SUBMIT_REFUSED;
    enum submit_status is = scene_send(
        &w->s,
        "{'event_id':'unlist%u','event_type':'x402.unlisted','occurred_at':"
        "'2025-01-01T00:00:00Z','payload':{'resource':'%.*s'%s}}",
        w->told++, (int)resource.len, resource.p, i % TOOLS == 0 ? "" : ",'tool_name':'tool'");
    if (is != must) {
        wrong(w, "listing %u unlisted: %s", i, submit_status_name(is));
    }
    seen.unlisted += w->m.offer[i].listed;
    seen.unknown += !w->m.offer[i].listed;
    w->m.offer[i].listed = false;
}

struct looking {
    struct world *w;
    int pay_to; /* -1: all */
    uint64_t last;
    unsigned count;
};

/** The listing that comes next by the model; -1: none. */
static int model_next(const struct looking *l)
{
    int next = -1;
    for (int i = 0; i < OFFERS; i++) {
        const struct m_offer *o = &l->w->m.offer[i];
        bool after =
            o->listed && o->place > l->last && (l->pay_to < 0 || o->pay_to == (unsigned)l->pay_to);
        if (after && (next < 0 || o->place < l->w->m.offer[next].place)) {
            next = i;
        }
    }
    return next;
}

static bool offer_check(void *arg, const struct x402_listed *row)
{
    struct looking *l = arg;
    struct world *w = l->w;
    int i = model_next(l);
    if (i < 0) {
        wrong(w, "a listing of %.*s should not be there", (int)row->offer.resource.len,
              row->offer.resource.p);
        return false;
    }
    const struct m_offer *o = &w->m.offer[i];
    struct text about = arena_printf(&w->s.arena, "{\"description\":\"about %u\"}", o->about);
    if (!text_eq(row->offer.resource, resource_of(w, (unsigned)i)) ||
        !text_is(row->offer.tool, tools[i % TOOLS]) || !text_eq(row->offer.metadata, about) ||
        row->offer.seen != o->seen) {
        wrong(w, "listing %d is %.*s %.*s", i, (int)row->offer.resource.len, row->offer.resource.p,
              (int)row->offer.metadata.len, row->offer.metadata.p);
    }
    l->last = o->place;
    l->count++;
    return true;
}

/** In pages. */
static void offers_check(struct world *w)
{
    struct looking l = {.w = w, .pay_to = (int)below(w, PAY_TOS + 1) - 1};
    struct x402_offers_query q = {.limit = 1 + below(w, 4)};
    struct mete_err err;
    if (l.pay_to >= 0) {
        q.merchant = text_of(said_pay_tos[l.pay_to]);
    }
    do {
        METE_ASSERT(x402_offers(w->s.engine, &q, offer_check, &l, &q.after, &err) == METE_OK);
    } while (q.after != 0 && w->fine);
    if (w->fine && model_next(&l) >= 0) {
        wrong(w, "%u listings, and one is missing", l.count);
    }
}

/* --- a run -------------------------------------------------------------------------------------*/

static void change(struct world *w)
{
    unsigned dice = below(w, 10);
    if (dice < 5) {
        row_change(w);
    } else if (dice < 8) {
        offer_put(w);
    } else {
        unlist(w);
    }
}

/** The process dies before its commit: all of it has to be as if it had not been. */
static void lost(struct world *w)
{
    scene_commit(&w->s);
    const struct model before = w->m;
    for (unsigned i = below(w, 4) + 1; i > 0; i--) {
        change(w);
    }
    engine_rollback(w->s.engine);
    w->m = before;
    seen.lost++;
}

static void check(struct world *w)
{
    policy_check(w);
    rows_check(w);
    offers_check(w);
}

static void check_whole(struct world *w, uint64_t seed)
{
    struct verify_report unused;
    struct mete_err err;
    bool asked = false;
    scene_commit(&w->s);
    if (book_verify(w->s.engine, &unused, &err) != METE_OK) {
        wrong(w, "a replay differs: %s", err.text);
    }
    if (seed % AUDIT_EVERY == 0 && !scene_audited(&w->s, &asked)) {
        wrong(w, "the auditor differs");
    }
    seen.audited += asked;
}

static bool one_run(uint64_t seed, uint64_t steps)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    rng_seed(&w.rng, seed);
    w.fine = true;
    scene_open_store(&w.s, "memory:", seed % 3 == 0 ? 1 : 0);
    for (uint64_t i = 0; i < steps && w.fine; i++) {
        if (below(&w, 12) == 0) {
            lost(&w);
        } else {
            change(&w);
        }
        check(&w);
        arena_reset(&w.s.arena);
    }
    if (w.fine) {
        check_whole(&w, seed);
    }
    if (!w.fine) {
        printf("# seed %llu\n", (unsigned long long)seed);
    }
    scene_close(&w.s);
    return w.fine;
}

static bool print_seen(void)
{
    const struct world_fact facts[] = {
        {seen.set, "policies set"},
        {seen.unset, "policies taken away"},
        {seen.absent, "policies that were not there to be taken away"},
        {seen.chosen, "resources with a policy"},
        {seen.none, "resources without"},
        {seen.changed, "listings made or changed"},
        {seen.stays, "listings that stayed"},
        {seen.unlisted, "unlisted"},
        {seen.unknown, "not listed, so not unlisted"},
        {seen.lost, "process lost before its commit"}};
    const bool all = world_facts(facts, ARRAY_LEN(facts));
    return world_audits(seen.audited) && all;
}

int main(int argc, char **argv)
{
    const struct worlds w =
        worlds_asked(argc, argv, (struct worlds){.seed = 20261122, .runs = 40, .steps = 200});
    uint64_t done = 0;
    bool fine = true;
    printf("1..2\n# seed %llu\n", (unsigned long long)w.seed);
    for (; done < w.runs && fine; done++) {
        fine = one_run(w.seed + done, w.steps);
    }
    bool happened = print_seen();
    printf("%sok 1 - %llu worlds of %llu steps: policies and listings as the tables say\n",
           fine ? "" : "not ", (unsigned long long)done, (unsigned long long)w.steps);
    printf("%sok 2 - all of it happened\n", happened ? "" : "not ");
    return fine && happened ? 0 : 1;
}
