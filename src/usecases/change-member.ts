// Changing what is written of a member: name, contact address, language. Standing follows from other facts.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { email as checkedEmail } from '../domain/names.ts'
import type { Locale, Member } from '../ports.ts'
import { LONGEST_NAME } from './members.ts'

export const changeMember =
  (core: Core) =>
  async (input: {
    memberId: string
    name: string
    email: string | null
    locale: Locale
    actor: Actor
  }): Promise<Member> => {
    const name = input.name.trim()
    if (name === '') throw new AppError('required', { field: 'name', detail: 'a member has a name' })
    if (name.length > LONGEST_NAME)
      throw new AppError('invalid_value', { field: 'name', detail: 'a name has at most 200 characters' })
    const email = input.email === null ? null : checkedEmail(input.email)
    return core.store.transaction(async (stores) => {
      const member = await stores.members.get(input.memberId)
      if (!member) throw new AppError('not_found', { detail: 'there is no such member' })
      const changed: Member = { ...member, name, email, locale: input.locale }
      const fields = (['name', 'email', 'locale'] as const).filter((field) => member[field] !== changed[field])
      if (fields.length === 0) return member
      await stores.members.update(changed)
      await audit(core, stores, {
        action: 'member.changed',
        actor: input.actor,
        subjectKind: 'member',
        subjectId: member.id,
        payload: Object.fromEntries(fields.map((field) => [field, { before: member[field], after: changed[field] }])),
      })
      return changed
    })
  }
