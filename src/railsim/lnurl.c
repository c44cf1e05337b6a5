/* SPDX-License-Identifier: Apache-2.0
 * A host of LNURL-pay (LUD-01, 06, 12, 16, 21): every name but "nobody" has an account here. Its
 * invoices are real ones, signed by the simulator's own key. */
#include "railsim/lightning.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "wire/lightning/lnurl.h"

#include <string.h>

#define MIN_MSAT    1000
#define MAX_MSAT    100000000000
#define COMMENT_MAX 140
#define EXPIRY_S    3600

/* Features var_onion_optin (8), payment_secret (14) as needed, basic_mpp (17) as known: symbols of
 * five bits, most significant first. */
static const uint8_t FEATURES[] = {4, 16, 8, 0};

struct account {
    struct text name;
    int64_t min_msat, max_msat, comment_max;
};

/** LNURL has errors in bodies alone. */
static void lnurl_error(struct call *c, const char *reason)
{
    struct json_writer w;
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "status", "ERROR");
    jw_str(&w, "reason", reason);
    jw_end_object(&w);
}

static bool account_find(struct call *c, struct text name, struct account *out)
{
    *out = (struct account){name, MIN_MSAT, MAX_MSAT, COMMENT_MAX};
    for (size_t i = 0; i < name.len; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.+", name.p[i]) == NULL) {
            return false;
        }
    }
    sqlite3_stmt *q = state_ask(
        c->s, "SELECT min_msat, max_msat, comment_max FROM lnurl_user WHERE name = ?", "t", name);
    if (state_next(c->s, q)) {
        out->min_msat = state_int(q, 0);
        out->max_msat = state_int(q, 1);
        out->comment_max = state_int(q, 2);
        state_end(q);
        return true;
    }
    return !text_is(name, "nobody");
}

/** The string to which the invoice commits; the same for both answers of one host. */
static struct text metadata_of(struct call *c, struct text name)
{
    struct text host = call_header(c, "Host");
    return arena_printf(&c->arena,
                        "[[\"text/plain\",\"Payment to %.*s\"],"
                        "[\"text/identifier\",\"%.*s@%.*s\"]]",
                        (int)name.len, name.p, (int)name.len, name.p, (int)host.len, host.p);
}

static void pay_request(struct call *c)
{
    struct account a;
    struct json_writer w;
    struct text base = call_base(c);
    if (!account_find(c, c->part[0], &a)) {
        lnurl_error(c, "no such account");
        return;
    }
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "tag", "payRequest");
    jw_text(&w, "callback",
            arena_printf(&c->arena, "%.*s/lnurl/callback/%.*s", (int)base.len, base.p,
                         (int)a.name.len, a.name.p));
    jw_int(&w, "minSendable", a.min_msat);
    jw_int(&w, "maxSendable", a.max_msat);
    jw_int(&w, "commentAllowed", a.comment_max);
    jw_text(&w, "metadata", metadata_of(c, a.name));
    jw_end_object(&w);
}

/* --- invoices ----------------------------------------------------------------------------------*/

/** The preimage of the invoice before; false: there is none. */
static bool preimage_before(struct call *c, struct hash *out)
{
    sqlite3_stmt *q = state_ask(c->s, "SELECT preimage FROM invoice ORDER BY id DESC LIMIT 1", "");
    if (!state_next(c->s, q)) {
        return false;
    }
    METE_ASSERT(hex_decode(out->b, sizeof out->b, state_text(&c->arena, q, 0)));
    state_end(q);
    return true;
}

/** Another network than the one that is served. */
static enum bolt11_network network_other(enum bolt11_network n)
{
    return n == BOLT11_BITCOIN ? BOLT11_REGTEST : BOLT11_BITCOIN;
}

static void invoice_spoil(struct call *c, struct bolt11 *i, struct hash *preimage)
{
    if (fault_take(c, FAULT_WRONG_AMOUNT)) {
        i->amount_msat += 1000;
    }
    if (fault_take(c, FAULT_WRONG_HASH)) {
        i->description_hash = sha256(text_bytes(TEXT("other metadata")));
    }
    if (fault_take(c, FAULT_WRONG_NETWORK)) {
        i->network = network_other(i->network);
    }
    if (fault_take(c, FAULT_EXPIRED_INVOICE)) {
        i->timestamp_s -= EXPIRY_S + 60;
    }
    struct hash before;
    if (c->fault.kind == FAULT_SAME_HASH && preimage_before(c, &before) &&
        fault_take(c, FAULT_SAME_HASH)) {
        *preimage = before;
    }
}

