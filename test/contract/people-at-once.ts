// Several people act on an association at the same moment, on any database: it is never left without an owner, and what is
// used once is used once.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { affiliate } from '../../src/usecases/accounts.ts'
import {
  acceptInvitation,
  invitePerson,
  keyOfInvitation,
  withdrawInvitation,
} from '../../src/usecases/association-invitations.ts'
import { handOver, listPeople, removePerson, setPersonRole } from '../../src/usecases/association-people.ts'
import { type Society, society } from '../support/people.ts'

/** `open` gives the URL of a new, empty database; an SQLite file without it. */
export function peopleAtOnce(name: string, open: () => Promise<string | undefined>): void {
  describe(`people at once: ${name}`, () => {
    let among: Society
    beforeAll(async () => {
      among = await society(await open())
    })
    afterAll(() => among.on.close())

    test('owners who take each other out or down, leave or hand over: one stays', async () => {
      const { core } = among
      for (let round = 0; round < 6; round++) {
        const member = await among.association()
        const owners = await Promise.all([1, 2, 3].map(() => among.one(member, 'owner')))
        const heir = await among.one(member, 'user')
        const of = (at: number) => ({ memberNumber: member.memberNumber, actor: owners[at]!.id })
        const acts = owners.flatMap(({ id }, at) => [
          () => removePerson(core)({ ...of((at + 1) % 3), accountId: id }),
          () => setPersonRole(core)({ ...of(at), accountId: id, role: 'user' as const }),
          () => affiliate(core)({ accountId: id, memberId: member.id, role: 'billing', actor: 'cli:test' }),
          () => handOver(core)({ ...of(at), accountId: heir.id }),
          () => removePerson(core)({ ...of(at), accountId: heir.id }),
        ])
        const turned = [...acts.slice(round), ...acts.slice(0, round)]
        const results = await Promise.allSettled(turned.map((act) => act()))
        for (const result of results)
          if (result.status === 'rejected') expect(['conflict', 'forbidden', 'not_found']).toContain(result.reason.code)
        expect(Object.values(await among.roles(member))).toContain('owner')
      }
    })

    test('an invitation accepted by several browsers, while it is withdrawn: once, or not at all', async () => {
      const { core, letters } = among
      for (let round = 0; round < 4; round++) {
        const member = await among.association()
        const owner = await among.one(member, 'owner')
        const guest = await among.person()
        const of = { memberNumber: member.memberNumber, actor: owner.id }
        await invitePerson(core, letters)({ ...of, email: guest.email!, role: 'technical' })
        const token = among.token()
        const [open] = (await listPeople(core)(of)).invitations
        const accept = () => acceptInvitation(core)({ key: keyOfInvitation(token), accountId: guest.id })
        const withdraw = () => withdrawInvitation(core)({ ...of, id: open!.id })
        const acts = round % 2 ? [accept, accept, withdraw, accept] : [withdraw, accept, accept]
        const results = await Promise.allSettled(acts.map((act) => act()))
        const accepted = results.filter((one, at) => acts[at] === accept && one.status === 'fulfilled').length
        expect(accepted).toBeLessThanOrEqual(1)
        expect((await among.roles(member))[guest.id]).toBe(accepted === 1 ? 'technical' : undefined)
        const told = await core.store.audit.list({ subjectId: guest.id, action: 'affiliation.accepted' })
        expect(told).toHaveLength(accepted)
      }
    })
  })
}
