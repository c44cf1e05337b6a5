/* SPDX-License-Identifier: Apache-2.0
 * A policy as rows that people read and compare: who, in what role, when, how much. */
#ifndef METE_CLI_POLICY_ROWS_H
#define METE_CLI_POLICY_ROWS_H

#include "cli/cli.h"
#include "core/policy.h"

struct policy_row {
    struct text payee; /* party or policy; empty for roles */
    struct text role;
    struct text when;                /* of a temporal entry; empty: the base weight */
    const struct split_entry *entry; /* NULL: the base weight */
    bool is_policy;
    bool held;
    u128 num; /* of den */
    u128 den;
};

struct policy_rows {
    struct policy_row *row; /* shares, each followed by its temporal entries; or roles, or tiers */
    size_t count;
};

/** In `a`. The policy's payees must have names. */
struct policy_rows policy_rows(struct arena *a, const struct policy *p);

/** "33.333333...%" cut after six decimals; exact when nothing follows. In `a`. */
struct text percent_label(struct arena *a, u128 num, u128 den);

/** Shows a policy as text or JSON; `generation` NULL: a policy document. */
struct policy_about {
    const char *generation;
    uint32_t version;  /* 0: not published */
    uint32_t versions; /* how many there are */
    mete_time from;    /* of this version */
};
void policy_show_text(struct cli *c, const struct policy *p, const struct policy_about *about);
void policy_show_json(struct cli *c, const struct policy *p, const struct policy_about *about);

/** A published version, names filled in. `version` 0: the newest. In `a`.
 *  METE_POLICY_UNKNOWN, METE_NOT_FOUND. */
enum mete_code policy_load(struct engine *e, struct arena *a, struct text id, uint32_t version,
                           struct policy *out, struct policy_about *about,
                           struct mete_err *err) METE_MUST_CHECK;

/** Reads a document or manifest. In `a`. */
enum mete_code policy_read(struct arena *a, struct text json, struct policy *out,
                           struct policy_about *about, struct mete_err *err) METE_MUST_CHECK;

#endif