/** A new invoice; its row's number, and its text in `pr`. */
static int64_t invoice_make(struct call *c, const struct account *a, int64_t amount_msat,
                            struct text comment, struct buf *pr)
{
    int64_t n = state_count(c->s, "preimage");
    struct hash preimage = state_secret(c->s, "preimage", n);
    struct hash secret = state_secret(c->s, "payment secret", n);
    struct bolt11 i = {.network = c->s->o.network,
                       .has_amount = true,
                       .has_description_hash = true,
                       .amount_msat = (uint64_t)amount_msat,
                       .timestamp_s = c->now_us / TIME_SECOND_US,
                       .expiry_s = EXPIRY_S,
                       .cltv = 40,
                       .features = {FEATURES, sizeof FEATURES}};
    char hash[65], hex[65];
    i.description_hash = sha256(text_bytes(metadata_of(c, a->name)));
    invoice_spoil(c, &i, &preimage);
    i.payment_hash = sha256((struct bytes){preimage.b, sizeof preimage.b});
    memcpy(i.payment_secret, secret.b, sizeof i.payment_secret);
    METE_ASSERT(bolt11_write(pr, &i, c->s->node_secret));
    hash_hex(&i.payment_hash, hash);
    hash_hex(&preimage, hex);
    state_do(c->s,
             "INSERT INTO invoice(name, pr, hash, preimage, amount_msat, expires_s, comment) "
             "VALUES(?,?,?,?,?,?,?)",
             "ttssiit", a->name, buf_text(pr), hash, hex, (int64_t)i.amount_msat,
             bolt11_expires_at(&i), comment);
    return state_last_row(c->s);
}

/** Characters of UTF-8. */
static int64_t characters(struct text t)
{
    int64_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        n += ((uint8_t)t.p[i] & 0xc0) != 0x80;
    }
    return n;
}

static void callback(struct call *c)
{
    struct account a;
    struct json_writer w;
    struct buf pr = {0};
    int64_t amount = 0;
    struct text comment = call_arg(c, "comment");
    struct text base = call_base(c);
    if (!account_find(c, c->part[0], &a)) {
        lnurl_error(c, "no such account");
        return;
    }
    if (!call_number(call_arg(c, "amount"), &amount) || amount < a.min_msat ||
        amount > a.max_msat) {
        lnurl_error(c, "amount is not between minSendable and maxSendable");
        return;
    }
    if (characters(comment) > a.comment_max) {
        lnurl_error(c, "the comment is too long");
        return;
    }
    if (fault_take(c, FAULT_DUPLICATE_CALLBACK)) {
        (void)invoice_make(c, &a, amount, comment, &pr);
        buf_reset(&pr);
    }
    int64_t id = invoice_make(c, &a, amount, comment, &pr);
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "pr", buf_text(&pr));
    jw_array(&w, "routes");
    jw_end_array(&w);
    jw_text(
        &w, "verify",
        arena_printf(&c->arena, "%.*s/lnurl/verify/%lld", (int)base.len, base.p, (long long)id));
    jw_end_object(&w);
    buf_clear(&pr);
}

static void verify(struct call *c)
{
    struct json_writer w;
    int64_t id = 0;
    sqlite3_stmt *q;
    if (call_number(c->part[0], &id)) {
        q = state_ask(c->s, "SELECT pr, preimage, paid_us FROM invoice WHERE id = ?", "i", id);
        if (state_next(c->s, q)) {
            bool settled = sqlite3_column_type(q, 2) != SQLITE_NULL;
            call_json(c, 200, &w);
            jw_object(&w, NULL);
            jw_str(&w, "status", "OK");
            jw_bool(&w, "settled", settled);
            jw_str(&w, "preimage", settled ? state_text(&c->arena, q, 1).p : NULL);
            jw_text(&w, "pr", state_text(&c->arena, q, 0));
            jw_end_object(&w);
            state_end(q);
            return;
        }
    }
    lnurl_error(c, "Not found");
}

/* --- control -----------------------------------------------------------------------------------*/

/** Bounds of an account: name, min_msat, max_msat, comment_max. */
static void account_set(struct call *c)
{
    struct account a;
    struct text name = call_arg(c, "name");
    if (name.len == 0 || !account_find(c, name, &a)) {
        a = (struct account){name, MIN_MSAT, MAX_MSAT, COMMENT_MAX};
    }
    (void)call_number(call_arg(c, "min_msat"), &a.min_msat);
    (void)call_number(call_arg(c, "max_msat"), &a.max_msat);
    (void)call_number(call_arg(c, "comment_max"), &a.comment_max);
    if (name.len == 0 || a.min_msat < 1 || a.max_msat < a.min_msat) {
        call_plain(c, 400, "name, and 1 <= min_msat <= max_msat\n");
        return;
    }
    state_do(c->s, "INSERT OR REPLACE INTO lnurl_user VALUES(?,?,?,?)", "tiii", name, a.min_msat,
             a.max_msat, a.comment_max);
    call_plain(c, 200, "set\n");
}

/** The lnurl1... of an account. */
static void bech32_form(struct call *c)
{
    struct text base = call_base(c);
    call_plain(c, 200, "");
    lnurl_write(&c->out, arena_printf(&c->arena, "%.*s/.well-known/lnurlp/%.*s", (int)base.len,
                                      base.p, (int)c->part[0].len, c->part[0].p));
}

const struct route lnurl_routes[] = {
    {"GET", "/.well-known/lnurlp/*", "lnurl.pay", DOES_ANSWER, pay_request},
    {"GET", "/lnurl/callback/*", "lnurl.callback", DOES_ANSWER | DOES_CHANGE | DOES_INVOICE,
     callback},
    {"GET", "/lnurl/verify/*", "lnurl.verify", DOES_ANSWER, verify},
    {"POST", "/sim/lnurl", "sim.lnurl", DOES_CONTROL, account_set},
    {"GET", "/sim/lnurl/*", "sim.lnurl.form", DOES_CONTROL, bech32_form},
    {NULL, NULL, NULL, 0, NULL}};
