/* SPDX-License-Identifier: Apache-2.0
 * The settings of a server: one table, from which come the configuration file, the environment, the
 * options, what `mete config` prints and checks, and the test of mete.conf(5). A later source wins:
 * what is built in, the file, the files of its .d directory, the environment, the command line. */
#ifndef METE_CLI_SETTINGS_H
#define METE_CLI_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"

struct cli;

enum setting_kind {
    SETTING_TEXT,
    SETTING_NUMBER,
    SETTING_SWITCH, /* yes or no */
    SETTING_FILE,   /* must be readable */
    SETTING_SECRET, /* a file that nobody but its owner may read */
    SETTING_URL,
    SETTING_VALUE /* a secret itself: from the environment alone */
};

#define SETTING_LIVE 1u /* takes effect at SIGHUP; the others when the server starts */

#define SETTING_NUMBER_MAX UINT64_C(1000000)

/* X(symbol, section, name, environment, option, kind, built in, min, max, traits, what it is) */
#define SETTINGS(X)                                                                                \
    X(STORE, "store", "store", "DATABASE_URL", "store", TEXT, "mete.db", 0, 0, 0,                  \
      "the store: a file name, sqlite:FILE, or a postgres:// URL")                                 \
    X(STORE_FILE, "store", "store_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                        \
      "the file that says it, when it has a password")                                             \
    X(BOOK, "store", "book", NULL, "book", TEXT, "main", 0, 0, 0,                                  \
      "the book of whoever shows no key; a key has its own")                                       \
    X(CACHE, "store", "cache_mib", NULL, NULL, NUMBER, "64", 1, 65536, 0,                          \
      "memory for the state of all open books together, MiB")                                      \
    X(LISTEN, "server", "listen", "HOST and PORT", "listen", TEXT, "127.0.0.1:8402", 0, 0, 0,      \
      "where to listen: HOST:PORT, [::1]:PORT; port 0 takes any that is free")                     \
    X(ROLES, "server", "roles", NULL, "roles", TEXT, "all", 0, 0, 0,                               \
      "groups of routes: all, distributions, wallet, manifests, dashboard, facilitator, worker")   \
    X(PLAINTEXT, "server", "plaintext_behind_proxy", NULL, "plaintext-behind-proxy", SWITCH, "no", \
      0, 0, 0, "no TLS although others can connect: a proxy in front has it")                      \
    X(CONNECTIONS, "server", "connections", NULL, "connections", NUMBER, "1024", 1, 60000, 0,      \
      "connections at once; further ones wait")                                                    \
    X(PER_ADDRESS, "server", "per_address", NULL, "per-address", NUMBER, NULL, 1, 60000, 0,        \
      "of them, those of one address; unless said 256 with TLS, else no bound")                    \
    X(REQUEST_TIME, "server", "request_time_s", NULL, "request-time", NUMBER, "60", 1, 86400, 0,   \
      "seconds for a whole request, however slowly it comes; of a stream, between two parts")      \
    X(IDLE_TIME, "server", "idle_time_s", NULL, "idle-time", NUMBER, "30", 1, 86400, 0,            \
      "seconds without a byte before a connection is closed")                                      \
    X(WORKERS, "server", "workers", NULL, NULL, NUMBER, "2", 1, 64, 0,                             \
      "threads for readings that take long")                                                       \
    X(STREAMS, "server", "streams", NULL, "streams", NUMBER, NULL, 1, 60000, 0,                    \
      "live feeds, and streams of events that come in, at once; unless said half of the "          \
      "connections")                                                                               \
    X(STREAMS_PER_KEY, "server", "streams_per_key", NULL, "streams-per-key", NUMBER, NULL, 1,      \
      60000, 0, "of them, those of one key; unless said a quarter")                                \
    X(HEARTBEAT, "server", "heartbeat_s", NULL, "heartbeat", NUMBER, "15", 1, 3600, 0,             \
      "seconds after which a live feed without news shows that it lives")                          \
    X(LOG_REQUESTS, "server", "log_requests", NULL, NULL, SWITCH, "yes", 0, 0, SETTING_LIVE,       \
      "a line of JSON on standard error for each request; --quiet says no")                        \
    X(LOG_FORMAT, "server", "log_format", "LOG_FORMAT", NULL, TEXT, "json", 0, 0, 0,               \
      "how these lines are written: json")                                                         \
    X(LOG_LEVEL, "server", "log_level", "LOG_LEVEL", NULL, TEXT, "info", 0, 0, SETTING_LIVE,       \
      "the least of these lines: debug (a request came), info, warning (refused), error (failed)") \
    X(MCP_ORIGINS, "server", "mcp_origins", NULL, "mcp-origins", TEXT, NULL, 0, 0, 0,              \
      "sites whose pages may ask /mcp, beside its own: https://a.example,https://b.example")       \
    X(CERTIFICATE, "tls", "certificate", NULL, "certificate", FILE, NULL, 0, 0, SETTING_LIVE,      \
      "the server's certificate and its chain, PEM; makes it speak TLS alone")                     \
    X(CERTIFICATE_KEY, "tls", "certificate_key", NULL, "certificate-key", SECRET, NULL, 0, 0,      \
      SETTING_LIVE, "the private key of it, PEM")                                                  \
    X(CLIENT_CA, "tls", "client_ca", NULL, "client-ca", FILE, NULL, 0, 0, SETTING_LIVE,            \
      "clients must show a certificate of one of these authorities, PEM")                          \
    X(API_KEY, "keys", "api_key", "API_KEY", NULL, VALUE, NULL, 0, 0, 0,                           \
      "a key with all scopes for the server's own book")                                           \
    X(API_KEY_FILE, "keys", "api_key_file", NULL, NULL, SECRET, NULL, 0, 0, SETTING_LIVE,          \
      "the file that holds such a key")                                                            \
    X(RATE, "keys", "rate", NULL, "rate", NUMBER, "0", 0, SETTING_NUMBER_MAX, SETTING_LIVE,        \
      "requests a second for each key, on average; 0: no bound")                                   \
    X(BURST, "keys", "burst", NULL, "burst", NUMBER, NULL, 1, SETTING_NUMBER_MAX, SETTING_LIVE,    \
      "requests at once after a rest; unless said twice the rate")                                 \
    X(REPLAY_WINDOW, "keys", "replay_window_h", NULL, "replay-window", NUMBER, "24", 0, 8760, 0,   \
      "hours: older signed events that are new are refused; 0: no bound")                          \
    X(CLEAR_HOURS, "clearing", "clear_every_h", NULL, NULL, NUMBER, "24", 0, 8760, 0,              \
      "hours between watermarks in the log that say what has cleared (role worker); 0: none")      \
    X(INSIGHTS_DAYS, "insights", "insights_retention_days", NULL, NULL, NUMBER, "400", 0, 36500,   \
      0, "days that points and insight events are kept; 0: for ever")                              \
    X(INSIGHTS_RATE, "insights", "insights_rate", NULL, NULL, NUMBER, "2000", 0,                   \
      SETTING_NUMBER_MAX, 0,                                                                       \
      "points and insight events a second for each app, on average; 0: no bound")                  \
    X(METRICS_FILE, "metrics", "file", NULL, NULL, FILE, NULL, 0, 0, 0,                            \
      "numbers of your own at GET /metrics, counted over events, JSON")                            \
    X(RAILS, "rails", "rails", "PAYMENT_PROCESSORS", NULL, TEXT, NULL, 0, 0, 0,                    \
      "rails that payouts go over, with commas; each has a section of its name")                   \
    X(WORKER_KEYS, "rails", "worker_keys_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                 \
      "the file with the keys that open destinations, of mete worker key")                         \
    X(LEDGER_FILE, "internal_ledger", "file", NULL, NULL, TEXT, "wallets.db", 0, 0, 0,             \
      "the file of the wallets that payouts of the internal ledger go to")                         \
    X(X402_NETWORKS, "facilitator", "networks_file", NULL, "networks", FILE, NULL, 0, 0, 0,        \
      "the networks that payments by x402 are taken on, JSON")                                     \
    X(X402_NETWORK, "facilitator", "network", "NETWORK", NULL, TEXT, NULL, 0, 0, 0,                \
      "the one network, without such a file: base, base-sepolia, eip155:8453 ...")                 \
    X(X402_CHAIN, "facilitator", "chain_id", "CHAIN_ID", NULL, TEXT, NULL, 0, 0, 0,                \
      "its chain id, which has to fit")                                                            \
    X(X402_RPC, "facilitator", "networks", "RPC_URL", NULL, VALUE, NULL, 0, 0, 0,                  \
      "its nodes, with commas; they may hold keys")                                                \
    X(X402_KEY, "facilitator", "key", "PRIVATE_KEY", NULL, VALUE, NULL, 0, 0, 0,                   \
      "the key of the account that settles, hexadecimal")                                          \
    X(X402_KEY_FILE, "facilitator", "key_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                 \
      "the file that holds it; a network may have its own. Without a key payments are verified "   \
      "alone")                                                                                     \
    X(X402_PUBLIC, "facilitator", "public", NULL, "public-facilitator", SWITCH, "no", 0, 0, 0,     \
      "nobody has to show a key to have payments verified and settled")                            \
    X(X402_LIMITED, "facilitator", "rate_limited", "ENABLE_RATE_LIMIT", NULL, SWITCH, "yes", 0, 0, \
      0, "whether the next one counts")                                                            \
    X(X402_RATE, "facilitator", "rate_per_minute", "RATE_LIMIT_PER_MINUTE", NULL, NUMBER, "0", 0,  \
      SETTING_NUMBER_MAX, 0,                                                                       \
      "verifications and settlements a minute of one key or address, and of one payer; 0: no "     \
      "bound")                                                                                     \
    X(X402_WAIT, "facilitator", "settle_wait_s", NULL, NULL, NUMBER, "60", 1, 600, 0,              \
      "seconds for which an answer waits for a block; then the settlement is pending")             \
    X(X402_REPLACE, "facilitator", "replace_after_s", NULL, NULL, NUMBER, "30", 1, 3600, 0,        \
      "seconds for which a transaction is waited for; then one with a higher fee takes its place") \
    X(X402_REPEATS, "facilitator", "answer_repeats", NULL, NULL, SWITCH, "yes", 0, 0, 0,           \
      "who repeats a settlement gets its answer; no: one request alone is told that a payment is " \
      "settled, for servers that do not see themselves that it was shown to them twice")           \
    X(REGISTRY_URL, "services", "manifest_registry_url", "MANIFEST_REGISTRY_URL", NULL, URL, NULL, \
      0, 0, 0, "where policies come from that this book does not know")                            \
    X(REFRESH, "services", "manifest_refresh_s", "MANIFEST_REFRESH_SECONDS", NULL, NUMBER, "30",   \
      0, 86400, 0, "seconds after which policies of the registry are looked at again; 0: never")   \
    X(WALLET_URL, "services", "wallet_service_url", "WALLET_SERVICE_URL", NULL, URL, NULL, 0, 0,   \
      0, "the mete with the role wallet")                                                          \
    X(DISTRIBUTION_URL, "services", "distribution_service_url", "DISTRIBUTION_SERVICE_URL", NULL,  \
      URL, NULL, 0, 0, 0, "the mete with the role distributions")                                  \
    X(VALIDATION_URL, "services", "validation_service_url", "VALIDATION_SERVICE_URL", NULL, URL,   \
      NULL, 0, 0, 0, "who judges manifests besides")                                               \
    X(PEER_KEY, "services", "peer_api_key", "PEER_API_KEY", NULL, VALUE, NULL, 0, 0, 0,            \
      "the key that these services are shown; else the server's own")                              \
    X(PEER_KEY_FILE, "services", "peer_api_key_file", NULL, NULL, SECRET, NULL, 0, 0,              \
      SETTING_LIVE, "the file that holds such a key")                                              \
    X(LIGHTNING_NODE, "lightning", "node", NULL, NULL, TEXT, NULL, 0, 0, 0,                        \
      "the node that pays: cln, lnd, phoenixd or lnbits")                                          \
    X(LIGHTNING_URL, "lightning", "url", NULL, NULL, URL, NULL, 0, 0, 0,                           \
      "where it listens; https, or http on this machine alone")                                    \
    X(LIGHTNING_RUNE, "lightning", "rune_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                 \
      "of cln: the file with a rune for getinfo, xpay and listpays")                               \
    X(LIGHTNING_MACAROON, "lightning", "macaroon_file", NULL, NULL, SECRET, NULL, 0, 0, 0,         \
      "of lnd: the macaroon with info:read, offchain:read and offchain:write, binary or "          \
      "hexadecimal")                                                                               \
    X(LIGHTNING_PASSWORD, "lightning", "password_file", NULL, NULL, SECRET, NULL, 0, 0, 0,         \
      "of phoenixd: the file with its full password")                                              \
    X(LIGHTNING_KEY, "lightning", "key_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                   \
      "of lnbits: the file with the admin key of one wallet")                                      \
    X(LIGHTNING_CERTIFICATE, "lightning", "node_certificate", NULL, NULL, FILE, NULL, 0, 0, 0,     \
      "the node's own certificate or its authority, PEM, when no public one has signed it")        \
    X(LIGHTNING_NETWORK, "lightning", "network", NULL, NULL, TEXT, "bitcoin", 0, 0, 0,             \
      "bitcoin, testnet, signet or regtest: invoices of others are not paid")                      \
    X(LIGHTNING_FEE_PERCENT, "lightning", "fee_percent", NULL, NULL, TEXT, "1", 0, 0, 0,           \
      "percent of a payment that its routing may cost, with up to four decimals")                  \
    X(LIGHTNING_FEE_BASE, "lightning", "fee_base_sat", NULL, NULL, NUMBER, "10", 0, 1000000, 0,    \
      "satoshi that it may cost besides")                                                          \
    X(LIGHTNING_DELAY, "lightning", "max_delay_blocks", NULL, NULL, NUMBER, "1008", 40, 2016, 0,   \
      "blocks for which a payment that hangs may lock its money")                                  \
    X(LIGHTNING_PAY_TIME, "lightning", "pay_timeout_s", NULL, NULL, NUMBER, "30", 5, 45, 0,        \
      "seconds for which the node looks for routes; what is on its way goes on")                   \
    X(LIGHTNING_COMMENT, "lightning", "comment", NULL, NULL, TEXT, NULL, 0, 0, 0,                  \
      "a comment to payees that take one (LUD-12)")                                                \
    X(LIGHTNING_PLUS, "lightning", "takes_plus", NULL, NULL, SWITCH, "no", 0, 0, 0,                \
      "Lightning addresses may have a + before the @")                                             \
    X(LIGHTNING_DESCRIPTION, "lightning", "takes_any_description", NULL, NULL, SWITCH, "no", 0, 0, \
      0, "invoices need not commit to the metadata of their host (LUD-06)")                        \
    X(LIGHTNING_PROXY, "lightning", "onion_proxy", NULL, NULL, TEXT, NULL, 0, 0, 0,                \
      "the proxy for payees below .onion, socks5h://HOST:PORT; without it they are rejected")      \
    X(LIGHTNING_PUBLIC, "lightning", "resolve_public_only", NULL, NULL, SWITCH, "yes", 0, 0, 0,    \
      "hosts of payees must be on the public Internet; no is for tests alone")                     \
    X(LIGHTNING_TO, "lightning", "resolve_to", NULL, NULL, TEXT, NULL, 0, 0, 0,                    \
      "for tests alone: HOST:PORT, where all hosts of payees are taken to be")                     \
    X(LIGHTNING_CA, "lightning", "resolve_ca", NULL, NULL, FILE, NULL, 0, 0, 0,                    \
      "authorities to believe hosts of payees by, PEM, instead of the system's")                   \
    X(PAYMENT_SECRETS, "payments", "webhook_keys", NULL, NULL, TEXT, NULL, 0, 0, 0,                \
      "a folder with a file for each payment provider that sends webhooks: its secret; a second "  \
      "line while it is changed")                                                                  \
    X(STRIPE_KEY, "stripe", "key", "STRIPE_KEY", NULL, VALUE, NULL, 0, 0, 0,                       \
      "the secret key of the account, or a restricted one; key_file is better")                    \
    X(STRIPE_KEY_FILE, "stripe", "key_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                    \
      "the file that holds the secret key of the account, or a restricted one")                    \
    X(STRIPE_URL, "stripe", "url", NULL, NULL, URL, "https://api.stripe.com", 0, 0, 0,             \
      "where Stripe answers; http of this machine alone")                                          \
    X(STRIPE_PAYS, "stripe", "pays", NULL, NULL, TEXT, "transfer", 0, 0, 0,                        \
      "transfer: to the balance of a connected account; payout: from that to its bank")            \
    X(STRIPE_METHOD, "stripe", "payout_method", NULL, NULL, TEXT, "standard", 0, 0, 0,             \
      "of payouts: standard or instant")                                                           \
    X(STRIPE_CA, "stripe", "ca_file", NULL, NULL, FILE, NULL, 0, 0, 0,                             \
      "the authorities that its certificate is checked by, PEM; unless said the system's")         \
    X(STRIPE_WEBHOOK, "stripe", "webhook_key_file", NULL, NULL, SECRET, NULL, 0, 0, 0,             \
      "the file that holds the secret of the webhook (whsec_...); a second line while it is "      \
      "changed")                                                                                   \
    X(BANK_DEBTOR, "bank", "debtor", NULL, NULL, TEXT, NULL, 0, 0, 0,                              \
      "who pays, as the bank knows the name")                                                      \
    X(BANK_IBAN, "bank", "iban", NULL, NULL, TEXT, NULL, 0, 0, 0, "the account that pays")         \
    X(BANK_BIC, "bank", "bic", NULL, NULL, TEXT, NULL, 0, 0, 0,                                    \
      "the BIC of its bank; most need none")                                                       \
    X(BANK_FORMAT, "bank", "format", NULL, NULL, TEXT, "pain.001.001.09", 0, 0, 0,                 \
      "of the files: pain.001.001.09, pain.001.001.03 or nacha")                                   \
    X(BANK_SCHEME, "bank", "scheme", NULL, NULL, TEXT, "sepa", 0, 0, 0,                            \
      "of pain.001: sepa (euro), or other (any currency)")                                         \
    X(BANK_LETTERS, "bank", "letters", NULL, NULL, TEXT, "basic", 0, 0, 0,                         \
      "of names: basic (what every bank reads), or unicode")                                       \
    X(BANK_FOLDER, "bank", "folder", NULL, NULL, TEXT, NULL, 0, 0, 0,                              \
      "where files are put for the bank's program to fetch; or url")                               \
    X(BANK_URL, "bank", "url", "BANKING_API", NULL, URL, NULL, 0, 0, 0,                            \
      "where files are put by PUT URL/NAME; or folder")                                            \
    X(BANK_TOKEN, "bank", "token_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                         \
      "the file that holds the bearer token for that URL")                                         \
    X(BANK_MARKS, "bank", "marks", NULL, NULL, TEXT, NULL, 0, 0, 0,                                \
      "of nacha by url: a folder of all workers' that remembers what was put out")                 \
    X(BANK_CA, "bank", "ca_file", NULL, NULL, FILE, NULL, 0, 0, 0,                                 \
      "the authorities that its certificate is checked by, PEM; unless said the system's")         \
    X(BANK_DAYS, "bank", "execution_days", NULL, NULL, NUMBER, "1", 0, 30, 0,                      \
      "banking days from the file to its execution date (TARGET; ACH: Federal Reserve)")           \
    X(BANK_ROUTING, "bank", "routing", NULL, NULL, TEXT, NULL, 0, 0, 0,                            \
      "of nacha: the routing number of the bank that gets the file")                               \
    X(BANK_NAME, "bank", "bank_name", NULL, NULL, TEXT, NULL, 0, 0, 0, "of nacha: its name")       \
    X(BANK_ORIGIN, "bank", "origin", NULL, NULL, TEXT, NULL, 0, 0, 0,                              \
      "of nacha: the number that it gave to whoever sends files")                                  \
    X(BANK_COMPANY, "bank", "company_id", NULL, NULL, TEXT, NULL, 0, 0, 0,                         \
      "of nacha: the number of the company that pays")                                             \
    X(BANK_CLASS, "bank", "class", NULL, NULL, TEXT, "ppd", 0, 0, 0,                               \
      "of nacha: ppd (people) or ccd (companies)")                                                 \
    X(BANK_LINE_END, "bank", "line_end", NULL, NULL, TEXT, "lf", 0, 0, 0, "of nacha: lf or crlf")  \
    X(BANK_PRESUMED, "bank", "presumed_days", NULL, NULL, NUMBER, "3", 0, 30, 0,                   \
      "of nacha: banking days behind the execution after which no return means paid")              \
    X(EVM_NETWORK, "evm", "network", NULL, NULL, TEXT, NULL, 0, 0, 0,                              \
      "the chain: ethereum, base, arbitrum, optimism, polygon, bsc, avalanche, or a test net of "  \
      "theirs")                                                                                    \
    X(EVM_CHAIN, "evm", "chain_id", NULL, NULL, TEXT, NULL, 0, 0, 0,                               \
      "its number, for a chain that is not known by name")                                         \
    X(EVM_RPC, "evm", "rpc_url", "ETH_RPC", NULL, TEXT, NULL, 0, 0, 0,                             \
      "a node's URL, or several: the next one is asked when one fails")                            \
    X(EVM_RPC_FILE, "evm", "rpc_url_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                      \
      "the file that says them, when they have keys in them")                                      \
    X(EVM_HTTP, "evm", "allow_http", NULL, NULL, SWITCH, "no", 0, 0, 0,                            \
      "nodes of other machines may be asked without TLS")                                          \
    X(EVM_KEY, "evm", "key_file", NULL, NULL, SECRET, NULL, 0, 0, 0,                               \
      "the private key of the account that pays, 64 hexadecimal digits")                           \
    X(EVM_CONFIRMATIONS, "evm", "confirmations", NULL, NULL, NUMBER, NULL, 1, 100000, 0,           \
      "blocks after which a payment counts; unless said the network's")                            \
    X(EVM_FEE, "evm", "max_fee_gwei", NULL, NULL, NUMBER, "500", 1, 1000000, 0,                    \
      "the most that a unit of gas may cost, in gwei")                                             \
    X(EVM_REPLACE, "evm", "replace_after_s", NULL, NULL, NUMBER, "180", 1, 86400, 0,               \
      "seconds after which the fee of what waits is raised")                                       \
    X(EVM_TOKENS, "evm", "tokens", NULL, NULL, TEXT, NULL, 0, 0, 0,                                \
      "CODE=ADDRESS/DECIMALS of further tokens, CODE=coin of the coin; USDC is known")             \
    X(EVM_BATCH, "evm", "batch_contract", NULL, NULL, TEXT, NULL, 0, 0, 0,                         \
      "the address of contracts/Batch.sol, by which many are paid at once")                        \
    X(EVM_BATCH_SIZE, "evm", "batch_size", NULL, NULL, NUMBER, "100", 1, 200, 0,                   \
      "payments of one transaction")                                                               \
    X(EVM_CHECKSUM, "evm", "checksum", NULL, NULL, TEXT, "needed", 0, 0, 0,                        \
      "of destinations: needed, or optional when they have no capitals")                           \
    X(EVM_TIMEOUT, "evm", "timeout_s", NULL, NULL, NUMBER, "20", 1, 300, 0,                        \
      "seconds for an answer of a node")

enum setting {
#define X(symbol, section, name, env, option, kind, otherwise, min, max, traits, what)             \
    SETTING_##symbol,
    SETTINGS(X)
#undef X
        SETTING_COUNT
};

struct setting_row {
    const char *section;
    const char *name;
    const char *environment; /* NULL: none */
    const char *option;      /* of `mete serve`, without dashes; NULL: none */
    enum setting_kind kind;
    const char *otherwise; /* NULL: nothing */
    uint64_t min, max;
    unsigned traits;
    const char *what;
};
extern const struct setting_row SETTING[SETTING_COUNT];

enum setting_source { FROM_BUILT_IN, FROM_FILE, FROM_ENVIRONMENT, FROM_OPTION };

struct setting_value {
    const char *text; /* NULL: not set */
    enum setting_source source;
    const char *where; /* "/etc/mete/mete.conf:12", "PORT", "--listen"; NULL: built in */
};

struct setting_problem {
    struct setting_problem *next;
    struct text where; /* file:line, or what was asked for; may be empty */
    struct text text;  /* what is wrong and how to mend it */
    bool is_warning;
    bool is_told;
};

struct settings {
    struct arena *arena;
    struct setting_value value[SETTING_COUNT];
    const char *file; /* the configuration file; NULL: none */
    struct setting_problem *problem;
    struct setting_problem **problem_last;
    unsigned errors;
    bool has_certificate; /* one that can be used: settings_check found when */
    mete_time certificate_from, certificate_until;
    bool is_blind; /* something that could have named the store could not be read */
};

/** Reads all sources. Never fails: what is wrong is among the problems. `c` gives the options. */
void settings_read(struct settings *s, struct arena *a, const struct cli *c);
/** Looks at what the values mean together and in this machine: files, keys, certificates. What was
 *  told when they were read is not told again. */
void settings_check(struct settings *s);

/** Warns of a certificate that clients refuse, or soon will. After settings_check. */
void settings_check_validity(struct settings *s);
/** What there is to say of it, in the arena; NULL: nothing. *ended: clients refuse it now. */
const char *settings_validity(struct settings *s, bool *ended);

const char *settings_text(const struct settings *s, enum setting which);
/** Wipes what was said of a secret that somebody has taken over, here and in the environment: a
 *  core would hold it. It is not set any more. */
void settings_forget(struct settings *s, enum setting which);
uint64_t settings_number(const struct settings *s, enum setting which);
bool settings_switch(const struct settings *s, enum setting which);
/** The file that a setting of this kind names, NULL when it names none: a relative secret is looked
 *  for among systemd's credentials first. */
const char *settings_path(struct settings *s, enum setting which);
/** The value, or the first line of the file of the other setting; NULL when neither is set. */
const char *settings_secret(struct settings *s, enum setting value, enum setting file);

/** 0 debug, 1 info, 2 warning, 3 error; a word that is none of them is a problem. */
unsigned settings_log_level(struct settings *s);

/** The value as it may be seen: no secret, and no password of a URL. In `a`; may be NULL. */
const char *setting_shown(struct arena *a, enum setting which, const char *text);

/** Adds a problem: printf, after "WHERE: ". */
void settings_problem(struct settings *s, const char *where, bool is_warning, const char *fmt, ...)
    METE_PRINTF(4, 5);
/** Appends the next problem that was not told yet, as people read it; false: all were. */
bool settings_next(struct settings *s, struct buf *line) METE_MUST_CHECK;
/** Prints those on stderr, a line each. */
void settings_complain(struct settings *s);
/** Where a value came from, for people: "built in", "/etc/mete/mete.conf:12" ... */
const char *setting_where(const struct setting_value *v);

/** "[::1]:80" and the like: true when only this machine can reach it. */
bool listen_is_loopback(const char *listen);

#endif
