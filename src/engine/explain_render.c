/* SPDX-License-Identifier: Apache-2.0
 * An explanation as text, and how its tree is built. */
#include "engine/explain_parts.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* --- building
 * -----------------------------------------------------------------------------------*/

struct explain_node *explain_add(struct explain *x, struct explain_node *parent, const char *label,
                                 const char *fmt, ...)
{
    struct explain_node *n = arena_alloc(x->a, sizeof *n);
    va_list args;
    va_start(args, fmt);
    int need = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    METE_ASSERT(need >= 0);
    char *text = arena_alloc(x->a, (size_t)need + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)need + 1, fmt, args);
    va_end(args);
    n->label = label;
    n->text = (struct text){text, (size_t)need};
    if (parent != NULL && parent->last != NULL) {
        parent->last->next = n;
    } else if (parent != NULL) {
        parent->child = n;
    }
    if (parent != NULL) {
        parent->last = n;
    }
    return n;
}

void explain_amount(struct explain_node *n, i128 amount, const struct asset *asset)
{
    n->has_amount = true;
    n->amount = amount;
    n->asset = *asset;
}

void explain_fact(struct explain *x, struct explain_node *n, const char *name, struct text value)
{
    struct explain_fact *f = arena_alloc(x->a, sizeof *f);
    *f = (struct explain_fact){name, arena_text(x->a, value), NULL};
    if (n->fact_last == NULL) {
        n->fact = f;
    } else {
        n->fact_last->next = f;
    }
    n->fact_last = f;
}

void explain_fact_i128(struct explain *x, struct explain_node *n, const char *name, i128 value)
{
    explain_fact(x, n, name, words_i128(x->a, value));
}

void explain_fact_ratio(struct explain *x, struct explain_node *n, const char *name, u128 num,
                        u128 den)
{
    explain_fact(x, n, name, words_fraction(x->a, num, den));
}

void explain_rest(struct explain *x, struct explain_node *parent, uint64_t rest, const char *what)
{
    if (rest > 0) {
        struct explain_node *n =
            explain_add(x, parent, "more", "and %llu more %s", (unsigned long long)rest, what);
        explain_fact_i128(x, n, "count", (i128)rest);
    }
}

/* --- arithmetic
 * ---------------------------------------------------------------------------------*/

struct explain_product explain_multiply(i128 input, u128 weight, u128 den)
{
    struct explain_product p = {.den = den};
    p.floor = (i128)u128_mul_div((u128)input, weight, den, &p.rem);
    return p;
}

struct text explain_exact(struct explain *x, const struct explain_product *p,
                          const struct asset *asset)
{
    struct text floor = words_amount(x->a, p->floor, asset);
    if (p->rem == 0) {
        return arena_printf(x->a, "%s exactly", floor.p);
    }
    struct text fraction = words_fraction(x->a, p->rem, p->den);
    return asset->scale == 0 ? arena_printf(x->a, "%s and %s", floor.p, fraction.p)
                             : arena_printf(x->a, "%s and %s of %s", floor.p, fraction.p,
                                            words_amount(x->a, 1, asset).p);
}

void explain_fact_product(struct explain *x, struct explain_node *n,
                          const struct explain_product *p)
{
    explain_fact_i128(x, n, "floor", p->floor);
    explain_fact_ratio(x, n, "remainder", p->rem, p->den);
}

/* --- text --------------------------------------------------------------------------------------*/

struct indent {
    struct buf prefix;
};

static void put_clean(struct buf *out, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        uint8_t c = (uint8_t)t.p[i];
        buf_put_u8(out, c < 0x20 || c == 0x7f ? '?' : c); /* control codes could steer a terminal */
    }
}

static void text_node(struct buf *out, const struct explain_node *n, struct indent *indent)
{
    put_clean(out, n->text);
    buf_put_str(out, "\n");
    for (const struct explain_node *c = n->child; c != NULL; c = c->next) {
        size_t before = indent->prefix.len;
        buf_put(out, indent->prefix.p, before);
        buf_put_str(out, c->next != NULL ? "├─ " : "└─ ");
        buf_put_str(&indent->prefix, c->next != NULL ? "│  " : "   ");
        text_node(out, c, indent);
        indent->prefix.len = before;
    }
}

void explain_text(struct buf *out, const struct explain_node *n)
{
    struct indent indent = {0};
    text_node(out, n, &indent);
    buf_clear(&indent.prefix);
}
