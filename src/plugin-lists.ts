// For plugins that keep mailing lists in step: which lists follow Schedar, who belongs on one, and a ledger of whom we put
// there under which address. The ledger is written before the list server is told, so that nobody is forgotten on a list,
// and nobody whom we did not put there is ever taken off.
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { z } from 'zod'
import { AppError } from './domain/errors.ts'
import type { AccountSubject, Name } from './plugin.ts'
import { errno, fileFailure, replaceFile, syncFolder } from './plugin-files.ts'

/** Stands in file names, in Sympa's arguments and in URLs as it is. */
const LIST = /^[a-z0-9][a-z0-9._+-]{0,49}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/
const GROUP = 'group:'

export const listsConfig = z
  .record(
    z.string().regex(LIST, 'must be the address of a list, in lower case'),
    z.strictObject({
      who: z
        .string()
        .regex(/^(members|group:\S.{0,99})$/, 'must be members or group:NAME')
        .describe('`members`: everybody in order and not suspended; `group:NAME`: those of them who are in the group.'),
    }),
  )
  .describe('The lists that follow Schedar, by their addresses. People put on them by hand stay.')
type Lists = z.infer<typeof listsConfig>

/** How somebody is on a list. `pending`: the list server has not been told yet, or did not take it. */
export type OnList = { readonly email: string; readonly name: string; readonly pending?: true }
/** The lists that an account is on. */
export type ListRow = { readonly [list: string]: OnList }

/** ASCII without spaces, as both list servers take them; `#` would begin a comment. */
const ADDRESS = /^[!"$-~][!-~]*@[!-~]+$/

const onOneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, 100)

/** What an account should be on; null: nothing. Without an address it is on no list. */
export function rowOf(lists: Lists, { access, lists: due, email, displayName, groups }: AccountSubject) {
  if (access !== 'full' || due !== 'full' || email === null || !ADDRESS.test(email)) return null
  const entry: OnList = { email: email.toLowerCase(), name: onOneLine(displayName) }
  const on = Object.entries(lists).filter(
    ([, { who }]) => !who.startsWith(GROUP) || groups.includes(who.slice(GROUP.length)),
  )
  return on.length === 0 ? null : (Object.fromEntries(on.map(([list]) => [list, entry])) as ListRow)
}

/** One list. `pending`: whose entry changed since the list server last took it, with the addresses it may still have of them. */
export type ListLedger = { on: Map<Name, OnList>; pending: Map<Name, readonly string[]> }
export type Ledger = Map<string, ListLedger>

const entries = z.record(z.string(), z.strictObject({ email: z.string(), name: z.string() }))
const written = z.strictObject({
  lists: z.record(z.string(), z.strictObject({ on: entries, pending: z.record(z.string(), z.array(z.string())) })),
})

/** Undefined when there is none. Throws `service_unavailable` for one that cannot be read: nothing may be concluded from it. */
export async function readLedger(path: string): Promise<Ledger | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errno(error) !== 'ENOENT') throw fileFailure(error, path)
  })
  if (text === undefined) return undefined
  try {
    const { lists } = written.parse(JSON.parse(text))
    return new Map(
      Object.entries(lists).map(([list, { on, pending }]) => [
        list,
        { on: new Map(Object.entries(on)), pending: new Map(Object.entries(pending)) },
      ]),
    )
  } catch (error) {
    throw new AppError('service_unavailable', {
      detail: `${path} is damaged: put it back from a backup; until then no list is changed`,
      cause: error,
    })
  }
}

/** The caller holds the ledger's lock. */
export async function writeLedger(path: string, ledger: Ledger): Promise<void> {
  const lists = Object.fromEntries(
    [...ledger].map(([list, { on, pending }]) => [
      list,
      { on: Object.fromEntries(on), pending: Object.fromEntries(pending) },
    ]),
  )
  await replaceFile(dirname(path), basename(path), JSON.stringify({ lists }), basename(path), { mode: 0o600 })
  await syncFolder(dirname(path))
}

const isSame = (one: OnList | undefined, other: OnList | undefined): boolean =>
  one?.email === other?.email && one?.name === other?.name

/** Notes in a list's ledger what these accounts should be; true when that changes it. */
export function note(ledger: ListLedger, list: string, changes: ReadonlyMap<Name, ListRow | null>): boolean {
  let changed = false
  for (const [name, row] of changes) {
    const [before, wanted] = [ledger.on.get(name), row?.[list]]
    if (isSame(before, wanted)) continue
    changed = true
    const had = [...(ledger.pending.get(name) ?? []), ...(before ? [before.email] : [])]
    ledger.pending.set(name, [...new Set(had)])
    if (wanted) ledger.on.set(name, { email: wanted.email, name: wanted.name })
    else ledger.on.delete(name)
  }
  return changed
}

/** The addresses to take off a list: those that it may have of somebody of ours, and that are nobody's any more. */
export function leaving({ on, pending }: ListLedger, names: Iterable<Name> = pending.keys()): string[] {
  const staying = new Set([...on.values()].map(({ email }) => email))
  return [...new Set([...names].flatMap((name) => pending.get(name) ?? []))].filter((email) => !staying.has(email))
}

/** Somebody who left, and whose list server does not know yet: no row that is wanted looks like it. */
const LEFT: OnList = { email: '', name: '', pending: true }

/** What the lists hold of these accounts. `unsure`: lists of which nothing that the ledger says may be taken for done. */
export function rowsIn(ledger: Ledger, names: readonly Name[], unsure: ReadonlySet<string> = new Set()) {
  const rows = new Map<Name, ListRow>()
  for (const name of names) {
    const row: Record<string, OnList> = {}
    for (const [list, { on, pending }] of ledger) {
      const entry = on.get(name)
      if (pending.has(name) || (entry && unsure.has(list))) row[list] = { ...(entry ?? LEFT), pending: true }
      else if (entry) row[list] = entry
    }
    if (Object.keys(row).length > 0) rows.set(name, row)
  }
  return rows
}

/** Everybody of whom a list has something. */
export const namesIn = (ledger: Ledger): Set<Name> =>
  new Set([...ledger.values()].flatMap(({ on, pending }) => [...on.keys(), ...pending.keys()]))
