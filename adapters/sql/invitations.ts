// Invitations by letter that are open, to a member's people and to a member's site; and sites that are about to be connected.
import type { Knex } from 'knex'
import type {
  InvitationStore,
  MemberInvitation,
  SiteInvitation,
  SiteInvitationStore,
  SiteRegistration,
  SiteRegistrationStore,
} from '../../src/ports.ts'
import { exactly } from './exactly.ts'

/** What is open until somebody settles it, once, and is swept some time after its end. */
function openRows<T>(knex: Knex, table: string, columns: readonly string[]) {
  const open = () => knex(table).whereNull('settledAt')
  const by = async (column: string, value: string): Promise<T | undefined> => {
    const found = exactly<Record<string, string>>(
      await open()
        .where({ [column]: value })
        .first(column),
      { [column]: value },
    )
    return (
      found &&
      ((await open()
        .where(found)
        .first(...columns)) as T)
    )
  }
  return {
    get: (id: string) => by('id', id),
    of: async (where: Record<string, string>): Promise<T[]> => {
      const ordered = open().where(where).orderBy('createdAt', 'desc').orderBy('id')
      return (await ordered.select(...columns)) as T[]
    },
    byDigest: (digest: string) => by('digest', digest),
    settle: async (id: string, outcome: string, settledAt: number): Promise<boolean> =>
      (await open().where({ id }).update({ outcome, settledAt })) === 1,
    sweep: async (before: number): Promise<void> => {
      await knex(table).where('expiresAt', '<', before).delete()
    },
  }
}

const invitation = ['id', 'email', 'role', 'createdBy', 'createdAt', 'expiresAt'] as const

export const invitationStore = (knex: Knex): InvitationStore => {
  const rows = openRows<MemberInvitation>(knex, 'memberInvitation', ['memberId', ...invitation])
  return {
    ...rows,
    add: async (added, digest) => {
      await knex('memberInvitation').insert({ ...added, digest })
    },
    ofMember: (memberId) => rows.of({ memberId }),
  }
}

export const siteInvitationStore = (knex: Knex): SiteInvitationStore => {
  const rows = openRows<SiteInvitation>(knex, 'siteInvitation', ['clientId', ...invitation])
  return {
    ...rows,
    add: async (added, digest) => {
      await knex('siteInvitation').insert({ ...added, digest })
    },
    ofClient: (clientId) => rows.of({ clientId }),
  }
}

const registration = ['id', 'memberId', 'name', 'url', 'kind', 'token', 'createdBy', 'createdAt', 'expiresAt'] as const

export const registrationStore = (knex: Knex): SiteRegistrationStore => {
  const rows = openRows<SiteRegistration>(knex, 'siteRegistration', registration)
  return {
    ...rows,
    add: async (added) => {
      await knex('siteRegistration').insert(added)
    },
    ofMember: (memberId) => rows.of({ memberId }),
    list: (limit, offset) =>
      knex('siteRegistration')
        .whereNull('settledAt')
        .orderBy('createdAt', 'desc')
        .orderBy('id')
        .limit(limit)
        .offset(offset)
        .select(...registration),
  }
}
