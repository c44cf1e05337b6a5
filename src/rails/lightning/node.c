/* SPDX-License-Identifier: Apache-2.0
 * What all nodes have in common: the request with our key, answers read strictly, and the preimage
 * that proves a payment. */
#include "rails/lightning/parts.h"

#include "base/encode.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

struct json *node_ask(struct rail *r, const struct node_question *q, char words[RAIL_TEXT_MAX])
{
    struct json *j = NULL;
    struct mete_err err = {0};
    struct buf *body = q->form != NULL ? q->form : q->json;
    const struct text url = arena_printf(&r->work, "%s%.*s", r->s.url, (int)q->path.len, q->path.p);
    struct web_request w = {.method = q->method, .url = url.p, .header = {r->s.auth}};
    w.total_ms = q->total_ms;
    w.is_first_line = q->is_first_line;
    if (body != NULL) {
        w.body = buf_bytes(body);
        w.header[1] = q->form != NULL ? "Content-Type: application/x-www-form-urlencoded"
                                      : "Content-Type: application/json";
    }
    r->t.ask(r->t.ctx, LIGHTNING_NODE, &w, &r->answer);
    if (r->answer.outcome != WEB_ANSWERED) {
        char why[RAIL_TEXT_MAX / 2];
        lightning_words(why, sizeof why, text_of(r->answer.error), NULL);
        snprintf(words, RAIL_TEXT_MAX, "the node gave no whole answer: %s", why);
        return NULL;
    }
    struct text text = arena_text(&r->work, buf_text(&r->answer.body));
    if (json_parse(&r->work, text, &j, &err) != METE_OK) {
        node_refused(r, text, words);
        return NULL;
    }
    return j;
}

void node_refused(struct rail *r, struct text said, char words[RAIL_TEXT_MAX])
{
    const unsigned status = r->answer.status;
    if (status == 401 || status == 403) {
        snprintf(words, RAIL_TEXT_MAX, "the node refuses our key (status %u): see [lightning] %s",
                 status, r->s.node->key_setting);
        return;
    }
    char plain[RAIL_TEXT_MAX / 2];
    lightning_words(plain, sizeof plain, said, NULL);
    snprintf(words, RAIL_TEXT_MAX, "the node answers with status %u%s%s", status,
             plain[0] != '\0' ? ": " : "", plain);
}

struct text node_string(const struct json *j, const char *key)
{
    const struct json *m = json_get(j, key);
    return m != NULL && m->type == JSON_STRING ? m->text : (struct text){"", 0};
}

bool node_number(const struct json *j, const char *key, uint64_t *out)
{
    const struct json *m = json_get(j, key);
    if (m == NULL || (m->type != JSON_NUMBER && m->type != JSON_STRING)) {
        return false;
    }
    struct text t = m->text;
    if (m->type == JSON_STRING && t.len > 4 && memcmp(t.p + t.len - 4, "msat", 4) == 0) {
        t.len -= 4;
    }
    u128 n;
    if (!u128_parse(t, &n) || n > INT64_MAX) {
        return false;
    }
    *out = (uint64_t)n;
    return true;
}

void node_proof(const struct node_payment *p, struct text hex, struct node_answer *out)
{
    uint8_t preimage[SHA256_LEN];
    out->state = NODE_UNSURE;
    if (hex.len != 2 * sizeof preimage || !hex_decode(preimage, sizeof preimage, hex)) {
        snprintf(out->words, sizeof out->words,
                 "the node says that it has paid, and shows no preimage for it: see doc/rails.md");
        return;
    }
    const struct hash h = sha256((struct bytes){preimage, sizeof preimage});
    if (!hash_eq(&h, &p->i.payment_hash)) {
        snprintf(out->words, sizeof out->words,
                 "the node says that it has paid, and its preimage is that of another payment: "
                 "see doc/rails.md");
        return;
    }
    hex_encode(out->preimage, (struct bytes){preimage, sizeof preimage});
    out->state = NODE_PAID;
}

void node_info_key(struct node_info *out, struct text key)
{
    out->is_known = key.len > 0 && key.len < sizeof out->key;
    (void)text_copy(out->key, sizeof out->key, out->is_known ? key : TEXT(""));
}

void node_info_network(struct node_info *out, struct text name)
{
    out->has_network =
        bolt11_network_of(text_is(name, "mainnet") ? TEXT("bitcoin") : name, &out->network);
}
