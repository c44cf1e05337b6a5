/* SPDX-License-Identifier: Apache-2.0
 * The events of test_commute. Names end in the number of their set. */
#include "property/commute_cases.h"

#include <stdio.h>

#define DAY(d) "2025-01-" d "T00:00:00Z"

static const char *const dispute_types[] = {"allocation.evidence_added", "allocation.escalated",
                                            "allocation.overridden", "allocation.upheld"};

static void set_before(struct scene *s, int k, int amount)
{
    scene_apply(s,
                "{'event_id':'p%d','event_type':'policy.published','occurred_at':'" DAY(
                    "01") "',"
                          "'payload':{'policy':{'id':'plain%d','kind':'weights','shares':["
                          "{'party':'a%d','weight':'1/2'},{'party':'b%d','weight':'1/3'}]}}}",
                k, k, k, k);
    scene_apply(
        s,
        "{'event_id':'c%d','event_type':'policy.published','occurred_at':'" DAY(
            "01") "',"
                  "'payload':{'policy':{'id':'carry%d','kind':'weights','rounding':'carry',"
                  "'shares':[{'party':'a%d','weight':'2/7'},{'party':'c%d','weight':'4/7'}]}}}",
        k, k, k, k);
    scene_apply(
        s,
        "{'event_id':'m%d','event_type':'policy.published','occurred_at':'" DAY(
            "01") "',"
                  "'payload':{'manifest':{'id':'film%d','title':'t','contributors':["
                  "{'actor':{'id':'a%d'},'role':'x','weight':0.5,'temporal_splits':[{'version':1,"
                  "'conditions':['promo'],'weight':0.1}]},{'actor':{'ref':'plain%d'},'role':'y',"
                  "'weight':0.5}],'created_by':'a','created_at':'" DAY("01") "'}}}",
        k, k, k, k);
    scene_apply(s,
                "{'event_id':'u%d','event_type':'policy.published','occurred_at':'" DAY(
                    "01") "',"
                          "'payload':{'policy':{'id':'usage%d','kind':'usage','rounding':'%s'}}}",
                k, k, k == 0 ? "largest" : "carry");
    for (int i = 0; i < 3; i++) {
        scene_apply(
            s,
            "{'event_id':'use%d-%d','event_type':'usage.reported','occurred_at':'" DAY(
                "02") "','payload':{'platform_id':'x','provider':'prov%d-%d',"
                      "'window_start':'" DAY("10") "','window_end':'" DAY("10") "','calls':%d}}",
            k, i, k, i, 1 + (amount + i) % 5);
        scene_apply(
            s,
            "{'event_id':'con%d-%d','event_type':'contribution.recorded','occurred_at':'" DAY(
                "02") "','payload':{'content_item_id':'item%d','party':'w%d-%d','role':"
                      "'%s','weight':%d}}",
            k, i, k, k, i, i == 1 ? "editor" : "author", 1 + i);
    }
    scene_apply(
        s,
        "{'event_id':'met%d','event_type':'usage.metered','occurred_at':'" DAY(
            "02") "',"
                  "'payload':{'policy':'carry%d','endpoint':'/e','customer_wallet':'cust%d',"
                  "'cost':{'amount':'%d.0333','currency':'USD'}}}",
        k, k, k, amount);
    scene_apply(s,
                "{'event_id':'key%d','event_type':'key.registered','occurred_at':'" DAY(
                    "02") "',"
                          "'payload':{'key_id':'old%d','alg':'ed25519','key':'"
                          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'}}",
                k, k);
    for (int i = 0; i < 6; i++) { /* 0 is reversed, 1 disputed, the others are disputed already */
        scene_apply(s,
                    "{'event_id':'rev%d-%d','event_type':'revenue.received','occurred_at':'" DAY(
                        "03") "','payload':{'policy':'%s%d','amount':{'amount':'%d.0%d',"
                              "'currency':'USD'}}}",
                    k, i, i == 0 ? "carry" : "plain", k, amount, i);
        if (i >= 2)
            scene_apply(s,
                        "{'event_id':'dis%d-%d','event_type':'allocation.disputed',"
                        "'occurred_at':'" DAY("04") "','payload':{'allocation_id':'rev%d-%d/1',"
                                                    "'reason':'r'}}",
                        k, i, k, i);
    }
}

