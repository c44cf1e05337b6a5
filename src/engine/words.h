/* SPDX-License-Identifier: Apache-2.0
 * Amounts, fractions and moments in words for people, and the names behind numbers. All texts live
 * in the arena that is given. Private to src/engine. */
#ifndef METE_ENGINE_WORDS_H
#define METE_ENGINE_WORDS_H

#include "base/arena.h"
#include "base/map.h"
#include "core/asset.h"
#include "core/view.h"

/** "1,500.00", "-3". */
struct text words_amount(struct arena *a, i128 amount, const struct asset *asset);
/** "1,500.00 USD". */
struct text words_money(struct arena *a, i128 amount, const struct asset *asset);
/** "1500.00": no grouping, for programs. */
struct text words_plain(struct arena *a, i128 amount, const struct asset *asset);
/** "150000": minor units. */
struct text words_i128(struct arena *a, i128 v);

/** "2/5", reduced; "1" and "0" alone. */
struct text words_fraction(struct arena *a, u128 num, u128 den);
/** "40 % (2/5)"; the fraction alone when the percentage does not end within 12 places. */
struct text words_weight(struct arena *a, u128 num, u128 den);
/** "2 %", "0.25 %". */
struct text words_percent(struct arena *a, uint32_t bps);

/** RFC 3339. */
struct text words_time(struct arena *a, mete_time t);
/** A day alone when `t` is its first or its last moment, else RFC 3339. */
struct text words_moment(struct arena *a, mete_time t);
/** "always" as "the beginning". */
struct text words_from(struct arena *a, mete_time from);
/** "2025-01-31"; "never" beyond the year 9999. */
struct text words_day(struct arena *a, int32_t day);

/* Names of parties and assets by number, remembered between lines. */
struct names {
    const struct view *view;
    struct map party; /* number -> struct text in `arena` */
    struct map asset; /* number -> struct asset * in `assets` */
    struct arena arena;
    struct arena assets;
};

void names_init(struct names *n, const struct view *view);
void names_clear(struct names *n);
/** Valid until names_trim; "?" for a number that nobody has. */
struct text names_party(struct names *n, uint32_t number);
/** Valid until names_clear. */
const struct asset *names_asset(struct names *n, uint32_t number);
/** Forgets when much was remembered: call it between rows. */
void names_trim(struct names *n);

#endif
