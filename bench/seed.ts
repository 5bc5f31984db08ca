// People for a bench, written straight through the stores in large transactions: one account, member, mailbox and login
// each, all with one password, hashed once.
import { randomBytes, randomUUID } from 'node:crypto'
import type { Installation } from '../src/compose.ts'
import { addDays, civilDate } from '../src/domain/time.ts'
import type { Organisation, Stores } from '../src/ports.ts'

export type Person = { id: string; username: string; login: string; memberId: string }

const BATCH = 500
const ZONE = 'Europe/Brussels'

/** A password that nobody writes down. */
export const newPassword = (): string => `${randomUUID()} ${randomBytes(4).toString('hex')}`

export const people = (count: number): Person[] =>
  Array.from({ length: count }, (_, at) => ({
    id: randomUUID(),
    username: `person${at}`,
    login: `person${at}@asso.example`,
    memberId: randomUUID(),
  }))

type Day = { organisationId: string; at: number; on: string; until: string }

async function addPerson(stores: Stores, person: Person, phc: string, { organisationId, at, on, until }: Day) {
  const { id, username, login, memberId } = person
  const name = `Camille ${username}`
  const both = { name, email: login, locale: 'fr' as const, createdAt: at }
  await stores.accounts.add({
    ...both,
    id,
    username,
    givenName: 'Camille',
    familyName: username,
    emailVerifiedAt: at,
    state: 'active',
    directoryKey: null,
    lastSignInAt: null,
  })
  await stores.credentials.setPassword(id, phc, at)
  await stores.members.add({
    ...both,
    id: memberId,
    organisationId,
    memberNumber: username,
    kind: 'person',
    joinedOn: on,
    source: 'bench',
  })
  const term = {
    id: randomUUID(),
    memberId,
    startOn: on,
    endOn: until,
    dueCents: 0,
    exempt: false,
    reason: null,
    tariffId: null,
    replacesId: null,
    createdBy: null,
  }
  await stores.standings.addTerm({ ...term, source: 'opening', createdAt: at })
  await stores.standings.put({
    memberId,
    standing: 'current',
    coveredUntilOn: until,
    graceUntilOn: null,
    nextChangeOn: addDays(until, 1),
    computedOn: on,
  })
  await stores.people.affiliate({ accountId: id, memberId, role: 'owner', createdAt: at })
  const mailbox = { id: randomUUID(), organisationId, memberId, kind: 'mailbox' as const, name: login, createdAt: at }
  await stores.resources.add({ ...mailbox, removedAt: null })
  await stores.resources.addLogin({
    id: randomUUID(),
    mailboxId: mailbox.id,
    accountId: id,
    name: login,
    createdAt: at,
  })
}

export async function organisationOf({ core }: Installation): Promise<Organisation> {
  const [there] = await core.store.organisations.all()
  if (there) return there
  const organisation: Organisation = {
    id: randomUUID(),
    name: 'Cassiopée',
    country: 'BE',
    timeZone: ZONE,
    locale: 'fr',
    contactEmail: 'bureau@asso.example',
    createdAt: core.clock.now(),
  }
  await core.store.organisations.add(organisation)
  return organisation
}

/** Writes them all; `progress` is told how many are there. */
export async function seed(
  installation: Installation,
  all: readonly Person[],
  password: string,
  progress: (done: number) => void = () => {},
): Promise<void> {
  const { core } = installation
  const { id: organisationId } = await organisationOf(installation)
  const phc = await core.passwords.hash(password)
  const at = core.clock.now()
  const on = civilDate(at, ZONE)
  const day = { organisationId, at, on, until: addDays(on, 200) }
  for (let from = 0; from < all.length; from += BATCH) {
    const batch = all.slice(from, from + BATCH)
    await core.store.transaction(async (stores) => {
      for (const person of batch) await addPerson(stores, person, phc, day)
    })
    progress(from + batch.length)
  }
}
