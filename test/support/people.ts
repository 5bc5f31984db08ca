// Associations and their people, for tests of who may do what with them.
import { createLetters } from '../../interactions/letters.ts'
import type { Core } from '../../src/core.ts'
import type { AffiliationRole } from '../../src/domain/access.ts'
import type { Account, Mail, Member, Organisation, StaffRole } from '../../src/ports.ts'
import type { Letters } from '../../src/usecases/invite.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, setUp, stage } from './stage.ts'

export type Society = {
  on: Stage
  core: Core
  letters: Letters
  organisation: Organisation
  /** Letters that were sent, the newest last. */
  sent: Mail[]
  /** The token in the newest letter. */
  token(): string
  association(more?: Partial<Member>): Promise<Member>
  person(more?: Partial<Account>): Promise<Account>
  /** One of the people of a member. */
  one(member: Member, role: AffiliationRole, more?: Partial<Account>): Promise<Account>
  staff(role?: StaffRole): Promise<Account>
  roles(member: Member): Promise<Record<string, AffiliationRole>>
}

/** `database`: instead of an SQLite file. */
export async function society(database?: string): Promise<Society> {
  const on = await stage(['files'], database ? { database } : {})
  const organisation = await setUp(on)
  const { store } = on.first
  const sent: Mail[] = []
  const send = async (mail: Mail) => void sent.push(mail)
  const core: Core = { ...on.first.core, mailer: { send, check: async () => {}, close: async () => {} } }
  const person: Society['person'] = async (more) => {
    const account = make.account(more)
    await store.accounts.add(account)
    return account
  }
  return {
    on,
    core,
    letters: createLetters(async () => organisation),
    organisation,
    sent,
    token: () => /account\/join\/([\w-]+)/.exec(sent.at(-1)!.text)![1]!,
    async association(more) {
      const member = make.member(organisation.id, { kind: 'association', name: 'Les Amis du Vélo', ...more })
      await store.members.add(member)
      await store.standings.put(make.standing(member.id, { nextChangeOn: null }))
      return member
    },
    person,
    async one(member, role, more) {
      const account = await person(more)
      await store.people.affiliate({ accountId: account.id, memberId: member.id, role, createdAt: make.NOW })
      return account
    },
    async staff(role = 'admin') {
      const account = await person()
      await store.people.setStaffRoles(account.id, [role], 'test', make.NOW)
      await store.credentials.setTotp(account.id, 'sealed', true, make.NOW)
      return account
    },
    roles: async (member) =>
      Object.fromEntries((await store.people.accountsOf(member.id)).map(({ accountId, role }) => [accountId, role])),
  }
}
