// Database users of sites in a real MariaDB, with the kit's own SQL: locked and disconnected with their site, and nothing else
// is ever touched. Needs mariadb-server and its client.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { config } from '../../plugins/mariadb/config.ts'
import plugin from '../../plugins/mariadb/index.ts'
import { pluginContract } from '../contract/plugin.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'
import { pluginHost, siteSubject } from '../support/subjects.ts'

const run = promisify(execFile)
const soon = () => AbortSignal.timeout(60_000)
const word = () => randomBytes(15).toString('hex')
const passwords = { admin: word(), schedar: word(), site: word() }
const HOSTS = ['localhost', '127.0.0.1', '%']
let server: Mariadb

const settings = (more: Record<string, unknown> = {}) =>
  config.parse({ address: '127.0.0.1', port: server.port, password: passwords.schedar, ...more })
const openHere = (more: Record<string, unknown> = {}) => plugin.open!(settings(more), pluginHost(tmpdir()))
const root = <T extends RowDataPacket>(sql: string, ...values: unknown[]): Promise<T[]> =>
  server.admin(async (connection) => (await connection.query<T[]>(sql, values))[0])
const makeUser = async (name: string, hosts: readonly string[] = HOSTS) => {
  for (const host of hosts) await root('create user ?@? identified by ?', name, host, passwords.site)
}
const connectAs = (user: string): Promise<Connection> =>
  createConnection({ host: '127.0.0.1', port: server.port, user, password: passwords.site })
const mayConnect = (user: string): Promise<boolean> =>
  connectAs(user).then(
    (connection) => connection.end().then(() => true),
    () => false,
  )
const lockedHosts = async (user: string): Promise<string[]> =>
  (
    await root<RowDataPacket & { Host: string }>(
      "select Host from mysql.global_priv where User = ? and json_value(Priv, '$.account_locked') in ('true', '1') order by Host",
      user,
    )
  ).map(({ Host }) => Host)
const set = async (access: 'none' | 'full', names: readonly string[], more?: Record<string, unknown>) => {
  const service = await openHere(more)
  await service.apply(new Map(names.map((name) => [name, service.render(siteSubject(name, { access }))])), soon())
}
/** Accounts and databases, without those of the sites that the contract closes. */
const everythingElse = async () => ({
  accounts: await root(
    'select User, Host, Priv from mysql.global_priv where User not like ? order by 1, 2',
    'contract%',
  ),
  databases: await root('show databases'),
  tables: await root(
    "select table_schema, table_name from information_schema.tables where table_schema = 'data' order by 1, 2",
  ),
  rows: await root('select * from `data`.precious'),
})

async function installKit(): Promise<void> {
  const [kit] = plugin.serviceKit!({
    issuer: 'https://id.asso.example',
    associationName: 'x',
    contactEmail: 'x@asso.example',
    config: settings(),
    options: {},
  })
  const file = join(tmpdir(), `schedar-sites-${server.port}.sql`)
  await writeFile(file, kit!.content)
  await run('sh', ['-c', 'exec mariadb --no-defaults -S "$1" -u kit_admin < "$2"', 'sh', server.socket, file], {
    env: { PATH: '/usr/bin:/bin', MYSQL_PWD: passwords.admin },
  })
  await rm(file)
}

beforeAll(async () => {
  server = await startMariadb()
  await root(`create user kit_admin@localhost identified by '${passwords.admin}'`)
  await root('grant all on *.* to kit_admin@localhost with grant option')
  await installKit()
  await installKit() // It may be run again.
  await root(`create user schedar_sites@'127.0.0.1' identified by '${passwords.schedar}'`)
  // The test comes by TCP, where there are no names: what the kit gives to localhost, given there.
  for (const what of [
    'select on schedar_sites.held',
    ...['close_user', 'open_user', 'kill_user', 'check_rights'].map(
      (name) => `execute on procedure schedar_sites.${name}`,
    ),
  ])
    await root(`grant ${what} to schedar_sites@'127.0.0.1'`)
  await root('create database `data`')
  await root('create table `data`.precious (a int)')
  await root('insert into `data`.precious values (1)')
  for (const name of ['a.example', 'b.example', 'by-hand.example', 'shared']) await makeUser(name)
  await root("alter user 'by-hand.example'@'%' account lock")
  // Once locked and opened, MariaDB writes down that it is not locked.
  for (const host of HOSTS)
    for (const how of ['lock', 'unlock']) await root(`alter user 'b.example'@'${host}' account ${how}`)
})
afterAll(() => server?.remove())

