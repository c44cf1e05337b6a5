/* SPDX-License-Identifier: Apache-2.0
 * The list of rails, and handing each of them its section; the networks of x402. */
#include "cli/rails.h"

#include "base/text.h"
#include "cli/cli.h"
#include "engine/payout_keys.h"

#include <string.h>

#define LIST_MAX 200 /* bytes of the names that there are */

/* What a rail asks its settings by. Lives as long as the settings. */
struct section {
    struct settings *s;
    const char *name;
};

static const char *section_get(void *ctx, const char *name)
{
    const struct section *in = ctx;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(SETTING[i].section, in->name) == 0 && strcmp(SETTING[i].name, name) == 0) {
            return settings_path(in->s, (enum setting)i);
        }
    }
    return NULL;
}

/** The names that there are, for people. */
static const char *names_of(char room[LIST_MAX])
{
    const struct rail_kind *k;
    size_t len = 0;
    room[0] = '\0';
    for (size_t i = 0; (k = rail_kind_at(i)) != NULL; i++) {
        size_t more = strlen(k->name) + 2;
        if (len + more >= LIST_MAX) {
            break;
        }
        if (len > 0) {
            memcpy(room + len, ", ", 3);
            len += 2;
        }
        memcpy(room + len, k->name, strlen(k->name) + 1);
        len += strlen(k->name);
    }
    return room[0] != '\0' ? room : "none";
}

static bool is_open(const struct rails *r, const struct rail_kind *kind)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->rail[i].kind == kind) {
            return true;
        }
    }
    return false;
}

enum mete_code rails_open_one(struct rail **out, struct settings *s, const struct rail_kind *kind,
                              struct mete_err *err)
{
    struct section *in = arena_alloc(s->arena, sizeof *in);
    *in = (struct section){s, kind->name};
    const struct rail_config config = {section_get, in};
    return kind->open(out, &config, err);
}

static enum mete_code one_open(struct rails *out, struct settings *s, struct text name,
                               struct mete_err *err)
{
    const struct rail_kind *kind = rail_kind_of(name);
    char names[LIST_MAX];
    if (kind == NULL) {
        return mete_fail(err, METE_USAGE, "", "rails of [rails]: there is no rail \"%.*s\": %s",
                         (int)(name.len > 64 ? 64 : name.len), name.p, names_of(names));
    }
    if (is_open(out, kind)) { /* by another of its names */
        return METE_OK;
    }
    METE_ASSERT(out->count < WORKER_RAILS_MAX);
    struct worker_rail *r = &out->rail[out->count];
    r->kind = kind;
    enum mete_code code = rails_open_one(&r->rail, s, kind, err);
    out->count += code == METE_OK;
    return code;
}

enum mete_code rails_open(struct rails *out, struct settings *s, struct mete_err *err)
{
    const char *list = settings_text(s, SETTING_RAILS);
    enum mete_code code = METE_OK;
    *out = (struct rails){.count = 0};
    while (list != NULL && *list != '\0' && code == METE_OK) {
        size_t len = strcspn(list, ", ");
        if (len > 0) {
            code = one_open(out, s, (struct text){list, len}, err);
        }
        list += len + (list[len] != '\0');
    }
    if (code == METE_OK && out->count > 0 && settings_text(s, SETTING_WORKER_KEYS) != NULL) {
        code = payout_keys_read(&out->keys, settings_path(s, SETTING_WORKER_KEYS), err);
    }
    if (code != METE_OK) {
        rails_close(out);
    }
    return code;
}

void rails_close(struct rails *r)
{
    for (size_t i = 0; i < r->count; i++) {
        r->rail[i].kind->close(r->rail[i].rail);
    }
    payout_keys_free(r->keys);
    *r = (struct rails){.count = 0};
}

/* --- networks of x402 --------------------------------------------------------------------------*/

/** What is wrong in a file is said with its name and the place in it. */
static void file_name(const char *file, struct mete_err *err)
{
    const struct mete_err was = *err;
    if (was.pointer[0] != '\0') {
        (void)mete_fail(err, was.code, "", "%.80s: %.50s: %s", file, was.pointer, was.text);
    }
}

enum mete_code networks_open(struct nets **out, struct settings *s, struct mete_err *err)
{
    struct buf document = {0};
    const char *file = settings_path(s, SETTING_X402_NETWORKS);
    enum mete_code code =
        file != NULL ? cli_read_file(file, NET_FILE_MAX, &document, err) : METE_OK;
    const struct nets_options o = {.document =
                                       file != NULL ? buf_text(&document) : (struct text){0},
                                   .network = settings_text(s, SETTING_X402_NETWORK),
                                   .chain_id = settings_text(s, SETTING_X402_CHAIN),
                                   .rpc_url = settings_text(s, SETTING_X402_RPC),
                                   .key_file = settings_path(s, SETTING_X402_KEY_FILE),
                                   .private_key = settings_text(s, SETTING_X402_KEY)};
    if (code == METE_OK) {
        code = nets_open(out, &o, err);
        if (code != METE_OK && file != NULL) {
            file_name(file, err);
        }
    }
    settings_forget(s, SETTING_X402_KEY);
    buf_clear(&document);
    return code;
}
