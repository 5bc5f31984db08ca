// One server: a connection of the service account that all searches share, and short-lived ones for everything that
// binds as somebody, writes, or reads page by page (slapd keeps one paged search per connection).
import type { Client } from 'ldapts'
import { AppError } from '../../src/domain/errors.ts'
import type { Instant } from '../../src/domain/time.ts'
import type { Clock } from '../../src/ports.ts'
import { type BindOutcome, bind, type Connection, connect, type ServerOptions } from './connection.ts'
import { isOutage, isTimeout, result } from './result.ts'

export type Server = {
  url: string
  /** Until when it is passed over, 0 while it works; until when its failure need not be told again. */
  health: { downUntil: Instant; toldUntil: Instant }
  /** On the shared connection: searches only, nothing that changes its state. */
  shared<T>(work: (client: Client) => Promise<T>): Promise<T>
  /** A fresh connection of the service account; the caller closes it. */
  service(): Promise<Connection>
  /** Bind as somebody on a fresh connection, and work there if that was right. */
  as<T>(dn: string, password: string, work: (outcome: BindOutcome, client: Client) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export type ServiceAccount = { dn: string; password: string; retryAfterMs: number }

/** `dn` and `password` are the service account's. Nothing is opened yet. */
export function openServer(options: ServerOptions, account: ServiceAccount, clock: Clock): Server {
  const health = { downUntil: 0, toldUntil: 0 }
  let current: Promise<Connection> | undefined
  let refused: { until: Instant; error: AppError } | undefined
  let closed = false

  const service = async (): Promise<Connection> => {
    if (closed) throw new AppError('directory_unavailable', { detail: 'the directory was closed' })
    // A wrong password is not tried again and again: the server's policy would lock the service account.
    if (refused && refused.until > clock.now()) throw refused.error
    const connection = await connect(options)
    try {
      const { code } = await bind(connection, account.dn, account.password)
      if (code === result.success) return connection
      const error = new AppError('directory_unavailable', {
        detail: `${options.url} refuses the service account: LDAP result ${code}`,
      })
      refused = { until: clock.now() + account.retryAfterMs, error }
      throw error
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  /** The shared connection, opened once however many ask for it; `reused` if it was there before. */
  const share = async (): Promise<{ connection: Connection; reused: boolean }> => {
    const pending = current
    if (pending) {
      const connection = await pending
      if (connection.alive()) return { connection, reused: true }
      if (current !== pending) return share()
    }
    const opening = service()
    current = opening
    opening.catch(() => {
      if (current === opening) current = undefined
    })
    return { connection: await opening, reused: false }
  }

  const shared: Server['shared'] = async (work) => {
    const { connection, reused } = await share()
    try {
      return await work(connection.client)
    } catch (error) {
      if (!isOutage(error)) throw error
      // One silent request takes the connection, and all others on it, along: they need not find out again.
      if (isTimeout(error)) health.downUntil = clock.now() + account.retryAfterMs
      if (!reused || health.downUntil > clock.now()) throw error
      // It had died since its last use (a restart, an idle time-out): once more, on a new one.
      return await work((await share()).connection.client)
    }
  }

  return {
    url: options.url,
    health,
    shared,
    service,
    as: async (dn, password, work) => {
      const connection = await connect(options)
      try {
        return await work(await bind(connection, dn, password), connection.client)
      } finally {
        void connection.close()
      }
    },
    close: async () => {
      closed = true
      await current?.then(
        (connection) => connection.close(),
        () => {},
      )
    },
  }
}