pluginContract('mariadb', async () => {
  const names = ['contract.one.example', 'contract-two', 'contract.three.example', 'contract.xn--vlo-bma.example']
  for (const name of names) await makeUser(name)
  return {
    service: await openHere(),
    subjects: { some: names.map((name) => siteSubject(name)), foreign: ['by-hand.example'] },
    untouched: everythingElse,
    live: async ({ name }) => {
      const connection = await connectAs(name)
      connection.on('error', () => undefined)
      const ended = new Promise<void>((resolve) => {
        const stream = (connection as unknown as { connection: { stream: NodeJS.EventEmitter } }).connection.stream
        stream.once('close', () => resolve())
      })
      return { ended, close: () => connection.destroy() }
    },
    close: async () => {},
  }
})

describe('a closed site', () => {
  test('cannot connect, from no host, and its connections are killed; then it can again', async () => {
    const live = await connectAs('a.example')
    live.on('error', () => undefined)
    const other = await connectAs('b.example')
    const service = await openHere()
    await set('none', ['a.example'])
    await service.endSessions!(['a.example'], soon())
    await expect(live.query('select 1')).rejects.toThrow()
    expect((await other.query('select 1'))[0]).toHaveLength(1)
    await other.end()
    expect(await lockedHosts('a.example')).toEqual(['%', '127.0.0.1', 'localhost'])
    expect([await mayConnect('a.example'), await mayConnect('b.example')]).toEqual([false, true])
    await set('full', ['a.example'])
    expect([await lockedHosts('a.example'), await mayConnect('a.example')]).toEqual([[], true])
  })

  test('an account that somebody locked by hand stays locked', async () => {
    await set('none', ['by-hand.example'])
    expect(await lockedHosts('by-hand.example')).toEqual(['%', '127.0.0.1', 'localhost'])
    await set('full', ['by-hand.example'])
    expect(await lockedHosts('by-hand.example')).toEqual(['%'])
  })

  test('a user made or opened meanwhile is found, and locked by the next run', async () => {
    await set('none', ['late.example'])
    const service = await openHere()
    const wanted = service.render(siteSubject('late.example', { access: 'none' }))
    const seen = async () => (await service.observe(['late.example'], soon())).get('late.example')
    expect(await seen()).toEqual(wanted)
    await makeUser('late.example', ['%'])
    expect(await seen()).toEqual({ users: ['late.example'], unlocked: ['late.example'] })
    await service.apply(new Map([['late.example', wanted]]), soon())
    expect([await seen(), await lockedHosts('late.example')]).toEqual([wanted, ['%']])
    await set('full', ['late.example'])
    expect(await mayConnect('late.example')).toBe(true)
  })

  test('two sites that share a user: it stays closed while one of them is', async () => {
    const more = { users: { 'one.example': 'shared', 'two.example': ['shared'] } }
    await set('none', ['one.example', 'two.example'], more)
    await set('full', ['one.example'], more)
    expect(await mayConnect('shared')).toBe(false)
    await set('full', ['two.example'], more)
    expect(await mayConnect('shared')).toBe(true)
  })

  test('another name in schedar.yaml: the new user is closed, the old one open', async () => {
    await set('none', ['a.example'])
    const more = { users: { 'a.example': 'shared' } }
    const service = await openHere(more)
    const wanted = service.render(siteSubject('a.example', { access: 'none' }))
    expect((await service.observe(['a.example'], soon())).get('a.example')).not.toEqual(wanted)
    await service.apply(new Map([['a.example', wanted]]), soon())
    expect([await mayConnect('a.example'), await mayConnect('shared')]).toEqual([true, false])
    await set('full', ['a.example'], more)
    expect(await mayConnect('shared')).toBe(true)
  })

  test('dots as underscores', async () => {
    await makeUser('web_c_example', ['%'])
    const more = { user: 'web_{site}', dots: 'underscore' }
    await set('none', ['c.example'], more)
    expect(await mayConnect('web_c_example')).toBe(false)
    await set('full', ['c.example'], more)
  })
})

