// Mail's use cases done by several at the same moment, on any database: a name goes to one, mail never goes round, a login is
// stopped once.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { setAliasTargets } from '../../src/usecases/mailboxes.ts'
import { liftQuarantine, quarantineLogin } from '../../src/usecases/quarantine.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { ADA, type MailPeople, mailPeople } from '../support/mail-people.ts'
import { word } from './store-records.ts'

const actor = 'test'

/** `open` gives the URL of a new, empty database; an SQLite file without it. */
export function mailAtOnce(name: string, open: () => Promise<string | undefined>): void {
  describe(`mail at once: ${name}`, () => {
    let at: MailPeople
    beforeAll(async () => {
      at = await mailPeople(await open())
    })
    afterAll(() => at.on.close())
    const refused = (results: readonly PromiseSettledResult<unknown>[]) =>
      results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))

    test('a name that is wanted for mailboxes and aliases goes to one', async () => {
      for (let round = 0; round < 8; round++) {
        const address = `${word()}@asso.example`
        const add = (kind: 'mailbox' | 'alias') =>
          addResource(at.core)({ memberId: at.member.id, kind, name: address, actor, targets: [ADA] })
        const results = await Promise.allSettled([add('mailbox'), add('alias'), add('alias'), add('mailbox')])
        expect(refused(results)).toEqual(['conflict', 'conflict', 'conflict'])
      }
    })

    test('a login goes to one of those who are given it', async () => {
      const box = await at.mailbox(`${word()}@asso.example`)
      const people = await Promise.all([1, 2, 3].map(() => at.person()))
      const results = await Promise.allSettled(
        people.map(({ id }) => addLogin(at.core)({ mailboxId: box.id, accountId: id, actor })),
      )
      expect(refused(results)).toEqual(['conflict', 'conflict'])
    })

    test('aliases that are pointed at each other make no loop', async () => {
      for (let round = 0; round < 8; round++) {
        const [one, two, three] = [
          await at.alias(`${word()}@asso.example`, ADA),
          await at.alias(`${word()}@asso.example`, ADA),
          await at.alias(`${word()}@asso.example`, ADA),
        ]
        const point = (from: typeof one, to: typeof one) =>
          setAliasTargets(at.core)({ resourceId: from.id, targets: [to.name], actor })
        const results = await Promise.allSettled([point(one, two), point(two, three), point(three, one)])
        expect(refused(results)).toEqual(['invalid_value'])
      }
    })

    test('a login is put in quarantine once, by hand and by bursts of two instances; lifted once', async () => {
      for (let round = 0; round < 4; round++) {
        const ears = [at.facts(), at.facts()]
        const letters = at.sent.length
        const burst = (n: number) =>
          ears[n % 2]!.report({
            kind: 'submitted',
            message: { queueId: word(), login: ADA, sender: ADA, recipients: 9, sizeBytes: 9, clientAddress: '' },
            burst: 'too much',
          })
        const byHand = () => quarantineLogin(at.core)({ login: ADA, detail: 'x', actor })
        const results = await Promise.allSettled([burst(0), byHand(), burst(1), burst(2), byHand()])
        await Promise.all(ears.map((ear) => ear.close()))
        const hands = [results[1]!, results[4]!].filter(({ status }) => status === 'fulfilled').length
        expect(hands).toBeLessThanOrEqual(1)
        expect(refused([results[0]!, results[2]!, results[3]!])).toEqual([])
        expect(at.sent.length - letters).toBe(hands === 1 ? 0 : 2)
        const [begun, ...others] = await at.core.store.quarantines.open()
        expect(others).toEqual([])
        const lift = () => liftQuarantine(at.core)({ id: begun!.id, actor })
        expect(refused(await Promise.allSettled([lift(), lift(), lift()]))).toEqual(['not_found', 'not_found'])
      }
    })
  })
}
