// A member with a mailbox and a site whose forms send, for tests of mail's use cases: the core with services that manage
// logins and addresses, of which only the outbox is looked at.
import { createQuarantineLetters, createSayWhy } from '../../interactions/mail-letters.ts'
import type { Core } from '../../src/core.ts'
import type { AddressSubject, LoginSubject } from '../../src/plugin.ts'
import type { Account, Mailer, Member, Resource } from '../../src/ports.ts'
import { doorFacts } from '../../src/usecases/door-facts.ts'
import { loginAtDoor } from '../../src/usecases/login-at-door.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { makeSiteLogin } from '../../src/usecases/site-login.ts'
import { type Society, society } from './people.ts'

export const ISSUER = 'https://id.asso.example'
export const ADA = 'ada@asso.example'
export const SITE = 'velo.example'

export type MailPeople = Society & {
  member: Member
  /** Owner of the member, and in the mailbox `ADA`. */
  ada: Account
  box: Resource
  site: Resource
  mailbox(name: string, ...people: Account[]): Promise<Resource>
  alias(name: string, ...targets: string[]): Promise<Resource>
  login(name: string): Promise<LoginSubject>
  address(name: string): Promise<AddressSubject>
  /** What a mail server's door says of a login. */
  atDoor: ReturnType<typeof loginAtDoor>
  /** The ear of the mail server `postfix`; `core` may be another one. */
  facts(core?: Core): ReturnType<typeof doorFacts>
  /** What was queued since it was last asked: `logins ada@asso.example`, in order, each once. */
  queued(): Promise<string[]>
  mailer(mailer: Partial<Mailer>): Core
}

/** `database`: instead of an SQLite file. */
export async function mailPeople(database?: string): Promise<MailPeople> {
  const among = await society(database)
  const core: Core = {
    ...among.core,
    config: { ...among.core.config, issuer: ISSUER },
    services: [
      { name: 'logins', manages: 'login' },
      { name: 'addresses', manages: 'address' },
      { name: 'sites', manages: 'site' },
    ],
  }
  const { store } = core
  const member = await among.association()
  const ada = await among.one(member, 'owner', { username: 'ada', givenName: 'Ada', locale: 'nl' })
  const actor = 'test'
  const mailbox: MailPeople['mailbox'] = async (name, ...people) => {
    const made = await addResource(core)({ memberId: member.id, kind: 'mailbox', name, actor })
    for (const [at, { id, username }] of people.entries())
      await addLogin(core)({
        mailboxId: made.id,
        accountId: id,
        actor,
        ...(at > 0 && { name: `${username}.${name}` }),
      })
    return made
  }
  const box = await mailbox(ADA, ada)
  const site = await addResource(core)({ memberId: member.id, kind: 'site', name: SITE, actor })
  await makeSiteLogin(core)({ siteId: site.id, actor })
  const organisation = async () => among.organisation
  let last = (await store.outbox.pending({})).at(-1)?.id ?? 0
  return {
    ...among,
    core,
    member,
    ada,
    box,
    site,
    mailbox,
    alias: (name, ...targets) =>
      addResource(core)({ memberId: member.id, kind: 'alias', name, targets, actor: 'test' }),
    login: async (name) => (await core.doors.subject('login', name)) as LoginSubject,
    address: async (name) => (await core.doors.subject('address', name)) as AddressSubject,
    atDoor: loginAtDoor(core, createSayWhy(ISSUER, organisation)),
    facts: (other = core) => doorFacts(other, 'postfix', createQuarantineLetters(ISSUER, organisation)),
    async queued() {
      const rows = (await store.outbox.pending({ limit: 10_000 })).filter(({ id }) => id > last)
      last = rows.at(-1)?.id ?? last
      return [...new Set(rows.map(({ service, subject }) => `${service} ${subject}`))].toSorted()
    },
    mailer: (mailer) => ({ ...core, mailer: { ...core.mailer, ...mailer } }),
  }
}
