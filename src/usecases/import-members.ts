// Members from the file that another manager exports: first a plan that changes nothing, then the plan in force. The due
// date of the file becomes a term, or the first night would lapse everybody. Importing a file twice changes nothing more.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { type StandingFacts, standingOn } from '../domain/standing.ts'
import { addDays, type CivilDate, civilDate } from '../domain/time.ts'
import { tooMany } from '../guard.ts'
import type { Account, Member, MemberEventRecord, Organisation, Stores, TermRecord } from '../ports.ts'
import {
  parseMap,
  type Refusal,
  type Remark,
  type Roster,
  type RosterFile,
  type RosterRow,
  readRoster,
} from '../rosters/roster.ts'
import { newAccount } from './accounts.ts'
import { organisationNamed } from './members.ts'
import { lowers, opens, refresh } from './standing.ts'

const BATCH = 50
const SOURCE = 'import'

/** What a row of the file would do. */
type Change = { row: RosterRow; member: Member | undefined; differences: string[]; removal: boolean }

export type ImportReport = {
  format: string
  encoding: string
  separator: string
  rows: number
  new: number
  changed: number
  unchanged: number
  /** Members of the file who would lose access by it. */
  removals: number
  of: number
  refused: Refusal[]
  remarks: Remark[]
  ignoredColumns: string[]
}
export type ImportPlan = {
  changes: Change[]
  organisation: Organisation
  on: CivilDate
  report: ImportReport
  describe(): string[]
}

const nameOf = (row: RosterRow): string =>
  (row.kind === 'association' && row.organisationName) ||
  [row.givenName, row.familyName].filter(Boolean).join(' ') ||
  row.organisationName ||
  row.email ||
  row.memberNumber

/** The term that stands for what the file says is covered; none when it says nothing. */
function termOf(row: RosterRow, on: CivilDate): Pick<TermRecord, 'startOn' | 'endOn' | 'exempt'> | undefined {
  if (row.exempt) return { startOn: row.joinedOn && row.joinedOn < on ? row.joinedOn : on, endOn: null, exempt: true }
  const endOn = row.coveredUntilOn
  if (!endOn) return undefined
  const yearBefore = addDays(Temporal.PlainDate.from(endOn).subtract({ years: 1 }).toString(), 1)
  return { startOn: endOn >= on && yearBefore > on ? on : yearBefore, endOn, exempt: false }
}

const imported = (terms: readonly TermRecord[]): TermRecord | undefined => terms.find(({ source }) => source === SOURCE)

/** The standing that the file would give an existing member. */
function foreseen(core: Core, facts: StandingFacts, terms: readonly TermRecord[], row: RosterRow, on: CivilDate) {
  const term = termOf(row, on)
  const others = terms.filter(({ source }) => source !== SOURCE)
  const kept = [...others, ...(term ? [{ ...term, dueCents: 0 }] : [])].map((one) => ({ ...one, paidCents: 0 }))
  const events = row.closed ? [...facts.events, { kind: row.closed, effectiveOn: on }] : facts.events
  return standingOn({ terms: kept, events }, { graceDays: core.config.dues.graceDays }, on).standing
}

async function compare(
  core: Core,
  stores: Stores,
  member: Member,
  row: RosterRow,
  used: ReadonlySet<string>,
  on: CivilDate,
): Promise<Change> {
  const terms = await stores.standings.terms(member.id)
  const facts = await stores.standings.facts(member.id)
  const before = await stores.standings.get(member.id)
  const differences: string[] = []
  if (member.name !== nameOf(row)) differences.push('name')
  if (used.has('email') && row.email !== null && member.email !== row.email) differences.push('email')
  if (row.locale !== null && member.locale !== row.locale) differences.push('locale')
  const term = termOf(row, on)
  const now = imported(terms)
  if (term && (now?.endOn !== term.endOn || now.exempt !== term.exempt)) differences.push('covered until')
  if (row.closed && before?.standing !== 'closed') differences.push(row.closed)
  const changesStanding =
    differences.includes('covered until') || (row.closed !== null && differences.includes(row.closed))
  const after = changesStanding ? foreseen(core, facts, terms, row, on) : before?.standing
  const removal =
    !!before &&
    !!after &&
    lowers(core, { memberId: member.id, before: before.standing, after: { ...before, standing: after } })
  return { row, member, differences, removal }
}

