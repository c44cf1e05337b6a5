-- Who may do what over HTTP. Only the hash of a key is kept.
create table api_key (
    key_id text primary key, -- "key_" and 16 characters: public, for lists and logs
    book text not null, -- name of the one book it opens; it need not exist yet
    sha256 blob not null unique, -- 32 bytes: of the whole key
    scopes integer not null, -- bits, by the number of the scope (http/authority.h)
    party text not null, -- bound to this party; empty: not bound
    producer text not null, -- "runtime", "control_plane" or empty: not bound
    service text not null, -- of the control plane; empty: any
    note text not null, -- for people
    created_at integer not null, -- time
    expires_at integer, -- time; null: never
    revoked_at integer -- time; null: not revoked; may lie ahead
) strict, without rowid;

create trigger api_key_no_delete before delete on api_key begin
    select raise(abort, 'keys are revoked, never deleted');
end;
create trigger api_key_only_ends before update of key_id, book, sha256, scopes, party, producer,
    service, created_at on api_key begin
    select raise(abort, 'a key only ends');
end;
create trigger api_key_ends_no_later before update of revoked_at on api_key
when old.revoked_at is not null and (new.revoked_at is null or new.revoked_at > old.revoked_at) begin
    select raise(abort, 'a key never ends later than was said');
end;
