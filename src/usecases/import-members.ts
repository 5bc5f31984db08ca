// Members from the file that another manager exports: first a plan that changes nothing, then the plan in force. The due
// date of the file becomes a term, or the first night would lapse everybody. Importing a file twice changes nothing more.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { DuesRules } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import { type StandingFacts, standingOn, standings } from '../domain/standing.ts'
import { addDays, type CivilDate, civilDate } from '../domain/time.ts'
import { noteRemovals, removalsOn, tooMany } from '../guard.ts'
import type { Member, MemberEventRecord, Organisation, PaidTerm, Stores, TermRecord } from '../ports.ts'
import { parseMap, type Roster, type RosterFile, type RosterRow, readRoster } from '../rosters/roster.ts'
import { giveAccount } from './import-accounts.ts'
import { type Change, describe, type ImportReport, refusalOf, reportOf } from './import-report.ts'
import { LONGEST_NAME, organisationNamed } from './members.ts'
import { lowers, opens, refresh, rulesOn } from './standing.ts'

/** Members in one transaction: some ten milliseconds each, so that nobody's sign-in waits for the import. */
const AT_ONCE = 10
const SOURCE = 'import'

/** `used`: the fields that the files speak of at all. */
type Ground = { organisation: Organisation; on: CivilDate; rules: DuesRules; used: ReadonlySet<string> }
export type ImportPlan = Ground & { changes: Change[]; report: ImportReport; describe(): string[] }

const nameOf = (row: RosterRow): string =>
  (
    (row.kind === 'association' && row.organisationName) ||
    [row.givenName, row.familyName].filter(Boolean).join(' ') ||
    row.organisationName ||
    row.email ||
    row.memberNumber
  ).slice(0, LONGEST_NAME)

/** The term that stands for what the file says is covered; none when it says nothing. */
function termOf(row: RosterRow, on: CivilDate): Pick<TermRecord, 'startOn' | 'endOn' | 'exempt'> | undefined {
  if (row.exempt) return { startOn: row.joinedOn && row.joinedOn < on ? row.joinedOn : on, endOn: null, exempt: true }
  const endOn = row.coveredUntilOn
  if (!endOn) return undefined
  const yearBefore = addDays(Temporal.PlainDate.from(endOn).subtract({ years: 1 }).toString(), 1)
  return { startOn: endOn >= on && yearBefore > on ? on : yearBefore, endOn, exempt: false }
}

const imported = (terms: readonly TermRecord[]): TermRecord | undefined => terms.find(({ source }) => source === SOURCE)

/** True when the file says other than the last import did. A due date that it leaves out takes nothing away. */
function coversOtherwise(row: RosterRow, terms: readonly TermRecord[], { used, on }: Ground): boolean {
  const term = termOf(row, on)
  const now = imported(terms)
  if (term) return now?.endOn !== term.endOn || now.exempt !== term.exempt
  return now?.exempt === true && used.has('exempt')
}

/** The standing that the file would give an existing member. */
function foreseen({ on, rules }: Ground, facts: StandingFacts, terms: readonly PaidTerm[], row: RosterRow) {
  const term = termOf(row, on)
  const others = terms.filter(({ source }) => source !== SOURCE)
  const kept = [...others, ...(term ? [{ ...term, dueCents: 0, paidCents: 0 }] : [])]
  const events = row.closed ? [...facts.events, { kind: row.closed, effectiveOn: on }] : facts.events
  return standingOn({ terms: kept, events }, rules, on).standing
}

async function compare(core: Core, stores: Stores, member: Member, row: RosterRow, ground: Ground): Promise<Change> {
  const terms = await stores.standings.terms(member.id)
  const facts = await stores.standings.facts(member.id)
  const before = await stores.standings.get(member.id)
  const differences: string[] = []
  if (member.name !== nameOf(row)) differences.push('name')
  if (ground.used.has('email') && row.email !== null && member.email !== row.email) differences.push('email')
  if (row.locale !== null && member.locale !== row.locale) differences.push('locale')
  const covers = coversOtherwise(row, terms, ground)
  if (covers) differences.push('covered until')
  const closes = row.closed !== null && before?.standing !== 'closed'
  if (closes) differences.push(row.closed!)
  const after = covers || closes ? foreseen(ground, facts, terms, row) : before?.standing
  const removal =
    !!before &&
    !!after &&
    lowers(core, { memberId: member.id, before: before.standing, after: { ...before, standing: after } })
  return { row, member, differences, removal }
}