async function memberFor(stores: Stores, organisation: Organisation, row: RosterRow): Promise<Member | undefined> {
  if (row.memberNumber !== '') return stores.members.byNumber(organisation.id, row.memberNumber)
  const byEmail = row.email ? await stores.members.byEmail(organisation.id, row.email) : []
  return byEmail.length === 1 ? byEmail[0] : undefined
}

function describe({ report }: Pick<ImportPlan, 'report'>): string[] {
  const { format, encoding, separator, rows, refused, remarks, removals, of } = report
  return [
    `${rows} members in a ${format} file (${encoding}, separator ${separator === '\t' ? 'tab' : separator}).`,
    `  new ${report.new}   changed ${report.changed}   unchanged ${report.unchanged}   refused ${refused.length}`,
    ...(report.ignoredColumns.length > 0 ? [`  not used: ${report.ignoredColumns.join(', ')}`] : []),
    ...(removals > 0 ? [`  ${removals} of ${of} members would lose access.`] : []),
    ...refused.map(
      ({ file, line, field, value, reason }) =>
        `  refused ${file} line ${line}: ${field}${value ? ` «${value}»` : ''}: ${reason}`,
    ),
    ...remarks.map(
      ({ file, line, field, value, reason }) =>
        `  note ${file} line ${line}: ${field}${value ? ` «${value}»` : ''}: ${reason}`,
    ),
  ]
}

/** An account that is surely this person's: same username and address, or the only one whose verified address it is. */
async function accountFor(stores: Stores, row: RosterRow): Promise<Account | undefined> {
  const byName = row.username ? await stores.accounts.byUsername(row.username) : undefined
  if (byName && byName.email === row.email) return byName
  const byEmail = row.email ? await stores.accounts.byEmail(row.email) : []
  return byEmail.length === 1 && byEmail[0]!.emailVerifiedAt !== null ? byEmail[0] : undefined
}

async function giveAccount(core: Core, stores: Stores, member: Member, row: RosterRow): Promise<void> {
  if (
    (row.email === null && row.username === null) ||
    row.active === false ||
    (await stores.people.accountsOf(member.id)).length > 0
  )
    return
  let account = await accountFor(stores, row)
  if (!account) {
    const free = row.username && !(await stores.accounts.byUsername(row.username)) ? row.username : null
    account = await newAccount(core, stores, {
      username: free,
      givenName: row.givenName,
      familyName: row.familyName,
      name: [row.givenName, row.familyName].filter(Boolean).join(' ') || nameOf(row),
      email: row.email,
      locale: member.locale,
    })
    await stores.accounts.add(account)
  }
  await stores.people.affiliate({
    accountId: account.id,
    memberId: member.id,
    role: 'owner',
    createdAt: core.clock.now(),
  })
}

async function putTerm(core: Core, stores: Stores, memberId: string, row: RosterRow, on: CivilDate): Promise<void> {
  const term = termOf(row, on)
  if (!term) return
  const at = core.clock.now()
  for (const { id, source } of await stores.standings.terms(memberId))
    if (source === SOURCE) await stores.standings.cancelTerm(id, at)
  await stores.standings.addTerm({
    id: core.random.uuid(),
    memberId,
    ...term,
    dueCents: 0,
    source: SOURCE,
    createdAt: at,
  })
}

