// Lists of Sympa whose members are those whom Schedar says. Each has a file that Sympa includes; after a change Sympa is told
// to read it at once. While anything fails it keeps whom it has.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import type { AccountSubject, Host, Name, Service } from '../../src/plugin.ts'
import {
  each,
  fileFailure,
  locked,
  mustBeFolder,
  mustBeHere,
  replaceFile,
  syncFolder,
  textOf,
} from '../../src/plugin-files.ts'
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
import { begun } from './begun.ts'
import type { SympaConfig } from './config.ts'
import { accountsIn, memberFile } from './member-file.ts'

/** Sympa reads it through the folder's group. */
const RIGHTS = { mode: 0o640 }
/** Lists that are worked on at once: each takes Sympa most of a second. */
const WIDTH = 2

export function memberLists({ folder, lists, host, ...how }: SympaConfig, { dataDir }: Host) {
  const ledgerFile = join(dataDir, `sympa${folder.replaceAll('/', '_')}.json`)
  const lock = `${ledgerFile}.lock`
  const fileOf = (list: string) => join(folder, list)
  /** Each is written as a new file, and moved to its name. */
  const sympa = begun(how, async (list) => {
    const { ino, ctimeNs } = await stat(fileOf(list), { bigint: true }).catch((error: unknown) =>
      Promise.reject(fileFailure(error, fileOf(list))),
    )
    return `${ino} ${ctimeNs}`
  })
  const read = (list: string): Promise<string> =>
    textOf(fileOf(list)).catch((error: unknown) => Promise.reject(fileFailure(error, fileOf(list))))
  /** What keeps us from it is named with this folder: the lock is in another one. */
  const write = (list: string, text: string, id = list, unless?: (temporary: string) => Promise<boolean>) =>
    replaceFile(folder, list, text, id, RIGHTS, unless).catch((error: unknown) =>
      Promise.reject(fileFailure(error, folder)),
    )

  /** Every list of ours with the text of its file. A list that the ledger does not know is what its file says. */
  async function books(): Promise<{ ledger: Ledger; texts: Map<string, string>; unknown: string[] }> {
    const kept = await readLedger(ledgerFile)
    const ledger: Ledger = new Map()
    const texts = new Map<string, string>()
    const unknown: string[] = []
    for (const list of Object.keys(lists)) {
      const text = await read(list)
      texts.set(list, text)
      const on = accountsIn(text)
      const known: ListLedger | undefined = kept?.get(list) ?? (on && { on, pending: new Map() })
      if (known) ledger.set(list, known)
      else unknown.push(list)
    }
    return { ledger, texts, unknown }
  }

  /** Never guessed at: a file that holds a few of them only would empty the list. */
  const mustBeKnown = (unknown: readonly string[]): void => {
    if (unknown.length > 0)
      throw new AppError('service_unavailable', {
        detail: `missing or damaged: ${unknown.map(fileOf).join(', ')}; for a new list, install its file from the kit`,
      })
  }

  /** Lists of Schedar's that schedar.yaml does not name now keep their page in the ledger. */
  async function save(ledger: Ledger): Promise<void> {
    await writeLedger(ledgerFile, new Map([...((await readLedger(ledgerFile)) ?? []), ...ledger]))
  }

  return {
    async check(signal) {
      mustBeHere(host, folder)
      await mustBeFolder(folder)
      const { unknown } = await books()
      mustBeKnown(unknown)
      const never = async () => true
      await locked(lock, signal, () => write('', '', 'check', never))
      await each(Object.keys(lists), WIDTH, signal, (list) => sympa.check(list, signal))
    },

    async *list() {
      yield* namesIn((await books()).ledger)
    },

    async observe(names) {
      const { ledger, texts } = await books()
      const changed = [...ledger].filter(([list, { on }]) => texts.get(list) !== memberFile(on))
      return rowsIn(ledger, names, new Set(changed.map(([list]) => list)))
    },

    render: (subject) => rowOf(lists, subject),

    async apply(changes: ReadonlyMap<Name, ListRow | null>, signal) {
      mustBeHere(host, folder)
      await locked(lock, signal, async () => {
        const { ledger, texts, unknown } = await books()
        for (const [list, page] of ledger) note(page, list, changes)
        for (const [list, page] of ledger)
          if (page.pending.size === 0 && texts.get(list) !== memberFile(page.on))
            for (const name of changes.keys()) page.pending.set(name, [])
        const dirty = [...ledger].filter(([, page]) => page.pending.size > 0)
        if (dirty.length > 0) await save(ledger)
        for (const [list, { on }] of dirty) {
          if (texts.get(list) === memberFile(on)) continue
          await write(list, memberFile(on))
        }
        if (dirty.length > 0) await syncFolder(folder)
        await each(dirty, WIDTH, signal, async ([list, page]) => {
          await sympa.include(list, signal)
          await sympa.remove(list, leaving(page), signal)
          page.pending.clear()
        }).finally(() => dirty.length > 0 && save(ledger))
        mustBeKnown(unknown)
      })
    },

    close: async () => undefined,
  } satisfies Service<AccountSubject, ListRow>
}
