-- How much one act of a key may be about.
alter table api_key add column
    limits text not null default ''; -- "USD=100.00 SAT=5000": of one act, by asset; empty: no bound

drop trigger if exists api_key_only_ends;
create trigger api_key_only_ends before update of key_id, book, sha256, scopes, party, producer,
    service, created_at, limits on api_key begin
    select raise(abort, 'a key only ends');
end;
