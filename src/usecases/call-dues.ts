// Asking for dues: the next term of everybody whose cover ends soon, and one call for each payer, under a reference of its
// own. Calling twice asks nobody twice.
import { setImmediate } from 'node:timers/promises'
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { inForceOn, nextTerm, owedFor, renewalStart } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { pages } from '../domain/pages.ts'
import { makeOgm } from '../domain/references.ts'
import { coveredSince, coveredThrough } from '../domain/standing.ts'
import { addDays, type CivilDate, civilDate, laterOf } from '../domain/time.ts'
import type { Call, Member, Organisation, Stores, TermRecord } from '../ports.ts'
import { organisationNamed } from './members.ts'
import { openTerms, useCredit } from './payments.ts'
import { refresh, rulesOn } from './standing.ts'

const PAGE = 500
/** Payers in one transaction. */
const AT_ONCE = 25
/** Days that a payer has at least. */
const TIME_TO_PAY = 14
const OGM_TRIES = 10

export type CallGround = Omit<Ground, 'untilOn'>
type Ground = { organisation: Organisation; on: CivilDate; untilOn: CivilDate; actor: Actor }

/** The term that a member is to be asked for next; undefined while one is open, or when cover lasts beyond the day. */
async function termToCall(core: Core, stores: Stores, member: Member, ground: Ground): Promise<TermRecord | undefined> {
  const { on, untilOn } = ground
  const { tariff: name } = (await stores.dues.member(member.id)) ?? {}
  const { rules } = await rulesOn(core, stores, member.organisationId, on)
  const facts = await stores.standings.facts(member.id)
  if (facts.terms.some((term) => !term.exempt && owedFor(term) > rules.toleranceCents)) return undefined
  const through = coveredThrough(facts.terms, rules)
  if (through === 'for life' || (through !== null && through > untilOn)) return undefined
  const versions = (await stores.dues.tariffs(member.organisationId)).filter((tariff) => tariff.name === name)
  const tariff = inForceOn(versions, renewalStart(through, rules, on)) ?? inForceOn(versions, on)
  if (!tariff) return undefined
  const cover = { anchorOn: coveredSince(facts.terms, rules, through ?? on), coveredUntilOn: through }
  return {
    id: core.random.uuid(),
    memberId: member.id,
    ...nextTerm(tariff, cover, rules, on),
    dueCents: tariff.amountCents,
    exempt: false,
    reason: null,
    tariffId: tariff.id,
    replacesId: null,
    source: 'call',
    createdAt: core.clock.now(),
    createdBy: ground.actor,
  }
}

/** A reference that nobody can guess another one from (membership.md §2.1: members' numbers would leak). */
const newOgm = (core: Core): string => {
  const random = Buffer.from(core.random.token(6), 'base64url').readUIntBE(0, 6)
  return makeOgm((random % 9_999_999_999) + 1)
}

/** Asks a payer for what is open and was not asked for yet; undefined when there is nothing. Inside a transaction. */
export async function callPayer(
  core: Core,
  stores: Stores,
  payerId: string,
  ground: CallGround,
): Promise<Call | undefined> {
  const called = new Set(
    (await stores.calls.ofPayer(payerId))
      .filter(({ cancelledAt }) => cancelledAt === null)
      .flatMap(({ lines }) => lines.map(({ termId }) => termId)),
  )
  const open = await openTerms(stores, payerId)
  const uncalled = open.filter(({ id }) => !called.has(id))
  const [first] = uncalled
  if (!first) return undefined
  const { organisation, on, actor } = ground
  const soonest = addDays(on, TIME_TO_PAY)
  const call: Call = {
    id: core.random.uuid(),
    organisationId: organisation.id,
    payerId,
    ogm: '',
    issuedOn: on,
    dueOn: laterOf(first.startOn, soonest),
    createdAt: core.clock.now(),
    createdBy: actor,
    cancelledAt: null,
  }
  const lines = uncalled.map((term) => ({ callId: call.id, termId: term.id, cents: owedFor(term) }))
  for (let tries = 0; tries < OGM_TRIES; tries++) {
    call.ogm = newOgm(core)
    if (!(await stores.calls.add(call, lines))) continue
    await audit(core, stores, {
      action: 'dues.called',
      actor,
      subjectKind: 'member',
      subjectId: payerId,
      payload: {
        callId: call.id,
        ogm: call.ogm,
        cents: lines.reduce((sum, { cents }) => sum + cents, 0),
        dueOn: call.dueOn,
      },
    })
    return call
  }
  throw new AppError('conflict', { detail: 'no free reference was found; try again' })
}

