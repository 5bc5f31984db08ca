// Bringing the standing in force up to its facts: after each new fact, and each night. Standing is never written by hand.
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { accesses, policyKinds } from '../domain/access.ts'
import { type DuesRules, defaultRules, inForceOn } from '../domain/dues.ts'
import { type Standing, type StandingFacts, standingOn } from '../domain/standing.ts'
import { type CivilDate, civilDate } from '../domain/time.ts'
import type { Cause, NewAuditEntry, StandingInForce, Stores } from '../ports.ts'
import { touch } from './subjects.ts'

/** Today in the association's time zone; Europe/Brussels until it is set up. */
export async function today(core: Pick<Core, 'clock' | 'store'>): Promise<CivilDate> {
  const [organisation] = await core.store.organisations.all()
  return civilDate(core.clock.now(), organisation?.timeZone ?? 'Europe/Brussels')
}

export type RulesOn = { rules: DuesRules; nextOn: CivilDate | null }

/** The dues' rules on a date, and when others come into force; those of schedar.yaml until the assembly decided some. */
export async function rulesOn(
  core: Pick<Core, 'config'>,
  stores: Pick<Stores, 'dues'>,
  organisationId: string,
  on: CivilDate,
): Promise<RulesOn> {
  const versions = await stores.dues.rules(organisationId)
  return {
    rules: inForceOn(versions, on) ?? { ...defaultRules, graceDays: core.config.dues.graceDays },
    nextOn: versions.find(({ validFromOn }) => validFromOn > on)?.validFromOn ?? null,
  }
}

export type StandingChange = { memberId: string; before: Standing | undefined; after: StandingInForce }

/** The standing that these facts of a member give on a date, beside the one in force. */
export function changeBy(
  memberId: string,
  facts: StandingFacts,
  before: Standing | undefined,
  { rules, nextOn }: RulesOn,
  on: CivilDate,
): StandingChange {
  const answer = standingOn(facts, rules, on)
  const nextChangeOn = [answer.nextChangeOn, nextOn].filter((date) => date !== null).toSorted()[0] ?? null
  return { memberId, before, after: { memberId, ...answer, nextChangeOn, computedOn: on } }
}

/** What the audit is told of a change; undefined when the standing stays as it is. */
export const changeEntry = ({ memberId, before, after }: StandingChange, actor: string): NewAuditEntry | undefined =>
  before === after.standing
    ? undefined
    : {
        action: 'standing.changed',
        actor,
        subjectKind: 'member',
        subjectId: memberId,
        payload: { from: before ?? null, to: after.standing, on: after.computedOn },
      }

/** The same for the facts that are stored. */
export async function foresee(
  core: Pick<Core, 'config'>,
  stores: Stores,
  memberId: string,
  on: CivilDate,
  known?: RulesOn,
): Promise<StandingChange> {
  // The facts first: they keep others from the member until the transaction ends.
  const facts = await stores.standings.facts(memberId)
  const before = await stores.standings.get(memberId)
  const organisationId = known ? '' : ((await stores.members.get(memberId))?.organisationId ?? '')
  return changeBy(memberId, facts, before?.standing, known ?? (await rulesOn(core, stores, organisationId, on)), on)
}

const strongest = (core: Pick<Core, 'config'>, standing: Standing): number =>
  Math.max(...policyKinds.map((kind) => accesses.indexOf(core.config.access[standing][kind])))

/** True when a change takes away access to some kind of service. */
export const lowers = (core: Pick<Core, 'config'>, { before, after }: StandingChange): boolean =>
  before !== undefined &&
  policyKinds.some(
    (kind) => core.config.access[before][kind] !== 'none' && core.config.access[after.standing][kind] === 'none',
  )

/** True when a standing gives access to anything at all. */
export const opens = (core: Pick<Core, 'config'>, standing: Standing): boolean => strongest(core, standing) > 0

/** Put a change in force: standing, audit, and the services to tell. Inside the transaction of its cause. */
export async function enact(
  core: Core,
  stores: Stores,
  change: StandingChange,
  cause: Cause,
  actor: string,
): Promise<void> {
  await stores.standings.put(change.after)
  const entry = changeEntry(change, actor)
  if (!entry) return
  await audit(core, stores, entry)
  await touch(core, stores, { memberId: change.memberId }, cause)
}

/** Recompute one member after a new fact; `known` spares whoever does it for many the look-up of the rules. */
export const refresh = async (
  core: Core,
  stores: Stores,
  memberId: string,
  on: CivilDate,
  cause: Cause,
  actor: string,
  known?: RulesOn,
): Promise<StandingChange> => {
  const change = await foresee(core, stores, memberId, on, known)
  await enact(core, stores, change, cause, actor)
  return change
}