void commute_before(struct scene *s, int amount)
{
    scene_apply(s, "{'event_id':'fee','event_type':'fees.scheduled','occurred_at':'" DAY(
                       "01") "',"
                             "'payload':{'fees':[{'label':'f','bps':333,'payee':'house'}]}}");
    set_before(s, 0, amount);
    set_before(s, 1, amount + 7);
    for (int i = 0; i < 2; i++)
        (void)scene_send(s,
                         "{'event_id':'wait%d','event_type':'revenue.received','occurred_at':'" DAY(
                             "03") "','payload':{'policy':'later%d','amount':{'amount':'5.55',"
                                   "'currency':'USD'}}}",
                         i, i);
}

static void set_after(struct scene *s, int k, int amount)
{
    static const char *const policies[] = {"plain", "carry", "film"};
    for (int i = 0; i < 3; i++)
        (void)scene_send(s,
                         "{'event_id':'after%d-%d','event_type':'revenue.received',"
                         "'occurred_at':'" DAY("20") "','payload':{'policy':'%s%d','amount':"
                                                     "{'amount':'%d.11','currency':'USD'}}}",
                         k, i, policies[i], k, amount + i);
    (void)scene_send(s,
                     "{'event_id':'aitem%d','event_type':'revenue.received','occurred_at':'" DAY(
                         "20") "','payload':{'content_item_id':'item%d','amount':{'amount':"
                               "'%d.77','currency':'USD'}}}",
                     k, k, amount);
    (void)scene_send(
        s,
        "{'event_id':'acyc%d','event_type':'cycle.closed','occurred_at':'" DAY(
            "20") "','payload':{'policy':'usage%d','window_start':'" DAY("01") "','window_end':"
                                                                               "'" DAY("30") "','"
                                                                                             "pool'"
                                                                                             ":{'"
                                                                                             "amoun"
                                                                                             "t':'%"
                                                                                             "d.01'"
                                                                                             ",'"
                                                                                             "curre"
                                                                                             "ncy':"
                                                                                             "'USD'"
                                                                                             "}}}",
        k, k, amount);
    (void)scene_send(s,
                     "{'event_id':'aclose%d','event_type':'metering.closed','occurred_at':'" DAY(
                         "20") "','payload':{'policy':'carry%d','day':'2025-01-19'}}",
                     k, k);
    for (int i = 0; i < 6; i++)
        (void)scene_send(
            s,
            "{'event_id':'aback%d-%d','event_type':'revenue.reversed',"
            "'occurred_at':'" DAY("21") "','payload':{'reverses':'rev%d-%d',"
                                        "'amount':{'amount':'0.37','currency':'USD'}}}",
            k, i, k, i);
    (void)scene_send(
        s,
        "{'event_id':'aback%d','event_type':'revenue.reversed','occurred_at':'" DAY(
            "21") "','payload':{'reverses':'x%d','amount':{'amount':'1.00','currency':'USD'}}}",
        k, k);
}

void commute_after(struct scene *s, int amount)
{
    set_after(s, 0, amount);
    set_after(s, 1, amount + 3);
}

/* --- the events themselves
 * ----------------------------------------------------------------------*/

static bool told(struct buf *b, enum event_type type, int k, int amount)
{
    if (type == EVENT_BOOK_CONFIGURED) {
        buf_printf(b, "'clear_after_days':%d,'unallocated':'nobody%d'", amount % 3, k);
        return true;
    }
    if (type == EVENT_ASSET_DEFINED) {
        buf_printf(b, "'code':'COIN%d','scale':3", k);
        return true;
    }
    if (type == EVENT_APP_REGISTERED) {
        buf_printf(b, "'app_id':'app%d','owner':'a%d'", k, k);
        return true;
    }
    if (type == EVENT_FEES_SCHEDULED) {
        buf_printf(b, "'fees':[{'label':'g','bps':%d,'payee':'house%d'}]", 100 + amount, k);
        return true;
    }
    if (type == EVENT_PARTY_REGISTERED) {
        buf_printf(b, "'party':'a%d','kind':'human'", k);
        return true;
    }
    if (type == EVENT_PARTY_DESTINATION_SET) {
        buf_printf(b, "'party':'a%d','rail':'bank','destination':'secret'", k);
        return true;
    }
    if (type == EVENT_KEY_REGISTERED) {
        buf_printf(b,
                   "'key_id':'new%d','alg':'ed25519','key':'"
                   "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'",
                   k);
        return true;
    }
    if (type == EVENT_KEY_REVOKED) {
        buf_printf(b, "'key_id':'old%d'", k);
        return true;
    }
    if (type == EVENT_FX_RATE_SET) {
        buf_printf(b,
                   "'base':'USD','quote':'%s','rate':'1.5','provider':'x','as_of':'" DAY("04") "'",
                   k == 0 ? "EUR" : "JPY");
        return true;
    }
    return false;
}

