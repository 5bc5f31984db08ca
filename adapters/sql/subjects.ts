// The subjects of services: every account, mail login and site there is, and which of them a change touches.
import type { Knex } from 'knex'
import type { SubjectSource, SubjectStore } from '../../src/ports.ts'

export const subjectStore = (knex: Knex): SubjectStore => {
  const accounts = () => knex('account')
  const logins = () => knex('login').join({ mailbox: 'resource' }, 'mailbox.id', 'login.mailboxId').whereNull('mailbox.removedAt')
  const sites = () => knex('resource').where({ 'resource.kind': 'site' }).whereNull('resource.removedAt')
  const accountsOfMember = (memberId: string) => knex('affiliation').where({ memberId }).select('accountId')

  return {
    names: (kind, after, limit) => {
      if (kind === 'account') return accounts().where('id', '>', after).orderBy('id').limit(limit).pluck('id')
      if (kind === 'login') return logins().where('login.name', '>', after).orderBy('login.name').limit(limit).pluck('login.name')
      return sites().where('name', '>', after).orderBy('name').limit(limit).pluck('name')
    },
    async get(kind, name): Promise<SubjectSource | undefined> {
      if (kind === 'account') {
        const account = await accounts().where({ id: name }).first('id', 'username')
        return account && { kind, accountId: account.id, username: account.username }
      }
      if (kind === 'login') {
        const login = await logins().where({ 'login.name': name }).first('login.accountId', 'login.mailboxId', 'mailbox.name as mailbox')
        return login && { kind, ...login }
      }
      const site = await sites().join('member', 'member.id', 'resource.memberId').where({ 'resource.name': name }).first('resource.id as resourceId', 'member.memberNumber')
      return site && { kind, ...site }
    },
    touchedBy: (kind, change) => {
      if ('accountId' in change) {
        if (kind === 'account') return Promise.resolve([change.accountId])
        if (kind === 'login') return logins().where({ 'login.accountId': change.accountId }).pluck('login.name')
        return Promise.resolve([])
      }
      const { memberId } = change
      if (kind === 'account') return accountsOfMember(memberId).pluck('accountId')
      if (kind === 'login')
        return logins()
          .where((any) => any.where({ 'mailbox.memberId': memberId }).orWhereIn('login.accountId', accountsOfMember(memberId)))
          .pluck('login.name')
      return sites().where({ memberId }).pluck('name')
    },
  }
}
