// A database user for each site, in MariaDB: locked while the site is closed, and its live connections killed. Schedar makes
// and drops no user, and its account cannot read anybody's data: it may only call the procedures that the kit installs.
import type { Connection, RowDataPacket } from 'mysql2/promise'
import { AppError } from '../../src/domain/errors.ts'
import { definePlugin, type Name, type Service, type SiteSubject } from '../../src/plugin.ts'
import { config, isSite, isUser, type MariadbConfig, usersOf } from './config.ts'
import { isRefusal, withMariadb } from './connection.ts'
import { databaseKit } from './kit.ts'

/** The users that are locked for a closed site; `unlocked`: those of them that somebody opened again. */
export type LockedUsers = { readonly users: readonly string[]; readonly unlocked?: readonly string[] }

type Held = RowDataPacket & { site: string; user: string; locked: number | null }
const SEVERAL = 500

async function held(connection: Connection, given: readonly Name[]): Promise<Map<Name, LockedUsers>> {
  const names = given.filter(isSite)
  const rows: Held[] = []
  for (let at = 0; at < names.length; at += SEVERAL) {
    const [found] = await connection.query<Held[]>('select site, user, locked from held where site in (?)', [
      names.slice(at, at + SEVERAL),
    ])
    rows.push(...found)
  }
  const sites = Map.groupBy(rows, ({ site }) => site)
  return new Map(
    [...sites].map(([site, all]) => {
      const users = [...new Set(all.map(({ user }) => user))].toSorted()
      // A user of whom there is no account can connect from nowhere.
      const unlocked = users.filter((name) => all.some(({ user, locked }) => user === name && locked === 0))
      return [site, unlocked.length > 0 ? { users, unlocked } : { users }] as const
    }),
  )
}

const unusable = (names: readonly string[]): AppError =>
  new AppError('invalid_value', {
    field: 'site',
    detail: `no database user of a site, or one with rights on the whole server: ${names.map((name) => JSON.stringify(name.slice(0, 80))).join(', ')}; name others under users: in schedar.yaml`,
  })

const service = (settings: MariadbConfig) => {
  const inMariadb = <T>(signal: AbortSignal, work: (connection: Connection) => Promise<T>) =>
    withMariadb(settings, signal, work)

  /** Calls a procedure for each; those that it refused. */
  async function callAll(
    connection: Connection,
    procedure: 'close_user' | 'open_user' | 'kill_user',
    given: readonly (readonly string[])[],
  ): Promise<string[]> {
    const refused: string[] = []
    for (const values of given) {
      const marks = values.map(() => '?').join(', ')
      await connection.execute(`call ${procedure}(${marks})`, [...values]).catch((error: unknown) => {
        if (!isRefusal(error)) throw error
        refused.push(values.at(-1)!)
      })
    }
    return refused
  }

  return {
    async check(signal) {
      await inMariadb(signal, async (connection) => {
        await held(connection, ['schedar.invalid'])
        await connection.execute('call check_rights()')
      })
    },

    async *list(signal) {
      const rows = await inMariadb(signal, async (connection) => {
        const [found] = await connection.query<Held[]>('select distinct site from held')
        return found
      })
      for (const { site } of rows) yield site
    },

    observe: (names, signal) => inMariadb(signal, (connection) => held(connection, names)),

    render({ name, access }) {
      const users = usersOf(name, settings)
      return access === 'none' && users.length > 0 ? { users } : null
    },

    async apply(changes, signal) {
      const refused = await inMariadb(signal, async (connection) => {
        const before = await held(connection, [...changes.keys()])
        const wanted = [...changes].flatMap(([site, row]) => (row?.users ?? []).map((user) => [site, user] as const))
        const isUsable = ([site, user]: readonly [string, string]) => isSite(site) && isUser(user)
        const gone = [...before].flatMap(([site, { users }]) =>
          users.filter((user) => !changes.get(site)?.users.includes(user)).map((user) => [site, user] as const),
        )
        const closed = await callAll(connection, 'close_user', wanted.filter(isUsable))
        const opened = await callAll(connection, 'open_user', gone)
        return [...closed, ...opened, ...wanted.filter((one) => !isUsable(one)).map(([, user]) => user)]
      })
      // After the others: one that cannot be locked must not keep a batch of closings from being applied.
      if (refused.length > 0) throw unusable(refused)
    },

    async endSessions(names, signal) {
      const users = new Set(names.flatMap((site) => usersOf(site, settings)).filter(isUser))
      await inMariadb(signal, (connection) =>
        callAll(
          connection,
          'kill_user',
          [...users].map((user) => [user]),
        ),
      )
    },
    // A connection that was let in while the user was being locked.
    endSessionsAgainAfterMs: 1000,

    close: async () => undefined,
  } satisfies Service<SiteSubject, LockedUsers>
}

export default definePlugin({
  summary: 'A MariaDB user for each site: locked while the site is closed, and its connections killed.',
  manages: 'site',
  config,
  secrets: ['password'],
  open: async (settings) => service(settings),
  serviceKit: databaseKit,
})
