// Another tariff in the middle of a term (membership.md §1.6, 8): the term is cut at the day before and costs its share of the
// days, another one to the same end costs the rest by the new tariff, and what was paid moves along. Shown first, then done.
import type { Actor, Core } from '../core.ts'
import { cutForTariff, priceFor, type TariffCut } from '../domain/corrections.ts'
import { digest } from '../domain/digest.ts'
import { allocate, inForceOn, owedFor, type Span } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { type StandingAnswer, standingOn } from '../domain/standing.ts'
import type { CivilDate } from '../domain/time.ts'
import type { Call, FactsKept, PaidTerm, Stores, Tariff, TermRecord } from '../ports.ts'
import {
  checkedDay,
  correcting,
  dropCalls,
  dropTerm,
  type Hand,
  handOn,
  heldOn,
  move,
  noted,
  restand,
} from './by-hand.ts'
import { callPayer } from './call-dues.ts'
import { creditOf, openTerms, useCredit } from './payments.ts'
import { setMemberDuesIn } from './tariffs.ts'

export type TariffChange = {
  memberId: string
  fromOn: CivilDate
  term: PaidTerm
  from: string
  to: Tariff
  cut: TariffCut
  /** What is owed for the two terms once everything that the payer has over is used. */
  owedCents: number
  /** What the payer has over then. */
  creditCents: number
  /** Open calls that will be cancelled. */
  calls: Call[]
  before: StandingAnswer
  /** Where the member stands today once it is done. */
  after: StandingAnswer
  /** Of all that would be written: the same as long as nothing else happens. */
  key: string
}
type Asked = { memberId: string; tariff: string; fromOn: CivilDate }

const MONTHS_OF_YEAR = 12
const monthsOf = ({ period, months }: Tariff): number => (period === 'rolling' ? months : MONTHS_OF_YEAR)

/** The term that runs on a day and has a tariff and an end; nothing made by the old tariff may come after it. */
function runningTerm(terms: readonly PaidTerm[], fromOn: CivilDate): PaidTerm {
  const priced = terms.filter(({ exempt, tariffId }) => !exempt && tariffId !== null)
  const term = priced.find(({ startOn, endOn }) => endOn !== null && startOn <= fromOn && fromOn <= endOn)
  if (!term)
    throw new AppError('tariff_not_running', {
      field: 'fromOn',
      detail: 'no term with a tariff and an end runs on that day; set the tariff for the next one',
    })
  const later = priced.find(({ startOn }) => startOn > term.endOn!)
  if (later)
    throw new AppError('term_later', {
      detail: `the term from ${later.startOn} was made by the old tariff; cancel it first`,
      params: { startOn: later.startOn },
    })
  return term
}

/** The term as it was before any cut: what carries on another one costs its share of that. */
function wholeOf({ terms }: FactsKept, term: PaidTerm): Span {
  const byId = new Map(terms.map((one) => [one.id, one]))
  let whole: TermRecord = term
  for (let older = byId.get(term.id); older; older = byId.get(older.replacesId ?? '')) whole = older
  return { startOn: whole.startOn, endOn: whole.endOn }
}

async function tariffsOf(stores: Stores, hand: Hand, term: PaidTerm, { tariff: name, fromOn }: Asked) {
  const all = await stores.dues.tariffs(hand.organisation.id)
  const from = all.find(({ id }) => id === term.tariffId)
  const to = inForceOn(
    all.filter((tariff) => tariff.name === name),
    fromOn,
  )
  if (!to)
    throw new AppError('not_found', { field: 'tariff', detail: `there is no tariff ${name} in force on ${fromOn}` })
  if (to.period === 'life' || to.id === term.tariffId)
    throw new AppError('invalid_value', {
      field: 'tariff',
      detail:
        to.period === 'life' ? 'a term for life begins anew: cancel this one, then call' : 'this is what it pays now',
    })
  return { from, to }
}

/** What the payer's credit pays once the term is cut; ids of the two new terms: `before`, `after`. */
async function withCredit(stores: Stores, { payerId, member }: Hand, term: PaidTerm, cut: TariffCut) {
  const paid = (to: 'before' | 'after') =>
    cut.moved.filter((share) => share.to === to).reduce((sum, { cents }) => sum + cents, 0)
  const pieces = [
    ...(cut.before ? [{ ...cut.before, id: 'before', paidCents: paid('before') }] : []),
    { ...cut.after, id: 'after', paidCents: paid('after') },
  ]
  const open = (await openTerms(stores, payerId)).filter(({ id }) => id !== term.id)
  const isPayers = new Set((await stores.payments.ofPayer(payerId)).map(({ id }) => id))
  const freed = cut.credit.filter(({ paymentId }) => isPayers.has(paymentId))
  const over = [...(await creditOf(stores, payerId)), ...freed].reduce((sum, { cents }) => sum + cents, 0)
  const { shares, creditCents } = allocate([...open, ...pieces.map((piece) => ({ ...piece, member }))], over)
  const given = new Map(shares.map((share) => [share.termId, share.cents]))
  const covered = pieces.map((piece) => ({ ...piece, paidCents: piece.paidCents + (given.get(piece.id) ?? 0) }))
  return { pieces: covered, creditCents }
}

