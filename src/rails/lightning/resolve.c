/* SPDX-License-Identifier: Apache-2.0
 * From a destination to an invoice that may be paid: LUD-16, LUD-17, LUD-01 and LUD-06, or the
 * invoice that the party gave. Every host here was chosen by somebody else. What the destination
 * alone proves wrong is rejected for good; what others answer may be otherwise next time. */
#include "rails/lightning/parts.h"

#include "base/encode.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define ASKS_MAX 3 /* of one host for an invoice that was not given out before */

struct asking {
    struct rail *r;
    struct rail_payment *p;
    struct lightning_address address;
    struct text url;
    struct text hide[4]; /* what the reasons must not name */
};

static bool say(struct asking *k, enum rail_outcome o, const char *mend, const char *why)
{
    char plain[RAIL_TEXT_MAX];
    lightning_words(plain, sizeof plain, text_of(why), k->hide);
    rail_say(k->p, o, "%s", plain);
    snprintf(k->p->report.remediation, sizeof k->p->report.remediation, "%s", mend);
    return false;
}

static const char other_address[] =
    "Set a Lightning address that works, such as name@example.com, as payout destination.";
static const char other_host[] =
    "Ask the host of the Lightning address what is wrong there, or set another destination.";

/* --- the web -----------------------------------------------------------------------------------*/

static void ask(struct asking *k, struct text url, bool is_onion)
{
    struct rail *r = k->r;
    struct web_request q = {.method = "GET",
                            .url = arena_text(&r->work, url).p,
                            .header = {"Accept: application/json"}};
    r->t.ask(r->t.ctx, is_onion ? LIGHTNING_ONION : LIGHTNING_PAYEE, &q, &r->answer);
}

/** The body of what a host answers, whatever its status; false: said. */
static bool fetch(struct asking *k, struct text url, struct text *body)
{
    struct url parts;
    struct rail *r = k->r;
    const char *wrong = url_read(url, &parts);
    const bool is_onion = wrong == NULL && host_is_onion(parts.host);
    if (wrong != NULL) {
        return say(k, RAIL_TRANSIENT, other_host, "the host names a URL that is none");
    }
    if (is_onion && r->s.onion_proxy == NULL) {
        return say(k, RAIL_REJECTED, other_address,
                   "its host is an onion service, and [lightning] onion_proxy is not set");
    }
    ask(k, url, is_onion);
    if (r->answer.outcome != WEB_ANSWERED) {
        char why[RAIL_TEXT_MAX];
        snprintf(why, sizeof why, "the host of the destination gave no answer: %s",
                 r->answer.error);
        return say(k, RAIL_TRANSIENT, other_host, why);
    }
    if (r->answer.status >= 300 && r->answer.status < 400) {
        return say(k, RAIL_TRANSIENT, other_host,
                   "the host of the destination points elsewhere; redirects are not followed");
    }
    *body = arena_text(&r->work, buf_text(&r->answer.body));
    return true;
}

/* --- the invoice -------------------------------------------------------------------------------*/

/** Every check that money must not go out without. */
static bool invoice_check(struct asking *k, const struct node_info *info, struct bytes metadata,
                          struct node_payment *out)
{
    struct rail *r = k->r;
    struct mete_err err = {0};
    const int64_t now_s = k->p->now / TIME_SECOND_US;
    const bool is_own = metadata.p == NULL; /* given by the party: nothing else describes it */
    const enum rail_outcome o = is_own ? RAIL_REJECTED : RAIL_TRANSIENT;
    const char *mend = is_own ? "Give a new invoice, or set a Lightning address." : other_host;
    uint8_t own[SECP_COMPRESSED_LEN];
    const bool knows_own = info->key[0] != '\0' && hex_decode(own, sizeof own, text_of(info->key));
    struct bolt11_terms terms = {.network = r->s.network,
                                 .metadata = metadata,
                                 .takes_any_description = is_own || r->s.takes_any_description,
                                 .now_s = now_s,
                                 .margin_s = LIGHTNING_MARGIN_S,
                                 .own_node = knows_own ? own : NULL};
    METE_ASSERT(lightning_msat_of(&k->p->asset, k->p->amount, &terms.amount_msat));
    if (bolt11_read(&r->work, out->invoice, &out->i, &err) != METE_OK ||
        bolt11_check_payout(&out->i, &terms, &err) != METE_OK) {
        return say(k, o, mend, err.text);
    }
    if (bolt11_expires_at(&out->i) - now_s > (int64_t)LIGHTNING_EXPIRY_MAX_S) {
        return say(k, o, mend,
                   "the invoice stays valid for longer than a week: so long could nobody say that "
                   "it is not paid any more");
    }
    if (out->i.cltv > r->s.max_delay) {
        return say(k, o, mend,
                   "the invoice locks money for more blocks than [lightning] max_delay_blocks");
    }
    hash_hex(&out->i.payment_hash, out->hash);
    return true;
}

/* --- LNURL-pay ---------------------------------------------------------------------------------*/

/** The comment that goes along: none where the payee takes none, or none so long. */
static void callback_write(struct asking *k, const struct lnurl_pay *pay, uint64_t msat,
                           struct buf *url)
{
    const struct text comment = text_of(k->r->s.comment);
    if (!lnurl_callback_write(url, pay, msat, comment)) {
        METE_ASSERT(lnurl_callback_write(url, pay, msat, (struct text){"", 0}));
    }
}

