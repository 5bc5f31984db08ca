// What the assembly decided: tariffs and rules, each in force from a date on and never changed; where dues are paid; which
// tariff a member pays, and who pays it.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { DuesRules, TariffTerms } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { parseIban } from '../domain/references.ts'
import { type CivilDate, civilDate, isCivilDate, laterOf } from '../domain/time.ts'
import type { BankAccount, RuleSet, Stores, Tariff } from '../ports.ts'
import { organisationNamed } from './members.ts'

type Decision = { validFromOn: CivilDate; decidedOn?: CivilDate | null; decisionRef: string; actor: Actor }

const wrong = (field: string, detail: string): never => {
  throw new AppError('invalid_value', { field, detail })
}
const wholeNumber = (value: number, field: string, least: number, most: number): void => {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    wrong(field, `${field}: a whole number from ${least} to ${most}`)
}

/** A decision as it is kept. It says where it was taken, so that whoever asks can read it. */
function decided(core: Core, organisationId: string, { validFromOn, decidedOn = null, decisionRef, actor }: Decision) {
  for (const [field, on] of Object.entries({ validFromOn, decidedOn }))
    if (on !== null && !isCivilDate(on)) wrong(field, `not a date: ${on}; write 2026-12-31`)
  if (decisionRef.trim() === '' || decisionRef.length > 200)
    wrong('decisionRef', 'say where this was decided, in 1 to 200 characters: «AG 2026, point 4»')
  return {
    id: core.random.uuid(),
    organisationId,
    validFromOn,
    decidedOn,
    decisionRef: decisionRef.trim(),
    createdAt: core.clock.now(),
    createdBy: actor,
  }
}

const HIGHEST_CENTS = 100_000_00

export const addTariff =
  (core: Core) =>
  async ({
    name,
    organisation,
    ...input
  }: Decision & TariffTerms & { name: string; organisation?: string }): Promise<Tariff> => {
    const label = name.trim()
    if (label === '' || label.length > 100) wrong('name', 'a tariff’s name has 1 to 100 characters')
    wholeNumber(input.amountCents, 'amountCents', 0, HIGHEST_CENTS)
    wholeNumber(input.months, 'months', 1, 120)
    if (!isCivilDate(`2024-${input.yearStartsOn}`))
      wrong('yearStartsOn', `not a day of the year: ${input.yearStartsOn}; write 01-01`)
    return core.store.transaction(async (stores) => {
      const { id } = await organisationNamed(stores, organisation)
      const { period, yearStartsOn, months, amountCents } = input
      const tariff: Tariff = { ...decided(core, id, input), name: label, period, yearStartsOn, months, amountCents }
      if (
        (await stores.dues.tariffs(id)).some(
          (other) => other.name === label && other.validFromOn === tariff.validFromOn,
        )
      )
        throw new AppError('conflict', {
          field: 'validFromOn',
          detail: `${label} has a version from ${tariff.validFromOn} already`,
        })
      await stores.dues.addTariff(tariff)
      await audit(core, stores, {
        action: 'tariff.added',
        actor: input.actor,
        subjectKind: 'tariff',
        subjectId: tariff.id,
        payload: { name: label, period, amountCents, validFromOn: tariff.validFromOn, decisionRef: tariff.decisionRef },
      })
      return tariff
    })
  }

function checkRules(rules: DuesRules): void {
  wholeNumber(rules.graceDays, 'graceDays', 0, 365)
  wholeNumber(rules.lateContinueDays, 'lateContinueDays', 0, 3650)
  wholeNumber(rules.toleranceCents, 'toleranceCents', 0, 1000)
  if (rules.reminderDays.length > 20) wrong('reminderDays', 'at most 20 reminders')
  for (const day of rules.reminderDays) wholeNumber(day, 'reminderDays', -365, 365)
}

