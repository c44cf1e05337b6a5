-- Who may do what over HTTP. Only the hash of a key is kept.
create table mete.api_key (
    key_id text primary key, -- "key_" and 16 characters: public, for lists and logs
    book text not null, -- name of the one book it opens; it need not exist yet
    sha256 bytea not null unique, -- 32 bytes: of the whole key
    scopes bigint not null, -- bits, by the number of the scope (http/authority.h)
    party text not null, -- bound to this party; empty: not bound
    producer text not null, -- "runtime", "control_plane" or empty: not bound
    service text not null, -- of the control plane; empty: any
    note text not null, -- for people
    created_at bigint not null, -- time
    expires_at bigint, -- time; null: never
    revoked_at bigint -- time; null: not revoked; may lie ahead
);