/** By number, else by address; of several with one address, by name. `ambiguous` when nothing tells them apart. */
async function memberFor(
  stores: Stores,
  organisation: Organisation,
  row: RosterRow,
): Promise<Member | 'ambiguous' | undefined> {
  if (row.memberNumber !== '') return stores.members.byNumber(organisation.id, row.memberNumber)
  const family = row.email ? await stores.members.byEmail(organisation.id, row.email) : []
  if (family.length <= 1) return family[0]
  const named = family.filter(({ name }) => canonical(name) === canonical(nameOf(row)))
  return named.length === 1 ? named[0] : 'ambiguous'
}

async function changeOf(core: Core, stores: Stores, row: RosterRow, ground: Ground): Promise<Change | 'ambiguous'> {
  const member = await memberFor(stores, ground.organisation, row)
  if (member === 'ambiguous') return member
  return member ? compare(core, stores, member, row, ground) : { row, member, differences: [], removal: false }
}

async function putTerm(core: Core, stores: Stores, memberId: string, row: RosterRow, on: CivilDate): Promise<void> {
  const at = core.clock.now()
  for (const { id, source } of await stores.standings.terms(memberId))
    if (source === SOURCE) await stores.standings.cancelTerm(id, at)
  const term = termOf(row, on)
  if (!term) return
  await stores.standings.addTerm({
    id: core.random.uuid(),
    memberId,
    ...term,
    dueCents: 0,
    reason: term.exempt ? 'exempt in the imported file' : null,
    tariffId: null,
    replacesId: null,
    source: SOURCE,
    createdAt: at,
    createdBy: null,
  })
}

async function write(
  core: Core,
  stores: Stores,
  { row, member: existing, differences }: Change,
  { organisation, on }: Ground,
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
    const { rules } = await rulesOn(core, core.store, organisation.id, on)
    const ground = { organisation, on, rules, used: new Set<string>(roster.columns.used.map(({ field }) => field)) }
    const changes: Change[] = []
    const refused = [...roster.refusals]
    for (const row of roster.rows) {
      const change = await changeOf(core, core.store, row, ground)
      const refusal = refusalOf(row, change, roster.columns.used[0]?.file ?? '')
      if (refusal) refused.push(refusal)
      else if (change !== 'ambiguous') changes.push(change)
    }
    const counts = await core.store.standings.count()
    const of = standings.reduce((sum, standing) => sum + (opens(core, standing) ? counts[standing] : 0), 0)
    const report = reportOf(roster, changes, refused, of)
    return { ...ground, changes, report, describe: () => describe(report) }
  },

  /**
   * Puts a plan in force, some members at a time; cut off, it is finished by importing the file again, and done twice it is
   * done once. Throws `removals_held` before anything is written when too many would lose access in a day and nobody
   * confirmed it.
   */
  async apply(plan: ImportPlan, { actor, confirmed, onProgress }: ApplyOptions): Promise<void> {
    const { removals, of } = plan.report
    const earlier = await removalsOn(core.store.settings, plan.on)
    const counts = { removals: removals + earlier, of: of + earlier }
    if (!confirmed && removals > 0 && tooMany(counts, core.config.guard))
      throw new AppError('removals_held', {
        detail: `${removals} of ${of} members would lose access by this file; nothing was written. If that is right, import it with --confirm-removals`,
      })
    const todo = plan.changes.filter(({ member, differences }) => !member || differences.length > 0)
    // Numbers that the file brings are taken too.
    let highest = todo.reduce(
      (most, { row: { memberNumber } }) =>
        /^\d{1,9}$/.test(memberNumber) ? Math.max(most, Number(memberNumber)) : most,
      await core.store.members.highestNumber(plan.organisation.id),
    )
    const number = () => String(++highest)
    for (let from = 0; from < todo.length; from += AT_ONCE) {
      const batch = todo.slice(from, from + AT_ONCE)
      await core.store.transaction(async (stores) => {
        let removed = 0
        for (const { row } of batch) {
          // As it is now: the file may have been imported meanwhile, or in part before.
          const change = await changeOf(core, stores, row, plan)
          if (change === 'ambiguous' || (change.member && change.differences.length === 0)) continue
          await write(core, stores, change, plan, number, actor)
          if (change.removal) removed++
        }
        if (!confirmed) await noteRemovals(stores.settings, plan.on, removed)
      })
      core.wake()
      onProgress?.(from + batch.length, todo.length)
    }
  },
})