static bool ruled(struct buf *b, enum event_type type, int k, int variant, int amount)
{
    if (type == EVENT_POLICY_PUBLISHED) {
        if (variant > 1)
            return false;
        buf_printf(b, "'policy':{'id':'%s%d','kind':'single','party':'z%d'}",
                   variant == 0 ? "later" : "fresh", k, k);
        return true;
    }
    if (type == EVENT_CONTRIBUTION_RECORDED) {
        buf_printf(b, "'content_item_id':'item%d','party':'b%d','role':'author','weight':%d", k, k,
                   amount);
        return true;
    }
    if (type == EVENT_CONDITION_CHANGED) {
        buf_printf(b, "'policy':'film%d','condition':'promo','active':true", k);
        return true;
    }
    if (type == EVENT_USAGE_REPORTED) {
        buf_printf(b,
                   "'platform_id':'x','provider':'prov%d-1','window_start':'" DAY(
                       "10") "','window_end':'" DAY("10") "','calls':%d",
                   k, amount);
        return true;
    }
    if (type == EVENT_USAGE_METERED) {
        buf_printf(b,
                   "'policy':'carry%d','endpoint':'/e','customer_wallet':'cust%d','cost':{"
                   "'amount':'%d.00777','currency':'USD'}",
                   k, k, amount);
        return true;
    }
    if (type == EVENT_METERING_CLOSED) {
        buf_printf(b, "'policy':'carry%d','day':'2025-01-05'", k);
        return true;
    }
    return false;
}

static bool moved(struct buf *b, enum event_type type, int k, int id, int variant, int amount)
{
    static const char *const policies[] = {"'policy':'plain", "'policy':'carry", "'policy':'film",
                                           "'content_item_id':'item", "'policy':'later"};
    if (type == EVENT_CYCLE_CLOSED && variant < 2) {
        buf_printf(b,
                   "'policy':'usage%d','window_start':'" DAY("%d") "','window_end':'" DAY(
                       "%d") "','pool':{'amount':'%d.03','currency':'USD'}",
                   k, variant == 0 ? 10 : 12, variant == 0 ? 11 : 13, amount);
        return true;
    }
    if (type == EVENT_REVENUE_RECEIVED && variant < 5) {
        buf_printf(b, "%s%d','amount':{'amount':'%d.07','currency':'USD'}", policies[variant], k,
                   amount);
        return true;
    }
    if (type == EVENT_REVENUE_REVERSED && variant < 2) {
        buf_printf(b, "'reverses':'rev%d-0','amount':{'amount':'0.53','currency':'USD'}", k);
        return variant == 0;
    }
    if (type == EVENT_WALLET_TRANSFERRED && variant == 0) {
        buf_printf(b, "'from':'house','to':'a%d','amount':{'amount':'0.01','currency':'USD'}", k);
        return true;
    }
    (void)id;
    return false;
}

static bool disputed(struct buf *b, enum event_type type, int k)
{
    int revenue = 1;
    for (int i = 0; i < 4; i++) {
        enum event_type t;
        METE_ASSERT(
            event_type_of((struct text){dispute_types[i], __builtin_strlen(dispute_types[i])}, &t));
        revenue = t == type ? i + 2 : revenue;
    }
    if (type != EVENT_ALLOCATION_DISPUTED && revenue == 1)
        return false;
    buf_printf(b, "'allocation_id':'rev%d-%d/1','reason':'r'", k, revenue);
    return true;
}

bool commute_event(struct buf *out, enum event_type type, int set, int id, int variant, int amount)
{
    buf_reset(out);
    buf_printf(out, "{'event_id':'x%d','event_type':'%s','occurred_at':'" DAY("05") "','payload':{",
               id, event_type_name(type));
    bool made = moved(out, type, set, id, variant, amount) ||
                ruled(out, type, set, variant, amount) ||
                (variant == 0 && (told(out, type, set, amount) || disputed(out, type, set)));
    buf_put_str(out, "}}");
    return made && (variant == 0 || type == EVENT_POLICY_PUBLISHED || type == EVENT_CYCLE_CLOSED ||
                    type == EVENT_REVENUE_RECEIVED);
}
