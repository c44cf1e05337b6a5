/* SPDX-License-Identifier: Apache-2.0
 * The Lightning rail: to Lightning addresses, LNURL-pay and single invoices, through a node of
 * one's own. The anchor is the payment hash; at most one invoice of a transfer can be paid at any
 * time. See doc/rails.md. */
#ifndef METE_RAILS_LIGHTNING_LIGHTNING_H
#define METE_RAILS_LIGHTNING_LIGHTNING_H

#include "rails/rail.h"
#include "rails/web.h"

extern const struct rail_kind rail_lightning;

enum lightning_peer {
    LIGHTNING_NODE, /* ours, with our key */
    LIGHTNING_PAYEE,
    LIGHTNING_ONION /* a payee behind the proxy */
};

/* How the rail asks; tests give answers of their own. */
struct lightning_transport {
    void (*ask)(void *ctx, enum lightning_peer to, const struct web_request *q,
                struct web_answer *out);
    void *ctx;
};

/** As rail_lightning.open, asking through `t`; NULL: by web_do. */
enum mete_code lightning_open(struct rail **out, const struct rail_config *config,
                              const struct lightning_transport *t,
                              struct mete_err *err) METE_MUST_CHECK;

#endif
