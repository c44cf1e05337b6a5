-- Beyond what all databases of the family share: triggers, so that not even the owner of the tables
-- changes a log by mistake (Citus refuses them on distributed tables; there the rights alone hold),
-- and no second compression of bytes that are packed already. May run any number of times.

create or replace function mete.refuse() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;

create or replace function mete.key_ends_once() returns trigger language plpgsql as $$
begin
    if (new.key_id, new.book, new.sha256, new.scopes, new.party, new.producer, new.service,
        new.created_at) is distinct from (old.key_id, old.book, old.sha256, old.scopes, old.party,
        old.producer, old.service, old.created_at) then
        raise exception 'a key only ends' using errcode = 'restrict_violation';
    end if;
    if old.revoked_at is not null and
       (new.revoked_at is null or new.revoked_at > old.revoked_at) then
        raise exception 'a key never ends later than was said' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

drop trigger if exists append_only on mete.event;
create trigger append_only before update or delete or truncate on mete.event
    for each statement execute function mete.refuse();
drop trigger if exists append_only on mete.page;
create trigger append_only before update or delete or truncate on mete.page
    for each statement execute function mete.refuse();
drop trigger if exists append_only on mete.tree_node;
create trigger append_only before update or delete or truncate on mete.tree_node
    for each statement execute function mete.refuse();
drop trigger if exists append_only on mete.checkpoint;
create trigger append_only before update or delete or truncate on mete.checkpoint
    for each statement execute function mete.refuse();
drop trigger if exists only_erased on mete.sealed;
create trigger only_erased before update or truncate on mete.sealed
    for each statement execute function mete.refuse();
drop trigger if exists only_ended on mete.api_key;
create trigger only_ended before delete or truncate on mete.api_key
    for each statement execute function mete.refuse();
drop trigger if exists ends_once on mete.api_key;
create trigger ends_once before update on mete.api_key
    for each row execute function mete.key_ends_once();

alter table mete.event alter column event set storage external;
alter table mete.event alter column decision set storage external;
alter table mete.page alter column decision set storage external;
alter table mete.block alter column data set storage external;
