// A new member as the staff enter one: the member, the tariff it pays and who signs in for it, all or nothing.
import type { Actor, Core } from '../core.ts'
import type { AffiliationRole } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import { email as checkedEmail } from '../domain/names.ts'
import type { Account, Member } from '../ports.ts'
import { affiliateIn } from './accounts.ts'
import { addMemberIn, type NewMember, organisationNamed } from './members.ts'
import { touch } from './subjects.ts'
import { setMemberDuesIn } from './tariffs.ts'

/** Whoever is known under an address already: members of the association, and accounts. */
export type Known = { members: Member[]; accounts: Account[] }

/** Throws `email_refused`. */
export const knownUnder =
  ({ store }: Pick<Core, 'store'>) =>
  async (typed: string): Promise<Known> => {
    const email = checkedEmail(typed)
    const { id } = await organisationNamed(store)
    const [members, accounts] = await Promise.all([store.members.byEmail(id, email), store.accounts.byEmail(email)])
    return { members, accounts }
  }

export const enrolMember =
  (core: Core) =>
  async (
    input: NewMember & {
      tariff: string | null
      people: readonly { accountId: string; role: AffiliationRole }[]
      actor: Actor
    },
  ): Promise<Member> => {
    const { tariff, people, actor } = input
    const member = await core.store.transaction(async (stores) => {
      const made = await addMemberIn(core, stores, input)
      if (tariff !== null) await setMemberDuesIn(core, stores, { memberId: made.id, tariff, payerId: null, actor })
      for (const { accountId, role } of people) {
        if (!(await stores.accounts.get(accountId)))
          throw new AppError('not_found', { detail: 'there is no such account' })
        await affiliateIn(core, stores, { accountId, memberId: made.id, role, actor })
        await touch(core, stores, { accountId }, 'person')
      }
      return made
    })
    core.wake()
    return member
  }
