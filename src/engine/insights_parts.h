/* SPDX-License-Identifier: Apache-2.0
 * What the engine's files about insights share: the next row, with its name kept. */
#ifndef METE_ENGINE_INSIGHTS_PARTS_H
#define METE_ENGINE_INSIGHTS_PARTS_H

#include "engine/insights.h"

/** The name of the first point from `at` on, before `end`, in `a`; *found false: there is none. */
enum mete_code kpi_first(struct engine *e, const struct kpi_point *at, const struct kpi_point *end,
                         struct arena *a, struct kpi_point *out, bool *found,
                         struct mete_err *err) METE_MUST_CHECK;
enum mete_code insight_first(struct engine *e, const struct insight *at, const struct insight *end,
                             struct arena *a, struct insight *out, bool *found,
                             struct mete_err *err) METE_MUST_CHECK;

/** The name alone, in `a`. */
struct kpi_point kpi_name_copy(struct arena *a, const struct kpi_point *p);
struct insight insight_name_copy(struct arena *a, const struct insight *i);

#endif
