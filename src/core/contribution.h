/* SPDX-License-Identifier: Apache-2.0
 * Who contributed to a content item, in the order in which it was recorded. */
#ifndef METE_CORE_CONTRIBUTION_H
#define METE_CORE_CONTRIBUTION_H

#include "core/view.h"

struct contribution {
    uint32_t party;
    struct text role;
    uint64_t weight;
};

/** What the book's roles policy is called where it is shown. */
#define ROLES_POLICY_ID TEXT("mete:roles")
/** Where its versions are kept: no event can name this id. */
#define ROLES_VERSIONS_ID TEXT("")

enum view_result view_contributions(const struct view *v, struct arena *a, struct text content_item,
                                    struct contribution **list, size_t *count);
void contributions_pack(struct buf *out, const struct contribution *list, size_t count);

/** The roles policy in force: the latest one published, else 70/10/20 (number and version 0). */
enum view_result view_roles(const struct view *v, struct arena *a, mete_time at, uint32_t *number,
                            uint32_t *version, const struct role_share **roles, size_t *count);

#endif
