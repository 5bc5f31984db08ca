// Lists of Mailman whose members are those whom Schedar says. Mailman does not tell who was put there by whom: the ledger
// does, and only those in it are ever taken off.
import { join } from 'node:path'
import type { AccountSubject, Host, Name, Service } from '../../src/plugin.ts'
import { each, locked, mustBeFolder, mustBeHere } from '../../src/plugin-files.ts'
import {
  type Ledger,
  type ListLedger,
  type ListRow,
  leaving,
  namesIn,
  note,
  readLedger,
  rowOf,
  rowsIn,
  writeLedger,
} from '../../src/plugin-lists.ts'
import type { MailmanConfig } from './config.ts'
import { rest } from './rest.ts'

/** Requests at once: Mailman's two workers are those of its pages as well. */
const WIDTH = 2
/** Addresses in one request to take them off. */
const AT_ONCE = 100

export function memberLists({ url, user, password, lists, host }: MailmanConfig, { dataDir }: Host) {
  const mailman = rest({ url, user, password })
  const { host: machine } = new URL(url)
  const file = join(dataDir, `mailman_${machine.replace(/[^\w.-]/g, '_')}.json`)
  const lock = `${file}.lock`

  /** The lists that schedar.yaml names; the ledger keeps the pages of others. */
  async function books(): Promise<{ kept: Ledger; ours: Ledger }> {
    const kept = (await readLedger(file)) ?? new Map()
    const ours: Ledger = new Map(
      Object.keys(lists).map((list) => [list, kept.get(list) ?? { on: new Map(), pending: new Map() }]),
    )
    return { kept, ours }
  }

  /** Off first: whoever has a new address is never there twice. What is done is struck out, one by one. */
  async function bring(list: string, page: ListLedger, signal: AbortSignal): Promise<void> {
    const names = [...page.pending.keys()]
    for (let from = 0; from < names.length; from += AT_ONCE) {
      const some = names.slice(from, from + AT_ONCE)
      await mailman.unsubscribe(list, leaving(page, some), signal)
      for (const name of some)
        if (page.on.has(name)) page.pending.set(name, [])
        else page.pending.delete(name)
    }
    await each(page.pending.keys().toArray(), WIDTH, signal, async (name) => {
      await mailman.subscribe(list, page.on.get(name)!, signal)
      page.pending.delete(name)
    })
  }

  return {
    async check(signal) {
      mustBeHere(host, file)
      await mustBeFolder(dataDir)
      await books()
      await each(Object.keys(lists), WIDTH, signal, (list) => mailman.check(list, signal))
    },

    async *list() {
      yield* namesIn((await books()).ours)
    },

    observe: async (names) => rowsIn((await books()).ours, names),

    render: (subject) => rowOf(lists, subject),

    async apply(changes: ReadonlyMap<Name, ListRow | null>, signal) {
      mustBeHere(host, file)
      await locked(lock, signal, async () => {
        const { kept, ours } = await books()
        for (const [list, page] of ours) note(page, list, changes)
        const dirty = [...ours].filter(([, { pending }]) => pending.size > 0)
        if (dirty.length === 0) return
        const save = () => writeLedger(file, new Map([...kept, ...ours]))
        await save()
        await each(dirty, WIDTH, signal, ([list, page]) => bring(list, page, signal)).finally(save)
      })
    },

    close: async () => undefined,
  } satisfies Service<AccountSubject, ListRow>
}
