// Members by an admin's hand: add, cover a period, close and readmit. Each fact recomputes the standing at once.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { email as checkedEmail } from '../domain/names.ts'
import type { MemberEventKind } from '../domain/standing.ts'
import { type CivilDate, civilDate, isCivilDate } from '../domain/time.ts'
import type { Locale, Member, Organisation, Stores } from '../ports.ts'
import { refresh } from './standing.ts'

/** The organisation that commands mean: the only one, or the one that is named. Throws `not_found` before the set-up. */
export async function organisationNamed(stores: Pick<Stores, 'organisations'>, name?: string): Promise<Organisation> {
  const all = await stores.organisations.all()
  const found = name ? all.find((organisation) => organisation.name === name || organisation.id === name) : all[0]
  if (!found)
    throw new AppError('not_found', {
      detail: name
        ? `there is no organisation ${name}`
        : 'the association is not set up yet: open the set-up link, or run schedar setup',
    })
  return found
}

/** As long as the columns are. */
export const LONGEST_NUMBER = 64
export const LONGEST_NAME = 200
const LONGEST_NOTE = 1000

export type NewMember = {
  memberNumber: string
  kind: Member['kind']
  name: string
  email: string | null
  locale?: Locale
  joinedOn?: CivilDate | null
  coveredUntilOn?: CivilDate | null
  source?: string
}

/** A term that says: covered until then, nothing due for it. How an opening balance enters. */
export async function addOpeningTerm(
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  memberId: string,
  startOn: CivilDate,
  endOn: CivilDate | null,
  source: string,
  exempt = false,
): Promise<void> {
  await stores.standings.addTerm({
    id: core.random.uuid(),
    memberId,
    startOn,
    endOn,
    dueCents: 0,
    exempt,
    reason: null,
    tariffId: null,
    replacesId: null,
    source,
    createdAt: core.clock.now(),
    createdBy: null,
  })
}

/** What was typed, in the form in which it is kept. Throws `invalid_value` or `email_refused` of the field. */
function checked(input: NewMember): NewMember {
  const memberNumber = input.memberNumber.normalize('NFKC').trim()
  if (memberNumber === '' || memberNumber.length > LONGEST_NUMBER)
    throw new AppError('invalid_value', { field: 'memberNumber', detail: 'a member number has 1 to 64 characters' })
  const name = input.name.trim()
  if (name === '' || name.length > LONGEST_NAME)
    throw new AppError('invalid_value', { field: 'name', detail: 'a name has 1 to 200 characters' })
  for (const field of ['joinedOn', 'coveredUntilOn'] as const) {
    const on = input[field]
    if (on && !isCivilDate(on))
      throw new AppError('invalid_value', { field, detail: `not a date: ${on}; write 2026-12-31` })
  }
  return { ...input, memberNumber, name, email: input.email === null ? null : checkedEmail(input.email) }
}

/** Within a transaction. Whoever calls wakes the reconciler. */
export async function addMemberIn(
  core: Core,
  stores: Stores,
  input: NewMember & { actor: Actor; organisation?: string },
): Promise<Member> {
  const { memberNumber, kind, name, email, coveredUntilOn } = checked(input)
  const organisation = await organisationNamed(stores, input.organisation)
  if (await stores.members.byNumber(organisation.id, memberNumber))
    throw new AppError('conflict', { field: 'memberNumber', detail: `member ${memberNumber} exists already` })
  const on = civilDate(core.clock.now(), organisation.timeZone)
  const made: Member = {
    id: core.random.uuid(),
    organisationId: organisation.id,
    memberNumber,
    kind,
    name,
    email,
    locale: input.locale ?? organisation.locale,
    joinedOn: input.joinedOn ?? on,
    source: input.source ?? 'hand',
    createdAt: core.clock.now(),
  }
  await stores.members.add(made)
  if (coveredUntilOn) {
    const startOn = coveredUntilOn < on ? [made.joinedOn!, coveredUntilOn].toSorted()[0]! : on
    await addOpeningTerm(core, stores, made.id, startOn, coveredUntilOn, 'opening')
  }
  await audit(core, stores, {
    action: 'member.added',
    actor: input.actor,
    subjectKind: 'member',
    subjectId: made.id,
    payload: { memberNumber, name, coveredUntilOn: coveredUntilOn ?? null },
  })
  await refresh(core, stores, made.id, on, 'person', input.actor)
  return made
}

export const addMember =
  (core: Core) =>
  async (input: NewMember & { actor: Actor; organisation?: string }): Promise<Member> => {
    const member = await core.store.transaction((stores) => addMemberIn(core, stores, input))
    core.wake()
    return member
  }

/** Record an event of a membership: resigned, expelled, deceased, dissolved, readmitted. */
export const recordMemberEvent =
  (core: Core) =>
  async ({
    memberId,
    kind,
    effectiveOn,
    note = '',
    actor,
  }: {
    memberId: string
    kind: MemberEventKind
    effectiveOn?: CivilDate
    note?: string
    actor: Actor
  }): Promise<void> => {
    if (effectiveOn && !isCivilDate(effectiveOn))
      throw new AppError('invalid_value', { field: 'on', detail: `not a date: ${effectiveOn}; write 2026-12-31` })
    if (note.length > LONGEST_NOTE)
      throw new AppError('invalid_value', { field: 'note', detail: 'the note is longer than 1,000 characters' })
    await core.store.transaction(async (stores) => {
      const member = await stores.members.get(memberId)
      if (!member) throw new AppError('not_found', { detail: 'there is no such member' })
      const organisation = await organisationNamed(stores, member.organisationId)
      const on = civilDate(core.clock.now(), organisation.timeZone)
      const event = {
        id: core.random.uuid(),
        memberId,
        kind,
        effectiveOn: effectiveOn ?? on,
        note,
        recordedAt: core.clock.now(),
        recordedBy: actor,
      }
      await stores.members.addEvent(event)
      await audit(core, stores, {
        action: `member.${kind}`,
        actor,
        subjectKind: 'member',
        subjectId: memberId,
        payload: { effectiveOn: event.effectiveOn, note },
      })
      await refresh(core, stores, memberId, on, 'person', actor)
    })
    core.wake()
  }