/** What the change would write, from the facts as they are. */
async function foreseen(stores: Stores, hand: Hand, asked: Asked): Promise<TariffChange> {
  const { memberId, fromOn } = asked
  const { rules } = hand.ground.rules
  const terms = await stores.standings.terms(memberId)
  const term = runningTerm(terms, checkedDay(fromOn, 'fromOn'))
  const { from, to } = await tariffsOf(stores, hand, term, asked)
  const kept = await stores.books.kept(memberId)
  const priceCents = priceFor(to.amountCents, monthsOf(to), from ? monthsOf(from) : MONTHS_OF_YEAR)
  const held = heldOn(kept, term.id)
  const cut = cutForTariff({ term, whole: wholeOf(kept, term), priceCents, held }, fromOn)
  const { pieces, creditCents } = await withCredit(stores, hand, term, cut)
  const facts = (live: readonly Pick<PaidTerm, 'startOn' | 'endOn' | 'dueCents' | 'paidCents' | 'exempt'>[]) =>
    standingOn({ terms: live, events: kept.events }, rules, hand.ground.on)
  const others = terms.filter(({ id }) => id !== term.id)
  const owedCents = pieces.reduce((sum, piece) => sum + owedFor(piece), 0)
  return {
    memberId,
    fromOn,
    term,
    from: from?.name ?? '',
    to,
    cut,
    owedCents,
    creditCents,
    calls: owedFor(term) > 0 ? await stores.calls.asking([term.id]) : [],
    before: facts(terms),
    after: facts([...others, ...pieces.map((piece) => ({ ...piece, exempt: false }))]),
    key: digest(JSON.stringify([term.id, to.id, fromOn, cut, owedCents, creditCents])),
  }
}

/** The two terms in the place of the old one. */
async function replace(core: Core, stores: Stores, hand: Hand, { term, cut, to, from }: TariffChange): Promise<void> {
  const ids = { before: core.random.uuid(), after: core.random.uuid() }
  const { paidCents: _, ...old } = term
  const added = { replacesId: term.id, createdAt: core.clock.now(), createdBy: hand.actor }
  await dropTerm(core, stores, hand, term, `${from} → ${to.name}`)
  if (cut.before) await stores.standings.addTerm({ ...old, ...added, ...cut.before, id: ids.before })
  await stores.standings.addTerm({ ...old, ...added, ...cut.after, id: ids.after, tariffId: to.id, source: 'tariff' })
  await move(
    core,
    stores,
    hand,
    cut.moved.map((share) => ({ ...share, termId: ids[share.to] })),
  )
}

export const changeTariff = (core: Core) => ({
  /** What would become of the term, the money and the standing; writes nothing. Throws why it cannot be done. */
  plan: (asked: Asked): Promise<TariffChange> =>
    core.store.transaction(async (stores) =>
      foreseen(stores, await handOn(core, stores, asked.memberId, 'system'), asked),
    ),

  /**
   * Does what a plan showed; `conflict` when something happened since. What the payer has over pays the difference first; with
   * `call` the rest is asked for under a reference of its own, and until it is paid the cover up to the eve, and its grace, hold.
   */
  apply: ({ call, actor, ...plan }: Asked & { key: string; call: boolean; actor: Actor }): Promise<TariffChange> =>
    correcting(core, { memberId: plan.memberId, actor }, async (stores, hand) => {
      const change = await foreseen(stores, hand, plan)
      if (change.key !== plan.key) throw new AppError('conflict', { detail: 'something changed since this was shown' })
      const { term, to, from, fromOn, cut, calls, owedCents } = change
      await noted(core, stores, hand, 'term.tariff_changed', {
        termId: term.id,
        from,
        to: to.name,
        fromOn,
        beforeCents: cut.before?.dueCents ?? 0,
        afterCents: cut.after.dueCents,
        movedCents: cut.moved.reduce((sum, { cents }) => sum + cents, 0),
        creditCents: cut.credit.reduce((sum, { cents }) => sum + cents, 0),
      })
      await replace(core, stores, hand, change)
      const payerId = hand.payerId === hand.member.id ? null : hand.payerId
      await setMemberDuesIn(core, stores, { memberId: plan.memberId, tariff: to.name, payerId, actor })
      const helped = await useCredit(core, stores, hand.payerId, actor)
      const { organisation, ground } = hand
      await dropCalls(core, stores, hand, calls, { reason: `${from} → ${to.name}`, recall: call })
      if (call && owedCents > ground.rules.rules.toleranceCents)
        await callPayer(core, stores, hand.payerId, { organisation, on: ground.on, actor })
      await restand(core, stores, hand, [hand.member, ...helped])
      return change
    }),
})
