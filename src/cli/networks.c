/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/networks.h"

#include "base/text.h"
#include "cli/cli.h"

enum mete_code networks_open(struct nets **out, struct settings *s, struct mete_err *err)
{
    struct buf document = {0};
    const char *file = settings_path(s, SETTING_X402_NETWORKS);
    enum mete_code code =
        file != NULL ? cli_read_file(file, NET_FILE_MAX, &document, err) : METE_OK;
    const struct nets_options o = {.file = file,
                                   .document = buf_text(&document),
                                   .network = settings_text(s, SETTING_X402_NETWORK),
                                   .chain_id = settings_text(s, SETTING_X402_CHAIN),
                                   .rpc_url = settings_text(s, SETTING_X402_RPC),
                                   .key_file = settings_path(s, SETTING_X402_KEY_FILE),
                                   .private_key = settings_text(s, SETTING_X402_KEY)};
    *out = NULL;
    code = code == METE_OK ? nets_open(out, &o, err) : code;
    settings_forget(s, SETTING_X402_KEY);
    buf_clear(&document);
    return code;
}