async function write(
  core: Core,
  stores: Stores,
  { row, member: existing, differences }: Change,
  { organisation, on }: ImportPlan,
  number: () => string,
  actor: Actor,
): Promise<void> {
  const at = core.clock.now()
  const described = {
    kind: row.kind,
    name: nameOf(row),
    email: row.email ?? existing?.email ?? null,
    locale: row.locale ?? existing?.locale ?? organisation.locale,
    joinedOn: row.joinedOn ?? existing?.joinedOn ?? null,
  }
  const member: Member = existing
    ? { ...existing, ...described }
    : {
        id: core.random.uuid(),
        organisationId: organisation.id,
        memberNumber: row.memberNumber || number(),
        source: SOURCE,
        createdAt: at,
        ...described,
      }
  await (existing ? stores.members.update(member) : stores.members.add(member))
  if (!existing || differences.includes('covered until')) await putTerm(core, stores, member.id, row, on)
  if (row.closed && (!existing || differences.includes(row.closed))) {
    const event: MemberEventRecord = {
      id: core.random.uuid(),
      memberId: member.id,
      kind: row.closed,
      effectiveOn: on,
      note: SOURCE,
      recordedAt: at,
      recordedBy: actor,
    }
    await stores.members.addEvent(event)
  }
  await giveAccount(core, stores, member, row)
  await audit(core, stores, {
    action: existing ? 'member.imported_changes' : 'member.imported',
    actor,
    subjectKind: 'member',
    subjectId: member.id,
    payload: { memberNumber: member.memberNumber, differences, coveredUntilOn: row.coveredUntilOn },
  })
  await refresh(core, stores, member.id, on, 'import', actor)
}

export type PlanOptions = { map?: string; activity?: string; onProgress?: (done: number, total: number) => void }
export type ApplyOptions = { actor: Actor; confirmed: boolean; onProgress?: (done: number, total: number) => void }

export const importMembers = (core: Core) => ({
  /** Reads the files and compares; changes nothing. Throws `import_unreadable` with what to do. */
  async plan(files: readonly RosterFile[], { map, activity, onProgress }: PlanOptions = {}): Promise<ImportPlan> {
    const organisation = await organisationNamed(core.store)
    const on = civilDate(core.clock.now(), organisation.timeZone)
    const roster: Roster = await readRoster(files, {
      ...(map && { map: parseMap(map) }),
      ...(activity && { activity }),
      ...(onProgress && { onProgress }),
    })
    const used = new Set<string>(roster.columns.used.map(({ field }) => field))
    const changes: Change[] = []
    for (const row of roster.rows) {
      const member = await memberFor(core.store, organisation, row)
      changes.push(
        member
          ? await compare(core, core.store, member, row, used, on)
          : { row, member, differences: [], removal: false },
      )
    }
    const counts = await core.store.standings.count()
    const report: ImportReport = {
      format: roster.format,
      encoding: roster.encoding,
      separator: roster.separator,
      rows: roster.rows.length,
      new: changes.filter(({ member }) => !member).length,
      changed: changes.filter(({ member, differences }) => member && differences.length > 0).length,
      unchanged: changes.filter(({ member, differences }) => member && differences.length === 0).length,
      removals: changes.filter(({ removal }) => removal).length,
      of: Object.entries(counts).reduce(
        (sum, [standing, n]) => sum + (opens(core, standing as keyof typeof counts) ? n : 0),
        0,
      ),
      refused: roster.refusals,
      remarks: roster.remarks,
      ignoredColumns: roster.columns.ignored.map(({ header }) => header),
    }
    return { changes, organisation, on, report, describe: () => describe({ report }) }
  },

  /**
   * Puts a plan in force, some members at a time; cut off, it is finished by importing the file again. Throws
   * `removals_held` before anything is written when too many would lose access and nobody confirmed it.
   */
  async apply(plan: ImportPlan, { actor, confirmed, onProgress }: ApplyOptions): Promise<void> {
    const { removals, of } = plan.report
    if (!confirmed && removals > 0 && tooMany({ removals, of }, core.config.guard))
      throw new AppError('removals_held', {
        detail: `${removals} of ${of} members would lose access by this file; nothing was written. If that is right, import it with --confirm-removals`,
      })
    const todo = plan.changes.filter(({ member, differences }) => !member || differences.length > 0)
    let highest = await core.store.members.highestNumber(plan.organisation.id)
    const number = () => String(++highest)
    for (let from = 0; from < todo.length; from += BATCH) {
      const batch = todo.slice(from, from + BATCH)
      await core.store.transaction(async (stores) => {
        for (const change of batch) await write(core, stores, change, plan, number, actor)
      })
      core.wake()
      onProgress?.(from + batch.length, todo.length)
    }
  },
})