/** New terms for whoever is due one, each covered at once by what their payer has over. */
async function openTermsFor(core: Core, stores: Stores, members: readonly Member[], ground: Ground): Promise<number> {
  let made = 0
  for (const member of members) {
    const term = await termToCall(core, stores, member, ground)
    if (!term) continue
    await stores.standings.addTerm(term)
    made++
    const payerId = (await stores.dues.member(member.id))?.payerId ?? member.id
    for (const helped of [member, ...(await useCredit(core, stores, payerId, ground.actor))])
      await refresh(core, stores, helped.id, ground.on, 'person', ground.actor)
  }
  return made
}

/** What calling now would ask for, and from how many; writes nothing. */
export const foreseeCalls =
  (core: Core) =>
  async ({
    withinDays,
    organisation: named,
  }: {
    withinDays: number
    organisation?: string
  }): Promise<{ members: number; payers: number; cents: number }> => {
    const { store } = core
    const organisation = await organisationNamed(store, named)
    const on = civilDate(core.clock.now(), organisation.timeZone)
    const ground: Ground = { organisation, on, untilOn: addDays(on, withinDays), actor: 'system' }
    const payers = new Set<string>()
    let [members, cents] = [0, 0]
    for await (const page of pages(
      (after) => store.calls.toCall(organisation.id, ground.untilOn, after, PAGE),
      ({ id }) => id,
    ))
      for (const member of page) {
        const term = await termToCall(core, store, member, ground)
        if (!term) continue
        members++
        cents += term.dueCents
        payers.add((await store.dues.member(member.id))?.payerId ?? member.id)
        // So that nobody's sign-in waits for the count of an association's year.
        if (members % AT_ONCE === 0) await setImmediate()
      }
    return { members, payers: payers.size, cents }
  }

export type CallReport = { terms: number; calls: number }

/**
 * Calls the dues of everybody whose cover ends within so many days, or of these members whatever their cover. Cut off, it is
 * finished by calling again.
 */
export const callDues =
  (core: Core) =>
  async ({
    withinDays = 30,
    memberIds,
    actor,
    organisation: named,
    onProgress,
  }: {
    withinDays?: number
    memberIds?: readonly string[]
    actor: Actor
    organisation?: string
    onProgress?: (done: number) => void
  }): Promise<CallReport> => {
    const organisation = await organisationNamed(core.store, named)
    const on = civilDate(core.clock.now(), organisation.timeZone)
    const untilOn = memberIds ? '9999-12-31' : addDays(on, withinDays)
    const ground: Ground = { organisation, on, untilOn, actor }
    const report: CallReport = { terms: 0, calls: 0 }
    let done = 0
    const call = async (members: readonly Member[]): Promise<void> => {
      await core.store.transaction(async (stores) => {
        report.terms += await openTermsFor(core, stores, members, ground)
        const payers = await Promise.all(members.map(async ({ id }) => (await stores.dues.member(id))?.payerId ?? id))
        for (const payerId of new Set(payers)) if (await callPayer(core, stores, payerId, ground)) report.calls++
      })
      core.wake()
      done += members.length
      onProgress?.(done)
    }
    const wanted = memberIds && new Set(memberIds)
    for await (const page of pages(
      (after) => core.store.calls.toCall(organisation.id, untilOn, after, PAGE),
      ({ id }) => id,
    )) {
      const members = wanted ? page.filter(({ id }) => wanted.has(id)) : page
      for (let from = 0; from < members.length; from += AT_ONCE) await call(members.slice(from, from + AT_ONCE))
    }
    return report
  }
