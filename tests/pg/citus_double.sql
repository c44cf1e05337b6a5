-- A double of Citus for a real PostgreSQL, loaded by a superuser: the functions by which tables are
-- distributed, with their published signatures. They move nothing; they keep the catalog that Citus
-- keeps, note what was called, and refuse what Citus refuses. Against Citus itself nothing here was
-- run.
set allow_system_table_mods = on;
set client_min_messages = error;

insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
values (987654, 'citus', 10, 'pg_catalog'::regnamespace, false, 'double');

create schema citus;
create type citus.distribution_type as enum ('hash', 'range', 'append');
create table pg_catalog.pg_dist_partition (
    logicalrelid regclass primary key,
    partmethod "char" not null,
    partkey text,
    colocationid integer not null,
    repmodel "char" not null
);
create sequence citus.colocation;
create table citus.called (number bigserial, call text not null);
grant usage on schema citus to public;
grant select on pg_catalog.pg_dist_partition, citus.called to public;

create function citus.distributable(t regclass) returns void language plpgsql as $$
declare
    found_name text;
begin
    if not pg_has_role(session_user, (select relowner from pg_class where oid = t), 'usage') then
        raise exception 'must be owner of table %', t using errcode = 'insufficient_privilege';
    end if;
    if exists (select from pg_dist_partition where logicalrelid = t) then
        raise exception 'table "%" is already distributed', t
            using errcode = 'invalid_table_definition';
    end if;
    select tgname into found_name from pg_trigger where tgrelid = t and not tgisinternal;
    if found then
        raise exception 'cannot distribute relation "%" because it has triggers', t
            using hint = 'drop ' || found_name, errcode = 'feature_not_supported';
    end if;
end
$$;

-- Whom a table refers to: tables that are everywhere, or of its own group by the same column.
create function citus.check_foreign(t regclass, attribute smallint, colocation integer)
returns void language plpgsql as $$
declare
    c record;
    other pg_dist_partition;
begin
    for c in select * from pg_constraint where conrelid = t and contype = 'f' loop
        select * into other from pg_dist_partition where logicalrelid = c.confrelid;
        if other.repmodel = 't' then
            continue;
        end if;
        if attribute is null or other.logicalrelid is null
           or other.colocationid is distinct from colocation
           or not exists (
               select from unnest(c.conkey, c.confkey) as k(own, theirs) where k.own = attribute
               and k.theirs = (select attnum from pg_attribute where attrelid = c.confrelid
                               and attname = other.partkey)) then
            raise exception 'cannot create foreign key constraint %: relations are not colocated '
                'or not referencing a reference table', c.conname
                using errcode = 'feature_not_supported';
        end if;
    end loop;
end
$$;

create function pg_catalog.create_reference_table(table_name regclass) returns void
language plpgsql security definer as $$
begin
    perform citus.distributable(table_name);
    perform citus.check_foreign(table_name, null, null);
    insert into pg_dist_partition values (table_name, 'n', null, 0, 't');
    insert into citus.called (call) values (format('reference %s', table_name));
end
$$;

create function citus.colocation_of(colocate_with text) returns integer language plpgsql as $$
declare
    other pg_dist_partition;
begin
    if colocate_with = 'none' then
        return nextval('citus.colocation');
    end if;
    if colocate_with = 'default' then
        return -1;
    end if;
    select * into other from pg_dist_partition
    where logicalrelid = colocate_with::regclass and partmethod = 'h';
    if not found then
        raise exception 'relation % is not distributed', colocate_with
            using errcode = 'invalid_table_definition';
    end if;
    return other.colocationid;
end
$$;

create function pg_catalog.create_distributed_table(
    table_name regclass,
    distribution_column text,
    distribution_type citus.distribution_type default 'hash',
    colocate_with text default 'default',
    shard_count int default null) returns void language plpgsql security definer as $$
declare
    attribute smallint;
    colocation integer := citus.colocation_of(colocate_with);
    c record;
begin
    perform citus.distributable(table_name);
    select attnum into attribute from pg_attribute
    where attrelid = table_name and attname = distribution_column and attnum > 0;
    if not found then
        raise exception 'column "%" of relation "%" does not exist', distribution_column, table_name
            using errcode = 'undefined_column';
    end if;
    for c in select indexrelid::regclass as name, indkey from pg_index
             where indrelid = table_name and (indisunique or indisexclusion) loop
        if not attribute = any (c.indkey::smallint[]) then
            raise exception 'cannot create constraint on "%": % lacks the partition column',
                table_name, c.name using errcode = 'feature_not_supported';
        end if;
    end loop;
    perform citus.check_foreign(table_name, attribute, colocation);
    insert into pg_dist_partition
    values (table_name, 'h', distribution_column, colocation,
            case when distribution_type = 'hash' then 's' else 'c' end);
    insert into citus.called (call)
    values (format('distributed %s by %s with %s', table_name, distribution_column, colocate_with));
end
$$;

-- What happens to tables later.
create function citus.after_drop() returns event_trigger language plpgsql security definer as $$
begin
    delete from pg_dist_partition where logicalrelid::oid in
        (select objid from pg_event_trigger_dropped_objects() where object_type = 'table');
end
$$;
create event trigger citus_after_drop on sql_drop execute function citus.after_drop();

create function citus.no_trigger() returns event_trigger language plpgsql security definer as $$
begin
    if exists (select from pg_event_trigger_ddl_commands() d join pg_trigger t on t.oid = d.objid
               join pg_dist_partition p on p.logicalrelid = t.tgrelid) then
        raise exception 'triggers are not supported on distributed tables'
            using errcode = 'feature_not_supported';
    end if;
end
$$;
create event trigger citus_no_trigger on ddl_command_end when tag in ('CREATE TRIGGER')
    execute function citus.no_trigger();
