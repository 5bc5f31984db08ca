// People with a mailbox and two app passwords each, by the thousand: straight into the tables.
import { randomBytes, randomUUID } from 'node:crypto'
import type { Installation } from '../src/compose.ts'
import { appPasswordDigest, groupedDigest, newAppPassword } from '../src/domain/app-passwords.ts'
import { addDays, civilDate } from '../src/domain/time.ts'
import { organisationOf, type Person, people } from './seed.ts'

/** Somebody with a mailbox, and what their two programs sign in with. */
export type MailPerson = Person & { passwords: readonly [AppSecret, AppSecret] }
type AppSecret = { id: string; secret: string }

const BATCH = 2_000
/** Rows in one insert; SQLite takes some hundred. */
const ROWS = 100

const newSecret = (): AppSecret => ({
  id: randomUUID(),
  secret: newAppPassword((bytes) => randomBytes(bytes).toString('base64url')),
})

/** Each with an account, a member in order, a mailbox, a login into it, and the passwords. */
export async function seedMail(installation: Installation, count: number): Promise<MailPerson[]> {
  const { core, database } = installation
  const { id: organisationId, timeZone } = await organisationOf(installation)
  const createdAt = core.clock.now()
  const computedOn = civilDate(createdAt, timeZone)
  const coveredUntilOn = addDays(computedOn, 200)
  const all = people(count).map((one): MailPerson => ({ ...one, passwords: [newSecret(), newSecret()] }))
  const tables = (some: readonly MailPerson[]): Record<string, object[]> => {
    const both = { locale: 'fr', createdAt }
    const boxes = some.map((person) => ({ ...person, mailboxId: randomUUID() }))
    return {
      account: some.map(({ id, username, login: email }) => ({
        ...both,
        ...{ id, username, email, name: `Camille ${username}`, givenName: 'Camille', familyName: username },
        state: 'active',
      })),
      member: some.map(({ memberId: id, username: name, login: email }) => ({
        ...both,
        ...{ id, organisationId, memberNumber: name, kind: 'person', name, email, source: 'bench' },
      })),
      standing: some.map(({ memberId }) => ({
        ...{ memberId, standing: 'current', coveredUntilOn, computedOn },
        nextChangeOn: addDays(coveredUntilOn, 1),
      })),
      affiliation: some.map(({ id: accountId, memberId }) => ({ accountId, memberId, role: 'owner', createdAt })),
      resource: boxes.map(({ mailboxId: id, memberId, login: name }) => ({
        ...{ id, organisationId, memberId, kind: 'mailbox', name, createdAt },
      })),
      login: boxes.map(({ id: accountId, mailboxId, login: name }) => ({
        ...{ id: randomUUID(), mailboxId, accountId, name, createdAt },
      })),
      appPassword: some.flatMap(({ id: accountId, passwords }) =>
        passwords.map(({ id, secret }, at) => ({
          ...{ id, accountId, name: `program ${at}`, scopes: 'imap pop3 smtp', createdAt, createdBy: 'bench' },
          digest: appPasswordDigest(secret),
          groupedDigest: groupedDigest(secret),
        })),
      ),
    }
  }
  for (let from = 0; from < all.length; from += BATCH)
    await database.transaction(async (knex) => {
      for (const [table, rows] of Object.entries(tables(all.slice(from, from + BATCH))))
        for (let at = 0; at < rows.length; at += ROWS) await knex(table).insert(rows.slice(at, at + ROWS))
    })
  return all
}
