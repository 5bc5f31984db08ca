// What an administrator of MariaDB runs once: a small database with the procedures by which site users are locked, opened and
// disconnected. Schedar's account may call them and nothing else; what they may do is another account's, which nobody can
// sign in with. The right to lock users is also the right to change root's password, so it is given to no password.
import { AppError } from '../../src/domain/errors.ts'
import type { KitFile, ServiceKitTarget } from '../../src/plugin.ts'
import type { MariadbConfig } from './config.ts'

const DEFINER = 'schedar_definer'

const sql = (account: string): string => `\
-- Schedar closes the database users of closed sites. Run as root: mariadb < schedar-sites.sql. It may be run again.
-- MariaDB 10.5 or later. Schedar's account gets its password by itself, as README.txt says.
set session sql_mode = 'STRICT_ALL_TABLES';
set session sql_log_bin = 0;

create database if not exists schedar_sites character set utf8mb4 collate utf8mb4_bin;
use schedar_sites;

-- Which users are closed, for which site, and which of their accounts we locked: one that somebody else had locked stays so.
-- A row without a host stands for the closing itself.
create table if not exists closed (
  site varchar(253) character set ascii collate ascii_bin not null,
  user varchar(80) character set ascii collate ascii_bin not null,
  host varchar(255) character set ascii collate ascii_bin not null,
  primary key (site, user, host)
);

-- Nobody can sign in with it: it is locked, and what it may do is done by the procedures below alone.
create user if not exists ${DEFINER}@localhost identified via mysql_native_password using 'invalid' account lock;
grant create user, process, connection admin on *.* to ${DEFINER}@localhost;
grant select on mysql.global_priv to ${DEFINER}@localhost;
grant select, insert, delete on schedar_sites.closed to ${DEFINER}@localhost;
grant execute on schedar_sites.* to ${DEFINER}@localhost;

create or replace definer = ${DEFINER}@localhost sql security definer view held as
  select c.site, c.user,
    case when p.user is null then null when json_value(p.priv, '$.account_locked') in ('true', '1') then 1 else 0 end as locked
  from closed c left join mysql.global_priv p on p.user = convert(c.user using utf8mb3) collate utf8mb3_bin;

delimiter //

-- A site's user has no right on the whole server, is no role, and is neither of our own accounts.
create or replace definer = ${DEFINER}@localhost procedure must_be_site_user(in name varchar(80) character set utf8mb3)
sql security definer
begin
  declare others int;
  select count(*) into others from mysql.global_priv p
    where p.user = name collate utf8mb3_bin
      and (coalesce(json_value(p.priv, '$.access'), '0') <> '0' or json_value(p.priv, '$.is_role') is not null);
  if name not regexp '^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$' or others > 0
    or lower(name) in ('root', 'mysql', 'mysql.sys', 'mariadb.sys', 'debian-sys-maint', 'public', '${DEFINER}', '${account.toLowerCase()}') then
    signal sqlstate '45000' set message_text = 'not the user of a site';
  end if;
end //

create or replace definer = ${DEFINER}@localhost procedure close_user(in of_site varchar(253) character set utf8mb3, in name varchar(80) character set utf8mb3)
sql security definer
begin
  declare host_name varchar(255) character set utf8mb3;
  declare done int default 0;
  declare open_accounts cursor for
    select p.host from mysql.global_priv p
      where p.user = name collate utf8mb3_bin and coalesce(json_value(p.priv, '$.account_locked'), '0') not in ('true', '1');
  declare continue handler for not found set done = 1;
  call must_be_site_user(name);
  insert ignore into closed values (of_site, name, '');
  open open_accounts;
  walk: loop
    fetch open_accounts into host_name;
    if done then leave walk; end if;
    -- First what we are about to do: cut off in between, it is done with the next call.
    insert ignore into closed values (of_site, name, host_name);
    execute immediate concat('alter user ', quote(name), '@', quote(host_name), ' account lock');
  end loop;
  close open_accounts;
end //

create or replace definer = ${DEFINER}@localhost procedure open_user(in of_site varchar(253) character set utf8mb3, in name varchar(80) character set utf8mb3)
sql security definer
begin
  declare host_name varchar(255) character set utf8mb3;
  declare done int default 0;
  declare elsewhere int;
  declare ours cursor for
    select c.host from closed c join mysql.global_priv p
      on p.user = name collate utf8mb3_bin and p.host = convert(c.host using utf8mb3) collate utf8mb3_bin
      where c.site = of_site and c.user = name and c.host <> '';
  declare continue handler for not found set done = 1;
  call must_be_site_user(name);
  -- Two sites may share a user: it stays closed while one of them is, and what is to be opened later is the other's then.
  select count(*) into elsewhere from closed c where c.user = name and c.site <> of_site;
  if elsewhere > 0 then
    insert ignore into closed
      select o.site, o.user, c.host from closed c join closed o on o.user = c.user and o.site <> c.site and o.host = ''
      where c.site = of_site and c.user = name;
  else
    open ours;
    walk: loop
      fetch ours into host_name;
      if done then leave walk; end if;
      execute immediate concat('alter user ', quote(name), '@', quote(host_name), ' account unlock');
    end loop;
    close ours;
  end if;
  delete from closed where site = of_site and user = name;
end //

create or replace definer = ${DEFINER}@localhost procedure kill_user(in name varchar(80) character set utf8mb3)
sql security definer
begin
  declare thread bigint;
  declare done int default 0;
  declare threads cursor for
    select l.id from information_schema.processlist l where l.user = name collate utf8mb3_bin;
  declare continue handler for not found set done = 1;
  -- One that is gone by itself meanwhile (ER_NO_SUCH_THREAD).
  declare continue handler for 1094 begin end;
  call must_be_site_user(name);
  open threads;
  walk: loop
    fetch threads into thread;
    if done then leave walk; end if;
    execute immediate concat('kill connection ', thread);
  end loop;
  close threads;
end //

-- For schedar services check: that the account behind these procedures has what it needs.
create or replace definer = ${DEFINER}@localhost procedure check_rights()
sql security definer
begin
  declare users int;
  select count(*) into users from mysql.global_priv;
  select count(*) into users from information_schema.processlist;
end //

delimiter ;

create user if not exists ${account}@localhost identified via mysql_native_password using 'invalid';
grant select on schedar_sites.held to ${account}@localhost;
grant execute on procedure schedar_sites.close_user to ${account}@localhost;
grant execute on procedure schedar_sites.open_user to ${account}@localhost;
grant execute on procedure schedar_sites.kill_user to ${account}@localhost;
grant execute on procedure schedar_sites.check_rights to ${account}@localhost;
`

const readMe = (account: string): string => `Database users of closed sites, in MariaDB

1. As root, on the machine of MariaDB, in this folder. It may be run again after an update of Schedar:

   mariadb < schedar-sites.sql

2. Schedar's account gets the password that schedar.yaml names (password: file:/etc/schedar/mariadb.password):

   echo "alter user ${account}@localhost identified by '$(cat /etc/schedar/mariadb.password)'" | mariadb

3. Where Schedar runs; the last command closes the users of the sites that are closed already:

   systemctl restart schedar
   schedar services check
   schedar services apply NAME, which is its name in schedar.yaml
`

export function databaseKit({ config, options }: ServiceKitTarget): KitFile[] {
  const [unknown] = Object.keys(options)
  if (unknown) throw new AppError('invalid_value', { field: unknown, detail: `this kit has no setting ${unknown}` })
  const { account } = config as MariadbConfig
  return [
    { path: 'schedar-sites.sql', content: sql(account) },
    { path: 'README.txt', content: readMe(account) },
  ]
}
