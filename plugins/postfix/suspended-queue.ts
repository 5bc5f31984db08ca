// What a suspended login had given to Postfix and is still queued: held, and sent on when it is restored. A marker for
// each login names what the suspension held, so that a burst that was held before stays held.
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import type { Host, LoginSubject, Name, Service } from '../../src/plugin.ts'
import {
  errno,
  fileFailure,
  locked,
  mustBeFolder,
  mustBeHere,
  replaceFile,
  syncFolder,
  textOf,
} from '../../src/plugin-files.ts'
import { parameter } from './check.ts'
import type { PostfixConfig } from './config.ts'
import { isLogin, unusable } from './names.ts'
import { isQueueId, postsuper } from './postsuper.ts'
import { isOnHold, type QueueEntry, queueEntries } from './queue-list.ts'

/** `held: false`: something of the login's is queued and not held. A login that is not suspended has no row. */
export type HeldQueue = { readonly held: boolean }

const MARK = '# Held by Schedar while this login is suspended: the queue ids that it lets go afterwards.'
/** A message whose login was asked about just before the suspension is queued by then. */
const TAKEN_IN_MS = 1000

type Queue = ReadonlyMap<string, QueueEntry>

export function suspendedQueue(config: PostfixConfig, { queueIdsOf }: Host): Service<LoginSubject, HeldQueue> {
  const { folder, host, configDir } = config
  const markers = join(folder, 'held')
  const lock = join(folder, 'held.lock')
  const run = postsuper(config)
  const queue = async (signal: AbortSignal): Promise<Queue> => queueEntries(await run('list', [], signal))

  const marked = async (): Promise<Name[]> =>
    (await readdir(markers).catch((error: unknown) => Promise.reject(fileFailure(error, markers)))).filter(isLogin)
  const idsIn = async (login: Name): Promise<string[]> =>
    (await textOf(join(markers, login))).split('\n').filter(isQueueId)
  const write = (login: Name, ids: readonly string[]) =>
    replaceFile(markers, login, `${[MARK, ...ids].join('\n')}\n`, 'marker')

  /** Of what the login gave, what is seen queued and not held. */
  const loose = async (login: Name, there: Queue): Promise<string[]> =>
    (await queueIdsOf(login)).filter((id) => there.has(id) && !isOnHold(there.get(id)!))

  /** Of what the login gave, all but what is held: a message that changes queues just now is missing in the list. */
  const notHeld = async (login: Name, there: Queue): Promise<string[]> =>
    (await queueIdsOf(login)).filter((id) => !there.has(id) || !isOnHold(there.get(id)!))

  /** The marker first: what is held without being named there would never be let go. */
  async function hold(logins: readonly Name[], signal: AbortSignal): Promise<void> {
    if (logins.length === 0) return
    const there = await queue(signal)
    const ids: string[] = []
    for (const login of logins) {
      const found = (await notHeld(login, there)).filter(isQueueId)
      const before = (await idsIn(login)).filter((id) => there.has(id))
      await write(login, [...new Set([...before, ...found])])
      ids.push(...found)
    }
    await syncFolder(markers)
    await run('hold', ids, signal)
  }

  async function letGo(logins: readonly Name[], signal: AbortSignal): Promise<void> {
    const ids = await Promise.all(logins.map(idsIn))
    await run('release', ids.flat(), signal)
    for (const login of logins)
      await unlink(join(markers, login)).catch((error: unknown) => {
        if (errno(error) !== 'ENOENT') throw fileFailure(error, markers)
      })
    await syncFolder(markers)
  }

  return {
    async check(signal) {
      mustBeHere(host, folder)
      await mustBeFolder(markers)
      await locked(lock, signal, async () => {
        await queue(signal)
      })
      // Short ids are used again: a message of somebody else's would be held in the suspended one's place.
      if ((await parameter(configDir, 'enable_long_queue_ids', signal)) !== 'yes')
        throw new AppError('service_unavailable', {
          detail: `Postfix in ${configDir} must have enable_long_queue_ids = yes`,
        })
    },

    async *list() {
      yield* await marked()
    },

    async observe(names, signal) {
      const wanted = new Set(names)
      const found = (await marked()).filter((login) => wanted.has(login))
      if (found.length === 0) return new Map()
      const there = await queue(signal)
      const rows = found.map(async (login) => [login, { held: (await loose(login, there)).length === 0 }] as const)
      return new Map(await Promise.all(rows))
    },

    render: ({ access }) => (access === 'none' ? { held: true } : null),

    async apply(changes, signal) {
      mustBeHere(host, folder)
      await mustBeFolder(markers)
      const logins = [...changes].filter(([login]) => isLogin(login))
      const of = (wanted: boolean) => logins.flatMap(([login, row]) => ((row !== null) === wanted ? [login] : []))
      await locked(lock, signal, async () => {
        await hold(of(true), signal)
        await letGo(of(false), signal)
      })
      // After the others: one unusable name must not keep a batch of suspensions from being applied.
      if (logins.length < changes.size)
        throw unusable(
          'login',
          [...changes.keys()].filter((name) => !isLogin(name)),
        )
    },

    async endSessions(names, signal) {
      await locked(lock, signal, async () => {
        const suspended = new Set(await marked())
        await hold(
          names.filter((login) => suspended.has(login)),
          signal,
        )
      })
    },
    endSessionsAgainAfterMs: config.answerTimeoutMs + TAKEN_IN_MS,
    close: async () => undefined,
  }
}