static bool invoice_ask(struct asking *k, const struct lnurl_pay *pay, uint64_t msat,
                        struct lnurl_invoice *out)
{
    struct buf url = {0};
    struct text body;
    struct mete_err err = {0};
    callback_write(k, pay, msat, &url);
    const bool is_fetched = fetch(k, buf_text(&url), &body);
    buf_clear(&url);
    if (!is_fetched) {
        return false;
    }
    if (lnurl_invoice_read(&k->r->work, body, pay, k->r->s.switches, out, &err) != METE_OK) {
        return say(k, RAIL_TRANSIENT, other_host, err.text);
    }
    return true;
}

static bool pay_request(struct asking *k, const struct node_info *info, struct node_payment *out)
{
    uint64_t msat = 0;
    struct text body;
    struct lnurl_pay pay;
    struct lnurl_invoice invoice;
    struct mete_err err = {0};
    const struct lightning_address *address = k->address.user.len > 0 ? &k->address : NULL;
    METE_ASSERT(lightning_msat_of(&k->p->asset, k->p->amount, &msat));
    if (k->p->anchors_taken >= ASKS_MAX) {
        return say(k, RAIL_TRANSIENT, other_host,
                   "the host of the destination gives out invoices that it gave out before");
    }
    if (!fetch(k, k->url, &body)) {
        return false;
    }
    if (lnurl_pay_read(&k->r->work, body, address, k->r->s.switches, &pay, &err) != METE_OK ||
        lnurl_pay_check_amount(&pay, msat, &err) != METE_OK) {
        return say(k, RAIL_TRANSIENT, other_host, err.text);
    }
    if (!invoice_ask(k, &pay, msat, &invoice)) {
        return false;
    }
    out->invoice = invoice.invoice;
    return invoice_check(k, info, text_bytes(pay.metadata), out);
}

/* --- destinations ------------------------------------------------------------------------------*/

static bool begins(struct text t, struct text with)
{
    return t.len > with.len && host_eq((struct text){t.p, with.len}, with);
}

static struct text after(struct text t, struct text prefix)
{
    return begins(t, prefix) ? (struct text){t.p + prefix.len, t.len - prefix.len} : t;
}

static bool is_invoice(struct text t)
{
    return begins(t, TEXT("lnbc")) || begins(t, TEXT("lntb"));
}

/** lnurlp://host/path stands for https, or http below .onion (LUD-17). */
static void scheme_write(struct buf *out, struct text rest, bool is_http)
{
    buf_put_str(out, is_http ? "http://" : "https://");
    buf_put_text(out, rest);
}

static bool url_of_scheme(struct asking *k, struct text rest)
{
    struct buf b = {0};
    struct url url;
    scheme_write(&b, rest, false);
    const char *wrong = url_read(buf_text(&b), &url);
    if (wrong == NULL && host_is_onion(url.host)) {
        buf_reset(&b);
        scheme_write(&b, rest, true);
        wrong = url_read(buf_text(&b), &url);
    }
    const bool is_good = wrong == NULL && (host_is_domain(url.host) || !k->r->s.public_only);
    k->url = arena_text(&k->r->work, buf_text(&b));
    k->hide[0] = is_good ? arena_text(&k->r->work, url.host) : (struct text){NULL, 0};
    buf_clear(&b);
    return is_good || say(k, RAIL_REJECTED, other_address, "the destination names no host");
}

static bool url_of_address(struct asking *k, struct text in)
{
    struct buf b = {0};
    struct mete_err err = {0};
    if (lightning_address_read(in, k->r->s.switches, &k->address, &err) != METE_OK) {
        return say(k, RAIL_REJECTED, other_address, err.text);
    }
    lightning_address_url(&b, &k->address, k->r->s.switches);
    k->url = arena_text(&k->r->work, buf_text(&b));
    k->hide[0] = k->address.host;
    k->hide[1] = k->address.user.len > 2 ? k->address.user : (struct text){NULL, 0};
    buf_clear(&b);
    return true;
}

static bool url_of_lnurl(struct asking *k, struct text in)
{
    struct url url;
    struct mete_err err = {0};
    const struct text found = lnurl_find(in);
    if (found.len > LNURL_TEXT_MAX ||
        lnurl_read(&k->r->work, found, k->r->s.switches, &k->url, &err) != METE_OK) {
        return say(k, RAIL_REJECTED, other_address,
                   "the destination is no Lightning address, no LNURL and no invoice");
    }
    METE_ASSERT(url_read(k->url, &url) == NULL);
    k->hide[0] = url.host;
    return true;
}

bool lightning_resolve(struct rail *r, struct rail_payment *p, const struct node_info *info,
                       struct node_payment *out)
{
    struct asking k = {.r = r, .p = p};
    const struct text scheme = TEXT("lnurlp://");
    const struct text in = after(p->destination, TEXT("lightning:"));
    if (is_invoice(in)) {
        if (p->anchors_taken > 0) {
            return say(&k, RAIL_REJECTED, "Give a new invoice, or set a Lightning address.",
                       "the invoice was used for another payout before");
        }
        out->invoice = in;
        return invoice_check(&k, info, (struct bytes){NULL, 0}, out);
    }
    bool is_found = false;
    if (begins(in, scheme)) {
        is_found = url_of_scheme(&k, after(in, scheme));
    } else if (in.len > 0 && memchr(in.p, '@', in.len) != NULL) {
        is_found = url_of_address(&k, in);
    } else {
        is_found = url_of_lnurl(&k, in);
    }
    return is_found && pay_request(&k, info, out);
}
