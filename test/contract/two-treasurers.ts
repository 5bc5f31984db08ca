// Two treasurers at their desks at the same moment, through the pages, on any database: what both do is done once, the one
// who comes second is told so in words, and nothing is lost.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BankLineRecord } from '../../src/ports.ts'
import { open, read, send } from '../support/at-home.ts'
import type { Reply } from '../support/browser-jar.ts'
import { auditedAll, soundBooks } from '../support/facts.ts'
import { type House, startHouse } from '../support/house.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'
import { type Treasury, treasury, upload } from '../support/treasury.ts'

const STATEMENT = '/admin/dues/statement'
/** Each time another one may be first. */
const ROUNDS = 6

/** `open` gives the URL of a new, empty database; an SQLite file without it. */
export function twoTreasurers(name: string, database: () => Promise<string | undefined>): void {
  describe(`two treasurers at once: ${name}`, () => {
    let house: House
    let books: Treasury
    let desks: [StaffMember, StaffMember]
    const core = () => house.installation.core

    beforeAll(async () => {
      const url = await database()
      house = await startHouse(url ? { database: url } : {})
      books = await treasury(house)
      desks = [await staffMember(house, 'money', 'treasurer'), await staffMember(house, 'second', 'treasurer')]
    }, 60_000)
    afterAll(() => house?.stop())

    const both = <T>(work: (desk: StaffMember, at: 0 | 1) => Promise<T>): Promise<[T, T]> =>
      Promise.all([work(desks[0], 0), work(desks[1], 1)])
    const bring = async ({ browser }: StaffMember, bytes: Uint8Array): Promise<Reply> =>
      upload(house, browser, await open(house, browser, STATEMENT), bytes)
    const statuses = (replies: readonly Reply[]) => replies.map(({ status }) => status).toSorted()

    /** A line that nobody knows, in the inbox. */
    async function waiting(): Promise<BankLineRecord> {
      const line = books.line({ name: 'TANTE', text: crypto.randomUUID() })
      const shown = await bring(desks[0], books.statement([line]))
      await send(house, desks[0].browser, shown, {})
      const [{ id: organisationId } = { id: '' }] = await core().store.organisations.all()
      const lines = await core().store.bank.lines({ organisationId, state: 'new', limit: 1000 })
      return lines.find(({ bankRef }) => bankRef === line.bankRef)!
    }
    const settledBy = async (action: string, lineId: string) =>
      (await auditedAll(house.installation, action)).filter(({ subjectId }) => subjectId === lineId)

    test('both import the same file: each line once, each payment once, and each is told what was new', async () => {
      for (let round = 0; round < 3; round++) {
        const payers = await Promise.all([books.payer(), books.payer(), books.payer()])
        const paid = await Promise.all(payers.map(async (payer) => books.line({ reference: await books.ogmOf(payer) })))
        // More than go into one transaction, so that the two take turns.
        const others = Array.from({ length: 47 }, () => books.line({ name: 'NOBODY' }))
        const bytes = books.statement([...others.slice(20), ...paid, ...others.slice(0, 20)])
        const shown = await both((desk) => bring(desk, bytes))
        const told = await both((desk, at) => send(house, desk.browser, shown[at], {}))
        expect(statuses(told)).toEqual([200, 200])
        const said = (label: string) =>
          told.map((reply) => Number(new RegExp(`${label} (\\d+)`).exec(read(reply))?.[1] ?? 0))
        const sum = (counts: number[]) => counts.reduce((all, some) => all + some, 0)
        expect(sum(said('Paiements enregistrés'))).toBe(3)
        expect(sum(said('Lignes à attribuer'))).toBe(47)
        for (const { member } of payers) expect(await core().store.payments.ofPayer(member.id)).toHaveLength(1)
        await soundBooks(house.installation)
      }
      expect(await auditedAll(house.installation, 'statement.imported')).toHaveLength(3)
    })

    test('both say whose payment one line is: one is heard, the other is told who it is', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const payers = [await books.payer(), await books.payer()] as const
        const line = await waiting()
        const path = (at: 0 | 1) => `/admin/dues/inbox/${line.id}?payer=${payers[at].member.id}`
        const pages = await both(({ browser }, at) => open(house, browser, path(at)))
        const told = await both(({ browser }, at) =>
          send(house, browser, pages[at], { payer: payers[at].member.id, act: 'match' }),
        )
        expect(statuses(told)).toEqual([200, 409])
        const [winner, loser] = told[0].status === 200 ? ([0, 1] as const) : ([1, 0] as const)
        expect(read(told[loser])).toContain('Cela a déjà été fait')
        expect(read(told[loser])).toContain(`c’est un paiement de ${payers[winner].member.name}`)
        expect(await core().store.payments.ofPayer(payers[winner].member.id)).toHaveLength(1)
        expect(await core().store.payments.ofPayer(payers[loser].member.id)).toEqual([])
        expect(await settledBy('bank_line.matched', line.id)).toHaveLength(1)
      }
      await soundBooks(house.installation)
    })

    test('one says whose it is, the other puts it aside: one of the two holds', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const zoe = await books.payer()
        const line = await waiting()
        const path = `/admin/dues/inbox/${line.id}?payer=${zoe.member.id}`
        const pages = await both(({ browser }) => open(house, browser, path))
        const acts = [
          { payer: zoe.member.id, act: 'match' },
          { note: 'un don', act: 'ignore' },
        ] as const
        const told = await both(({ browser }, at) => send(house, browser, pages[at], acts[at]))
        expect(statuses(told)).toEqual([200, 409])
        const matched = told[0].status === 200
        expect((await core().store.bank.line(line.id))!.state).toBe(matched ? 'matched' : 'ignored')
        expect(await core().store.payments.ofPayer(zoe.member.id)).toHaveLength(matched ? 1 : 0)
        const rows = await both((_, at) => settledBy(at === 0 ? 'bank_line.matched' : 'bank_line.ignored', line.id))
        expect(rows.map((found) => found.length)).toEqual(matched ? [1, 0] : [0, 1])
      }
      await soundBooks(house.installation)
    })

    test('both take the same payment back: once, and the money is owed once', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const zoe = await books.payer()
        const bytes = books.statement([books.line({ reference: await books.ogmOf(zoe) })])
        await send(house, desks[0].browser, await bring(desks[0], bytes), {})
        const [payment] = await core().store.payments.ofPayer(zoe.member.id)
        const path = `/admin/dues/payments/${payment!.id}`
        const pages = await both(({ browser }) => open(house, browser, path))
        const told = await both(({ browser }, at) => send(house, browser, pages[at], { note: 'erreur' }))
        expect(statuses(told)).toEqual([200, 409])
        const rows = await core().store.payments.ofPayer(zoe.member.id)
        expect(rows.map(({ cents }) => cents).toSorted()).toEqual([-6000, 6000])
        expect((await core().store.standings.get(zoe.member.id))!.standing).toBe('lapsed')
      }
    })
  })
}