describe('names', () => {
  const evil = [
    "x'@'%'; drop user root@localhost; -- ",
    'x` or 1=1',
    'x\\',
    'x\n',
    '',
    'é.example',
    'x'.repeat(81),
    '%',
    "x' account unlock",
  ]
  test.each(evil)('%j is no user: it is refused, the others are locked, and nothing else changes', async (name) => {
    const before = await everythingElse()
    await expect(set('none', [name, 'b.example'])).rejects.toMatchObject({ code: 'invalid_value', field: 'site' })
    expect(await mayConnect('b.example')).toBe(false)
    await set('full', ['b.example'])
    expect(await everythingElse()).toEqual(before)
    await (await openHere()).endSessions!([name], soon())
  })

  test.each(['root', 'ROOT', 'mysql', 'mariadb.sys', 'schedar_sites', 'schedar_definer', 'kit_admin', 'a_role'])(
    '%s is not a site’s, whatever schedar.yaml says',
    async (name) => {
      if (name === 'a_role') await root('create role if not exists a_role')
      const live = await createConnection({
        socketPath: server.socket,
        user: 'kit_admin',
        password: passwords.admin,
      })
      const more = { users: { 'a.example': name } }
      await expect(set('none', ['a.example'], more)).rejects.toMatchObject({ code: 'invalid_value' })
      await (await openHere(more)).endSessions!(['a.example'], soon())
      expect((await live.query('select 1'))[0]).toHaveLength(1)
      await live.end()
      expect(await lockedHosts(name)).toEqual(
        name === 'schedar_definer' ? ['localhost'] : name === 'mariadb.sys' ? ['localhost'] : [],
      )
      expect(await (await openHere()).observe(['a.example'], soon())).toEqual(new Map())
    },
  )

  test('as text they are no SQL where sites are read, either', async () => {
    const service = await openHere()
    for (const name of evil) expect((await service.observe([name], soon())).size).toBe(0)
  })
})

describe('Schedar’s own account', () => {
  const asSchedar = async (sql: string) => {
    const connection = await createConnection({
      host: '127.0.0.1',
      port: server.port,
      user: 'schedar_sites',
      password: passwords.schedar,
    })
    return connection.query(sql).finally(() => connection.destroy())
  }
  test.each([
    'select * from mysql.global_priv',
    'select * from mysql.user',
    'select * from `data`.precious',
    'drop user root@localhost',
    "alter user root@localhost identified by 'x'",
    "alter user 'a.example'@'%' account lock",
    'create database mine',
    "insert into schedar_sites.closed values ('a', 'b', '%')",
    'delete from schedar_sites.closed',
    "call schedar_sites.must_be_site_user('x')",
    'kill 1',
    'create procedure schedar_sites.more() select 1',
    'grant all on *.* to schedar_sites@localhost',
  ])('may not: %s', async (sql) => {
    await expect(asSchedar(sql)).rejects.toMatchObject({ errno: expect.any(Number) })
  })

  test('has no password of its definer’s: nobody signs in with that', async () => {
    const as = (password: string) =>
      createConnection({ socketPath: server.socket, user: 'schedar_definer', password }).then(
        (connection) => connection.end().then(() => 'in'),
        () => 'refused',
      )
    expect(await Promise.all(['', 'invalid', passwords.schedar].map(as))).toEqual(['refused', 'refused', 'refused'])
  })
})

describe('when something is wrong', () => {
  test('MariaDB down, frozen, or the kit missing: said without the password', async () => {
    const service = await openHere()
    await service.check(soon())
    server.freeze()
    const row = service.render(siteSubject('a.example', { access: 'none' }))
    await expect(service.apply(new Map([['a.example', row]]), AbortSignal.timeout(300))).rejects.toThrow()
    server.thaw()
    await root('revoke execute on procedure schedar_sites.check_rights from schedar_sites@?', '127.0.0.1')
    await expect(service.check(soon())).rejects.toMatchObject({ code: 'service_unavailable' })
    await root('grant execute on procedure schedar_sites.check_rights to schedar_sites@?', '127.0.0.1')
    await server.stop()
    const failed = await service.apply(new Map([['a.example', row]]), soon()).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'service_unavailable' })
    expect(JSON.stringify(failed)).not.toContain(passwords.schedar)
    await server.start()
    await service.apply(new Map([['a.example', row]]), soon())
    expect(await mayConnect('a.example')).toBe(false)
  })

  test.each([
    [{ address: 'db.example' }],
    [{ user: 'fixed' }],
    [{ user: "{site}'" }],
    [{ users: { 'a.example': "x'; drop" } }],
    [{ account: 'a b' }],
    [{ socket: 'relative' }],
  ])('%j in schedar.yaml is refused', (given) => {
    expect(config.safeParse({ password: 'x', ...given }).success).toBe(false)
  })
})
