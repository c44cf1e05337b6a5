/* SPDX-License-Identifier: Apache-2.0
 * What the files of the dataset export share: its families and their columns, one row on its way,
 * and the folder that it is written to. Private to src/engine; doc/dataset.md is the contract. */
#ifndef METE_ENGINE_EXPORT_DATASET_H
#define METE_ENGINE_EXPORT_DATASET_H

#include "core/campaign.h"
#include "crypto/hash.h"
#include "engine/export_parts.h"

#define DATASET_SCHEMA_VERSION 1
#define DATASET_COLUMNS_MAX    40
#define PSEUDONYM_LEN          32 /* hexadecimal digits: 128 bits */

/* --- columns
 * ------------------------------------------------------------------------------------*/

/* A family is a file. Events first, then what was decided, then what came of it. */
enum dataset_family {
    FAMILY_CAMPAIGNS,
    FAMILY_ROUNDS,
    FAMILY_COMMITMENTS,
    FAMILY_SPEND,
    FAMILY_KPIS,
    FAMILY_CREATIVES,
    FAMILY_ATTRIBUTIONS,
    FAMILY_REVENUE,
    FAMILY_APPS,
    FAMILY_SETTLEMENTS,
    FAMILY_ACCRUALS,
    FAMILY_LEDGER,
    FAMILY_OUTCOMES,
    FAMILY_COUNT
};

enum data_type {
    DATA_WORD,    /* text */
    DATA_INTEGER, /* a JSON number */
    DATA_AMOUNT,  /* minor units, as text: they may pass 2^53 */
    DATA_NUMBER,  /* a plain decimal, as text */
    DATA_MOMENT,  /* RFC 3339, or a day alone where the event said a day alone */
    DATA_BOOL,
    DATA_JSON,  /* canonical JSON, users in it replaced */
    DATA_PERSON /* a pseudonym */
};

/* What is computed rather than copied out of the event. */
enum dataset_value {
    VALUE_NONE,
    VALUE_SEQ,
    VALUE_PAGE,
    VALUE_GROUP,
    VALUE_LINE,
    VALUE_EVENT_ID,
    VALUE_EVENT_TYPE,
    VALUE_OCCURRED_AT,
    VALUE_RECORDED_AT,
    VALUE_APP,
    VALUE_CAMPAIGN,
    VALUE_USER,
    VALUE_PARTY,
    VALUE_STATUS,
    VALUE_AMOUNT,
    VALUE_CURRENCY,
    VALUE_WINDOW_START,
    VALUE_WINDOW_END,
    VALUE_KIND,
    VALUE_SOURCE,
    VALUE_GROSS,
    VALUE_FEES,
    VALUE_MARKETPLACE_FEE,
    VALUE_ROYALTY_FEE,
    VALUE_SHAREABLE,
    VALUE_INVESTORS,
    VALUE_CREATOR,
    VALUE_OWNER,
    VALUE_ACCRUED_BEFORE,
    VALUE_CUT_BY_CAP,
    VALUE_VERSION,
    VALUE_FUNDING,
    VALUE_RAISE,
    VALUE_CONFIRMED,
    VALUE_SHARE_BPS,
    VALUE_CAP,
    VALUE_ACCRUED,
    VALUE_REVERSED,
    VALUE_ACTIVATED_AT,
    VALUE_COMPLETED_AT,
    VALUE_REASON,
    VALUE_OFF_RAMP,
    VALUE_DURATION,
    VALUE_DAYS_RUN,
    VALUE_REPAID_BPS,
    VALUE_COUNT
};

struct dataset_column {
    const char *name;
    uint8_t tier; /* 0: a key, there with every tier */
    uint8_t type; /* enum data_type */
    uint8_t value;
    const char *path; /* into the event, names joined by '/'; NULL: `value` */
    const char *says;
};

struct dataset_table {
    const char *name;
    const struct dataset_column *column;
    size_t count;
};

const struct dataset_table *dataset_table_of(enum dataset_family family);
const char *data_type_name(enum data_type type);
/** True when a selection (bit 1 << tier each) has something of the family besides its keys. */
bool dataset_has_family(const struct dataset_table *t, unsigned tiers);
bool dataset_has_column(const struct dataset_column *c, unsigned tiers);

/* --- the folder
 * ---------------------------------------------------------------------------------*/

struct dataset_file {
    int fd; /* -1: not part of the selection */
    struct buf waiting;
    struct hashing *hashing;
    struct hash sha256;
    uint64_t bytes;
};

enum dataset_form { FORM_CSV, FORM_JSONL, FORM_COUNT };

/** A folder beside the wanted one until all of it is there. */
struct dataset_folder {
    struct buf path; /* NUL-terminated */
    struct buf part;
    bool is_made;
    struct dataset_file file[FAMILY_COUNT][FORM_COUNT];
    uint64_t rows[FAMILY_COUNT];
    int failed; /* errno of the first write that did not arrive */
};

enum mete_code folder_begin(struct dataset_folder *f, const char *path, bool force, unsigned tiers,
                            struct mete_err *err) METE_MUST_CHECK;
/** Writes a file's waiting bytes once there are many. */
void folder_spill(struct dataset_folder *f, struct dataset_file *file);
/** Ends all families: their hashes are there then. */
enum mete_code folder_settle(struct dataset_folder *f, struct mete_err *err) METE_MUST_CHECK;
/** Adds the manifest and gives the folder its name. */
enum mete_code folder_finish(struct dataset_folder *f, struct bytes manifest,
                             struct mete_err *err) METE_MUST_CHECK;
/** Gives everything back; what was not finished is gone. */
void folder_clear(struct dataset_folder *f);

/* --- one row
 * ------------------------------------------------------------------------------------*/

struct dataset {
    struct engine *e;
    const struct dataset_query *q;
    struct dataset_folder folder;
    struct hash pseudonym_key;
    struct buf campaign_app; /* the app of the campaign that was asked for */
    struct names names;
    struct lines_origin origin;
    struct arena a; /* of one decision */
    mete_time as_of;
    enum mete_code code;
    struct mete_err *err;
};

/** Texts whose `p` is NULL are not there. */
struct dataset_row {
    const struct json *event; /* its tree; NULL: a row of no event */
    struct text value[VALUE_COUNT];
};

/** The names of the columns. */
void dataset_head_put(struct dataset *d, enum dataset_family family);
/** Writes the row, unless app or campaign are not those asked for. */
void dataset_row_put(struct dataset *d, enum dataset_family family, struct dataset_row *r);
/** The pseudonym of an id, in d->a; not there for an empty one. */
struct text dataset_pseudonym(struct dataset *d, struct text id);
/** "150000", "1.5", a moment; all in d->a. */
struct text dataset_integer(struct dataset *d, i128 v);
struct text dataset_moment(struct dataset *d, mete_time t);
/** The id of the campaign with this number, in d->a. */
struct text dataset_campaign(struct dataset *d, uint32_t number);
/** Not there when it is empty. */
struct text dataset_given(struct text t);

/** The row that an event is, if it is of a family. */
void dataset_fact(struct dataset *d, const struct walk_item *item, const struct walk_head *head);
/** The rows of what a decision booked. */
void dataset_money(struct dataset *d, const struct walk_item *item, const struct walk_head *head);
/** The campaign whose revenue a decision books or takes back; 0: none. */
uint32_t dataset_campaign_of(struct dataset *d, const struct walk_item *item);
/** A row for each campaign, as it stands at d->as_of. */
void dataset_outcomes(struct dataset *d);

#endif