/** New rules; from their first day on every standing is looked at again, at once when that day has come. */
export const addRules =
  (core: Core) =>
  async ({ organisation, ...input }: Decision & DuesRules & { organisation?: string }): Promise<RuleSet> => {
    checkRules(input)
    return core.store.transaction(async (stores) => {
      const { id, timeZone } = await organisationNamed(stores, organisation)
      const { graceDays, lateRenewal, lateContinueDays, toleranceCents } = input
      const reminderDays = [...new Set(input.reminderDays)].toSorted((a, b) => a - b)
      const rules = { graceDays, lateRenewal, lateContinueDays, toleranceCents, reminderDays }
      const made: RuleSet = { ...decided(core, id, input), ...rules }
      if ((await stores.dues.rules(id)).some(({ validFromOn }) => validFromOn === made.validFromOn))
        throw new AppError('conflict', {
          field: 'validFromOn',
          detail: `there are rules from ${made.validFromOn} already`,
        })
      await stores.dues.addRules(made)
      const today = civilDate(core.clock.now(), timeZone)
      await stores.standings.lookAgain(laterOf(made.validFromOn, today))
      await audit(core, stores, {
        action: 'dues_rules.added',
        actor: input.actor,
        subjectKind: 'dues_rules',
        subjectId: made.id,
        payload: { ...rules, validFromOn: made.validFromOn, decisionRef: made.decisionRef },
      })
      return made
    })
  }

export const setBankAccount =
  (core: Core) =>
  async ({
    iban: typed,
    holder,
    bic = null,
    actor,
    organisation,
  }: {
    iban: string
    holder: string
    bic?: string | null
    actor: Actor
    organisation?: string
  }): Promise<BankAccount> => {
    const iban = parseIban(typed) ?? wrong('iban', `not an IBAN: ${typed.slice(0, 40)}`)
    if (holder.trim() === '' || holder.length > 70)
      wrong('holder', 'the holder’s name, as the bank has it, has 1 to 70 characters')
    if (bic !== null && !/^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$/.test(bic)) wrong('bic', `not a BIC: ${bic.slice(0, 20)}`)
    return core.store.transaction(async (stores) => {
      const { id: organisationId } = await organisationNamed(stores, organisation)
      const account: BankAccount = { organisationId, iban, holder: holder.trim(), bic }
      await stores.dues.setAccount(account)
      await audit(core, stores, {
        action: 'bank_account.set',
        actor,
        subjectKind: 'organisation',
        subjectId: organisationId,
        payload: { iban, holder: account.holder },
      })
      return account
    })
  }

async function checkPayer(stores: Stores, memberId: string, payerId: string): Promise<void> {
  if (!(await stores.members.get(payerId)))
    throw new AppError('not_found', { field: 'payer', detail: 'there is no such payer' })
  // One step only: who pays for others pays for themselves, and nobody pays for a payer.
  if ((await stores.dues.member(payerId))?.payerId) wrong('payer', 'another one pays for this payer; name that one')
  if ((await stores.dues.paidBy(memberId)).some(({ id }) => id !== memberId))
    wrong('payer', 'this member pays for others; let somebody else pay for them first')
}

/** The tariff of a member, and who pays it; null for the member itself. */
export type NewDues = { memberId: string; tariff: string | null; payerId: string | null; actor: Actor }

/** Within a transaction. */
export async function setMemberDuesIn(
  core: Pick<Core, 'clock' | 'random'>,
  stores: Stores,
  { memberId, tariff, payerId, actor }: NewDues,
): Promise<void> {
  const member = await stores.members.get(memberId)
  if (!member) throw new AppError('not_found', { detail: 'there is no such member' })
  const names = new Set((await stores.dues.tariffs(member.organisationId)).map(({ name }) => name))
  if (tariff !== null && !names.has(tariff))
    throw new AppError('not_found', {
      field: 'tariff',
      detail: `there is no tariff ${tariff}; there are: ${[...names].join(', ')}`,
    })
  const payer = payerId === memberId ? null : payerId
  if (payer !== null) await checkPayer(stores, memberId, payer)
  await stores.dues.setMember({ memberId, tariff, payerId: payer })
  await audit(core, stores, {
    action: 'member.dues_set',
    actor,
    subjectKind: 'member',
    subjectId: memberId,
    payload: { tariff, payerId: payer },
  })
}

export const setMemberDues =
  (core: Core) =>
  (input: NewDues): Promise<void> =>
    core.store.transaction((stores) => setMemberDuesIn(core, stores, input))
