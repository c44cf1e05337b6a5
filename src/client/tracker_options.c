/* SPDX-License-Identifier: Apache-2.0
 * Options of a tracker: what was given, else what the environment says, else what is usual. */
#include "base/text.h"
#include "client/tracker_parts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_S     3600u
#define RETRY_MIN_MS   1000u
#define RETRY_MAX_MS   900000u
#define TIMEOUT_MS     30000u
#define CLOSE_WAIT_MS  250u
#define MEMORY_MAX     ((size_t)1 << 20)
#define DISK_MAX       (UINT64_C(64) << 20)
#define INTERVAL_MAX_S (366u * 86400u)
#define DELAY_MAX_MS   86400000u

/** A set-user-id program does not listen to its caller's environment. */
static const char *from_environment(const char *name)
{
    const char *v = secure_getenv(name);
    return v != NULL && v[0] != '\0' ? v : NULL;
}

/** A copy of the first that there is; NULL when there is none or no memory. */
static char *text_choose(const char *given, const char *name, const char *otherwise)
{
    const char *v = given != NULL ? given : from_environment(name);
    v = v != NULL ? v : otherwise;
    return v != NULL ? strdup(v) : NULL;
}

static char *url_choose(const char *given)
{
    const char *service = from_environment("DISTRIBUTION_SERVICE_URL");
    char *url = NULL;
    if (given != NULL || from_environment("METE_USAGE_URL") != NULL || service == NULL) {
        return text_choose(given, "METE_USAGE_URL", METE_TRACKER_URL_DEFAULT);
    }
    size_t len = strlen(service);
    bool slash = service[len - 1] == '/';
    return asprintf(&url, "%s%susage", service, slash ? "" : "/") > 0 ? url : NULL;
}

/** <state home>/mete/track/<cli_id>, what no file name should have replaced. "" without a home. */
static char *spool_usual(const char *cli_id)
{
    const char *state = from_environment("XDG_STATE_HOME");
    const char *home = from_environment("HOME");
    char name[METE_TRACKER_TEXT_MAX + 1];
    char *path = NULL;
    if (state == NULL && home == NULL) {
        return strdup("");
    }
    (void)text_copy(name, sizeof(name), text_of(cli_id));
    for (char *p = name; *p != '\0'; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || *p == '-' || (*p == '.' && p > name);
        *p = plain ? *p : '_';
    }
    return asprintf(&path, "%s%s/mete/track/%s", state != NULL ? state : home,
                    state != NULL ? "" : "/.local/state", name) > 0
               ? path
               : NULL;
}

static unsigned number_choose(unsigned given, unsigned otherwise, unsigned max)
{
    unsigned v = given != 0 ? given : otherwise;
    return v < max ? v : max;
}

bool options_complete(struct mete_tracker_options *out, const struct mete_tracker_options *given)
{
    const char *spool = given->spool != NULL ? given->spool : from_environment("METE_SPOOL");
    if (given->cli_id == NULL || !member_is_valid(text_of(given->cli_id))) {
        return false;
    }
    *out = *given;
    out->cli_id = strdup(given->cli_id);
    out->url = url_choose(given->url);
    out->api_key = text_choose(given->api_key, "METE_API_KEY", "");
    out->customer_wallet = text_choose(given->customer_wallet, "CUSTOMER_WALLET_ID", "");
    out->spool = spool != NULL ? strdup(spool) : spool_usual(given->cli_id);
    out->interval_s = number_choose(given->interval_s, INTERVAL_S, INTERVAL_MAX_S);
    out->retry_min_ms = number_choose(given->retry_min_ms, RETRY_MIN_MS, DELAY_MAX_MS);
    out->retry_max_ms = number_choose(given->retry_max_ms, RETRY_MAX_MS, DELAY_MAX_MS);
    out->timeout_ms = number_choose(given->timeout_ms, TIMEOUT_MS, DELAY_MAX_MS);
    out->close_wait_ms = number_choose(given->close_wait_ms, CLOSE_WAIT_MS, DELAY_MAX_MS);
    out->memory_max = given->memory_max != 0 ? given->memory_max : MEMORY_MAX;
    out->memory_max = out->memory_max > CALL_LINE_MAX ? out->memory_max : CALL_LINE_MAX;
    out->disk_max = given->disk_max != 0 ? given->disk_max : DISK_MAX;
    if (out->cli_id == NULL || out->url == NULL || out->api_key == NULL ||
        out->customer_wallet == NULL || out->spool == NULL) {
        options_clear(out);
        return false;
    }
    return true;
}

void options_clear(struct mete_tracker_options *o)
{
    free((char *)(uintptr_t)o->cli_id);
    free((char *)(uintptr_t)o->url);
    free((char *)(uintptr_t)o->api_key);
    free((char *)(uintptr_t)o->customer_wallet);
    free((char *)(uintptr_t)o->spool);
}
