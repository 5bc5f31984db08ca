// An LDAP server as the directory: it holds the passwords and says whether one is right. The service account searches;
// the only check of a password is a bind as the person, on a connection of its own, because a failed bind leaves a
// connection anonymous (RFC 4513 §4).
import { readFile } from 'node:fs/promises'
import { AppError } from '../../src/domain/errors.ts'
import type { Instant } from '../../src/domain/time.ts'
import type { Account, Clock, Directory, Verdict } from '../../src/ports.ts'
import { openChanges } from './changes.ts'
import { checkConfig, type LdapConfig } from './config.ts'
import type { ServerOptions } from './connection.ts'
import { readEntry } from './entry.ts'
import { addEntry, checkServer, type Lookup, lookUp } from './operations.ts'
import { modifyPassword } from './password-modify.ts'
import { passwordRefused, refusedUnseen, verdictOf } from './password-policy.ts'
import { byIdentifier } from './search.ts'
import { openServer, type Server } from './server.ts'
import { type Log, openServers, orAborted, stillWanted, type Whom } from './servers.ts'

export { type LdapConfig, ldapConfig } from './config.ts'

export type LdapDeps = { clock: Clock; log: Log }

/** No entry has it: entryUUIDs are of version 1. */
const NOBODY: Lookup = { username: '', directoryKey: '00000000-0000-0000-0000-000000000000' }

async function authority({ caFile }: LdapConfig): Promise<Buffer | undefined> {
  if (caFile === undefined) return undefined
  return readFile(caFile).catch((cause) => {
    throw new AppError('invalid_value', { field: 'caFile', detail: `cannot read ${caFile}`, cause })
  })
}

async function openAll(config: LdapConfig, { clock, log }: LdapDeps) {
  checkConfig(config)
  const ca = await authority(config)
  const { urls, startTls, connectTimeoutMs, timeoutMs, bindDn, password, retryAfterMs } = config
  const open = (url: string) => {
    const options: ServerOptions = { url, startTls, ca, connectTimeoutMs, timeoutMs }
    return openServer(options, { dn: bindDn, password, retryAfterMs }, clock)
  }
  const [first, ...others] = urls.map(open)
  return openServers([first!, ...others], retryAfterMs, clock, log)
}

/** Remembers whose password changed lately: replicas may still take the old one. */
function recentChanges(forMs: number, clock: Clock) {
  const changedAt = new Map<string, Instant>()
  return {
    note: (accountId: string) => {
      const now = clock.now()
      for (const [id, at] of changedAt) if (at + forMs <= now) changedAt.delete(id)
      changedAt.set(accountId, now)
    },
    whom: (accountId: string): Whom =>
      (changedAt.get(accountId) ?? -forMs) + forMs > clock.now() ? 'provider' : 'any',
  }
}

/** Opens no connection yet; `check` proves that it works. Throws `invalid_value` for a configuration that cannot stand. */
export async function openLdapDirectory(config: LdapConfig, deps: LdapDeps): Promise<Directory> {
  const servers = await openAll(config, deps)
  const { people, create, pageSize, replicationMs } = config
  const { clock } = deps
  const recent = recentChanges(replicationMs, clock)
  const find = (server: Server, account: Lookup) => lookUp(server, people, account, clock.now())

  /**
   * What a wrong password costs: a fresh connection and one check of a hash. The service account binds with its *right*
   * password: a decoy with a wrong one would be locked by the server's policy and then answer at once, and a hash made
   * here would be of another cost on another machine.
   */
  const spend = async (server: Server) => {
    const connection = await server.service()
    void connection.close()
  }

  const verify = async (server: Server, account: Account, password: string): Promise<Verdict> => {
    const found = await find(server, account)
    if (!found) {
      await spend(server)
      return 'wrong'
    }
    const outcome = await server.as(found.dn, password, async (told) => told)
    if (refusedUnseen(outcome)) await spend(server)
    return verdictOf(outcome, found.state)
  }

  /** By the person, on the connection that the current password opened: history and minimum age hold. */
  const change = async (
    server: Server,
    found: NonNullable<Awaited<ReturnType<typeof find>>>,
    current: string,
    next: string,
    signal: AbortSignal,
  ) =>
    server.as(found.dn, current, async (outcome, client) => {
      const verdict = verdictOf(outcome, found.state)
      if (verdict === 'expired') throw passwordRefused('expired')
      if (verdict !== 'ok' && verdict !== 'must_change')
        throw new AppError('sign_in_failed', { field: 'current', detail: `current password: ${verdict}` })
      stillWanted('set a password', signal)
      await modifyPassword(client, found.dn, next, current)
    })

  const reset = async (server: Server, dn: string, next: string, signal: AbortSignal) => {
    const connection = await server.service()
    try {
      stillWanted('set a password', signal)
      await modifyPassword(connection.client, dn, next)
    } finally {
      void connection.close()
    }
  }

  return {
    kind: 'ldap',

    verify: async (account, password, signal) => {
      // RFC 4513 §5.1.2: many servers take an empty password for an anonymous bind and say "success".
      if (password === '') return 'wrong'
      return servers.run(
        'check a password',
        signal,
        (server) => verify(server, account, password),
        recent.whom(account.id),
      )
    },

    pretend: async (password, signal) => {
      if (password === '') return
      await servers.run('check a password', signal, async (server) => {
        await find(server, NOBODY)
        await spend(server)
      })
    },

    setPassword: async (account, password, signal, current) => {
      if (password === '') throw passwordRefused('too_short')
      if (current === '')
        throw new AppError('sign_in_failed', { field: 'current', detail: 'the current password is empty' })
      const set = async (server: Server) => {
        const found = await find(server, account)
        if (!found) throw new AppError('not_found', { detail: `no entry for the account ${account.username}` })
        // From here on it may have changed, even if the answer is lost.
        recent.note(account.id)
        return current === undefined
          ? reset(server, found.dn, password, signal)
          : change(server, found, current, password, signal)
      }
      await servers.run('set a password', signal, set, 'provider')
    },

    find: (identifier, signal) =>
      servers.run('look somebody up', signal, async (server) => {
        const entry = await server.shared((client) => byIdentifier(client, people, identifier))
        return entry && readEntry(entry, people, clock.now())?.entry
      }),

    ...(create && {
      add: (account: Account, signal: AbortSignal) =>
        servers.run(
          'add somebody',
          signal,
          (server) => addEntry(server, account, { ...config, create }, signal),
          'provider',
        ),
    }),

    ...openChanges({ servers, people, pageSize, ...deps }),

    check: async (signal) => {
      const checks = Promise.allSettled(servers.all.map((server) => checkServer(server, people)))
      const reports = await orAborted('check the directory', signal, checks)
      const failed = reports.flatMap((report) => (report.status === 'rejected' ? [report.reason] : []))
      if (failed.length === reports.length) throw failed[0]
      for (const error of failed) deps.log.warn('directory.server_down', { detail: error.message })
    },

    close: () => servers.close(),
  }
}
