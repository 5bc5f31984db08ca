// A treasurer's desk for use-case tests: three tariffs, members that are called and pay, a clock that stands until it is moved.
// Made anew before each test.
import { beforeEach } from 'vitest'
import type { Core } from '../../src/core.ts'
import type { Member, PaidTerm, Store } from '../../src/ports.ts'
import { callDues } from '../../src/usecases/call-dues.ts'
import { addMember } from '../../src/usecases/members.ts'
import { nightly } from '../../src/usecases/nightly.ts'
import { creditOf, recordPayment } from '../../src/usecases/payments.ts'
import { addTariff, setMemberDues } from '../../src/usecases/tariffs.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, type StandingClock, stage } from './stage.ts'

export const actor = 'test'
export const decision = { validFromOn: '2020-01-01', decisionRef: 'AG 2019, point 4', actor }

export type DuesDesk = {
  readonly clock: StandingClock
  readonly store: Store
}

/** `store` and `clock` are those of the running test. It is 5 January 2026; Effectif costs 60 a year, Soutien 120, Réduit 20. */
export function duesDesk() {
  let on: Stage
  const core = (): Core => on.first.core
  const store = (): Store => on.first.store
  const tariff = (name: string, amountCents: number, more: object = {}) =>
    addTariff(core())({ ...decision, name, period: 'year', yearStartsOn: '01-01', months: 12, amountCents, ...more })

  beforeEach(async () => {
    on = await stage()
    on.clock.set('2026-01-05T10:00:00Z')
    await store().organisations.add(make.organisation())
    await tariff('Effectif', 6000)
    await tariff('Soutien', 12_000)
    await tariff('Réduit', 2000)
    return () => on.close()
  })

  let counter = 0
  async function member(more: { coveredUntilOn?: string; payer?: Member } = {}): Promise<Member> {
    const number = String(++counter)
    const { coveredUntilOn = null, payer } = more
    const made = await addMember(core())({
      memberNumber: number,
      kind: 'person',
      name: `Membre ${number}`,
      email: null,
      coveredUntilOn,
      actor,
    })
    await setMemberDues(core())({ memberId: made.id, tariff: 'Effectif', payerId: payer?.id ?? null, actor })
    return made
  }
  const inForce = async ({ id }: Member) => (await store().standings.get(id))!
  const terms = ({ id }: Member): Promise<PaidTerm[]> => store().standings.terms(id)
  const call = (withinDays = 30) => callDues(core())({ withinDays, actor })
  const pay = (payer: Member, cents: number, valueOn = '2026-01-05') =>
    recordPayment(core())({ payerId: payer.id, source: 'cash', cents, valueOn, actor })

  return {
    desk: {
      get store() {
        return store()
      },
      get clock() {
        return on.clock
      },
    } satisfies DuesDesk,
    core,
    tariff,
    member,
    inForce,
    standing: async (who: Member) => (await inForce(who)).standing,
    terms,
    call,
    calls: ({ id }: Member) => store().calls.ofPayer(id),
    pay,
    credit: async ({ id }: Member) => (await creditOf(store(), id)).reduce((sum, { cents }) => sum + cents, 0),
    /** Somebody who was called and paid the year. */
    async inOrder(): Promise<Member> {
      const made = await member()
      await call()
      await pay(made, 6000)
      return made
    },
    onTerms: async (who: Member) => (await terms(who)).reduce((sum, { paidCents }) => sum + paidCents, 0),
    audited: async (action: string) => (await store().audit.list({ action })).at(-1)?.payload,
    night: () => nightly(core(), on.first.reconciler, async () => {})(),
  }
}
