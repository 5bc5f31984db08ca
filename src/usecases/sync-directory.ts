// Keeping accounts in step with an outside directory, by polling: whoever appears there gets an account, names and
// groups are refreshed, whoever is gone or disabled there has their account closed and, on coming back, opened again.
// Accounts are found by the directory's key or by username (adopt-entry.ts), never by e-mail (attack 24).
import type { Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import type { Account, DirectoryEntry, Stores } from '../ports.ts'
import { adoptEntry } from './adopt-entry.ts'

type GoneReason = 'missing' | 'disabled'

export type SyncDeps = Pick<Core, 'store' | 'clock' | 'random' | 'directory' | 'services' | 'log' | 'wake'> & {
  closeAccount(account: Account, reason: GoneReason): Promise<void>
  reopenAccount(account: Account): Promise<void>
}

type SyncProblem = {
  username: string
  /** `same_email`: made apart from accounts that have its address; a person decides whether they are one. */
  reason: 'username_refused' | 'username_taken' | 'same_email'
  /** Usernames of the accounts concerned. */
  accounts: string[]
}

/** What was done, by username. When `held`, `gone` is what would have gone, and nothing at all was changed. */
export type SyncReport = {
  read: 'nothing' | 'changes' | 'everyone'
  created: string[]
  linked: string[]
  refreshed: string[]
  gone: { username: string; reason: GoneReason }[]
  back: string[]
  problems: SyncProblem[]
  held: boolean
}

/** The directory's mark up to which everything is known here. */
const MARK = 'directory.mark'
/** Ids of the accounts that were closed because their entry was gone: only these are opened again. */
const GONE = 'directory.gone'
/** How many people are held back; not set while nobody is. */
export const DIRECTORY_HELD = 'directory.held'
/** A setting holds 64 kB; of the people who left, the last thousand are opened again by themselves. */
const REMEMBERED = 1000
const PAGE = 1000

type Pair = { account: Account; entry: DirectoryEntry | undefined }
type Reading = { read: 'changes' | 'everyone'; mark: string | undefined; entries: Map<string, DirectoryEntry> }
type Plan = {
  gone: { account: Account; reason: GoneReason }[]
  back: Account[]
  wanted: { entry: DirectoryEntry; account: Account | undefined }[]
}

const nothing = (): SyncReport => ({
  read: 'nothing',
  created: [],
  linked: [],
  refreshed: [],
  gone: [],
  back: [],
  problems: [],
  held: false,
})

/** What the directory says; undefined if nothing changed since the last time. */
async function readDirectory(
  { directory, store }: SyncDeps,
  full: boolean,
  signal: AbortSignal,
): Promise<Reading | undefined> {
  // Taken before the reading: what changes meanwhile is told again the next time.
  const mark = await directory.mark?.(signal)
  const last = await store.settings.get(MARK)
  if (!full && mark !== undefined && mark === last) return undefined
  const byMark = !full && mark !== undefined && last !== undefined
  const changes = byMark ? directory.changedSince?.(last, signal) : undefined
  const found = changes ?? directory.entries?.(signal)
  if (!found) return undefined
  const entries = new Map<string, DirectoryEntry>()
  for await (const entry of found) entries.set(entry.key, entry)
  return { read: changes ? 'changes' : 'everyone', mark, entries }
}

/** Every account that has an entry, or had one. */
async function directoryAccounts({ accounts }: Stores): Promise<Account[]> {
  const found: Account[] = []
  let page = await accounts.list({ limit: PAGE })
  while (page.length > 0) {
    found.push(...page.filter(({ directoryKey }) => directoryKey !== null))
    page = await accounts.list({ limit: PAGE, afterId: page.at(-1)!.id })
  }
  return found
}

/** Accounts and their entries: of the entries that were read, and after a reading of everyone also those without one. */
async function pair(store: Stores, { read, entries }: Reading): Promise<Pair[]> {
  if (read === 'everyone')
    return (await directoryAccounts(store)).map((account) => ({ account, entry: entries.get(account.directoryKey!) }))
  const pairs: Pair[] = []
  for (const entry of entries.values()) {
    const account = await store.accounts.byDirectoryKey(entry.key)
    if (account) pairs.push({ account, entry })
  }
  return pairs
}

const remembered = async ({ settings }: Stores): Promise<string[]> =>
  JSON.parse((await settings.get(GONE)) ?? '[]') as string[]

async function planOf(store: Stores, reading: Reading): Promise<Plan> {
  const pairs = await pair(store, reading)
  const ours = new Set(await remembered(store))
  const byKey = new Map(pairs.map(({ account }) => [account.directoryKey, account]))
  const open = pairs.filter(({ account }) => account.state !== 'closed')
  const back = pairs
    .filter(({ account, entry }) => account.state === 'closed' && entry?.disabled === false && ours.has(account.id))
    .map(({ account }) => account)
  const wanted = [...reading.entries.values()]
    .filter(({ disabled }) => !disabled)
    .map((entry) => ({ entry, account: byKey.get(entry.key) }))
  return {
    gone: open.flatMap(({ account, entry }) =>
      entry?.disabled === false ? [] : [{ account, reason: entry ? ('disabled' as const) : ('missing' as const) }],
    ),
    back,
    // An account that a person closed stays as it is.
    wanted: wanted.filter(({ account }) => account?.state !== 'closed' || back.includes(account)),
  }
}

const MOST = 5
const SHARE = 0.1

/** More than five people and a tenth at once, or everybody: rather an emptied base or a lost right than an exodus. */
async function tooMany(store: Stores, { gone }: Plan, { read, entries }: Reading): Promise<boolean> {
  if (gone.length === 0) return false
  if (read === 'everyone' && entries.size === 0) return true
  if (gone.length <= MOST) return false
  const known = (await directoryAccounts(store)).filter(({ state }) => state !== 'closed').length
  return gone.length > Math.max(MOST, known * SHARE)
}

const sameGroups = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((group) => other.includes(group))

const sameFacts = (account: Account, entry: DirectoryEntry): boolean =>
  account.name === entry.name &&
  account.givenName === entry.givenName &&
  account.familyName === entry.familyName &&
  account.email === (entry.email ?? account.email) &&
  account.locale === (entry.locale ?? account.locale)

/** Those outside the directory who have the address of somebody new. */
async function sameEmail(store: Stores, account: Account): Promise<string[]> {
  const others = account.email === null ? [] : await store.accounts.byEmail(account.email)
  return others
    .filter(({ id, directoryKey }) => id !== account.id && directoryKey === null)
    .map(({ username }) => username)
}

/** Make or refresh one account. */
async function adopt(deps: SyncDeps, { entry, account }: Plan['wanted'][number], report: SyncReport): Promise<void> {
  const { store } = deps
  const namesake = account ?? (await store.accounts.byUsername(canonical(entry.username)))
  const before = namesake && (await store.people.groups(namesake.id))
  if (account && before && sameFacts(account, entry) && sameGroups(before, entry.groups)) return
  const adopted = await adoptEntry(deps)(entry)
  const known = adopted.id === namesake?.id
  if (known) report[account ? 'refreshed' : 'linked'].push(adopted.username)
  else report.created.push(adopted.username)
  if (!known && namesake)
    report.problems.push({ username: entry.username, reason: 'username_taken', accounts: [adopted.username] })
  const others = known ? [] : await sameEmail(store, adopted)
  if (others.length > 0) report.problems.push({ username: adopted.username, reason: 'same_email', accounts: others })
}

async function adoptAll(deps: SyncDeps, { wanted }: Plan, report: SyncReport, signal: AbortSignal): Promise<void> {
  for (const each of wanted) {
    signal.throwIfAborted()
    try {
      await adopt(deps, each, report)
    } catch (error) {
      // One name that cannot be a username here must not keep everybody else out.
      if (!(error instanceof AppError) || error.code !== 'username_refused') throw error
      report.problems.push({ username: each.entry.username, reason: 'username_refused', accounts: [] })
    }
  }
}

/**
 * Cut off between closing and remembering, an account stays closed until a person opens it; the other way round, one
 * that a person closed later could be opened by an entry that comes back.
 */
async function closeGone(deps: SyncDeps, { gone }: Plan, signal: AbortSignal): Promise<void> {
  for (const { account, reason } of gone) {
    signal.throwIfAborted()
    await deps.closeAccount(account, reason)
    await deps.store.transaction(async (stores) => {
      const others = (await remembered(stores)).filter((id) => id !== account.id)
      await stores.settings.set(GONE, JSON.stringify([...others, account.id].slice(-REMEMBERED)))
    })
  }
}

async function reopenBack(deps: SyncDeps, { back }: Plan, signal: AbortSignal): Promise<void> {
  for (const account of back) {
    signal.throwIfAborted()
    await deps.reopenAccount(account)
  }
}

/** Of those closed here, forget who is open again, by whatever hand. */
const forgetOpen = (store: SyncDeps['store']): Promise<void> =>
  store.transaction(async (stores) => {
    const ids = await remembered(stores)
    const accounts = await directoryAccounts(stores)
    const closed = new Set(accounts.filter(({ state }) => state === 'closed').map(({ id }) => id))
    if (!ids.every((id) => closed.has(id)))
      await stores.settings.set(GONE, JSON.stringify(ids.filter((id) => closed.has(id))))
  })

/**
 * One pass. It reads what changed since the last one. With `full`, the first time, and where the directory keeps no mark
 * it reads everyone, which alone shows deleted entries, deleted groups and a validity that ran out. When more than five
 * people and a tenth of those known would go at once, nothing is changed and the report says `held`; `confirm` reads
 * everyone and lets them go. Throws `directory_unavailable`, or the signal's reason; what was done until then stays.
 */
export const syncDirectory =
  (deps: SyncDeps) =>
  async ({
    full = false,
    confirm = false,
    signal,
  }: {
    full?: boolean
    confirm?: boolean
    signal: AbortSignal
  }): Promise<SyncReport> => {
    const { store, log } = deps
    const reading = await readDirectory(deps, full || confirm, signal)
    if (!reading) return nothing()
    if (reading.read === 'everyone') await forgetOpen(store)
    const plan = await planOf(store, reading)
    const gone = plan.gone.map(({ account: { username }, reason }) => ({ username, reason }))
    const report: SyncReport = { ...nothing(), read: reading.read, gone }
    if (!confirm && (await tooMany(store, plan, reading))) {
      log.warn('directory.removals_held', { removals: gone.length })
      await store.settings.set(DIRECTORY_HELD, String(gone.length))
      return { ...report, held: true }
    }
    await closeGone(deps, plan, signal)
    await reopenBack(deps, plan, signal)
    report.back = plan.back.map(({ username }) => username)
    await adoptAll(deps, plan, report, signal)
    await store.settings.set(MARK, reading.mark)
    // Only a reading of everyone knows that whoever was missing is back.
    if (reading.read === 'everyone') await store.settings.set(DIRECTORY_HELD, undefined)
    deps.wake()
    return report
  }
