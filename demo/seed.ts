// A made-up association: 40 members in every standing, 60 accounts, sites and mailboxes. Seeded through the same use cases
// that people use, so that the audit tells a true story.
import type { Installation } from '../src/compose.ts'
import { addDays, civilDate } from '../src/domain/time.ts'
import type { Account, Member, StaffRole } from '../src/ports.ts'
import { addAccount, affiliate, setGroups, setStaffRoles } from '../src/usecases/accounts.ts'
import { addClient } from '../src/usecases/clients.ts'
import { addMember, addOpeningTerm, recordMemberEvent } from '../src/usecases/members.ts'
import { addLogin, addResource } from '../src/usecases/resources.ts'
import { refresh } from '../src/usecases/standing.ts'
import { suspend } from '../src/usecases/suspend.ts'
import { associations, people } from './people.ts'

const ACTOR = 'demo'
const DOMAIN = 'cassiopee.example'
export const RELYING_PARTY = 'http://localhost:3001'

const MEMBERS = 40
/** Days from today until the last covered day, where it is not 240; `none`: nothing was ever paid, `soon`: begins soon. */
const cover: Record<number, number | 'none' | 'soon'> = {
  ...{ 3: 60, 4: 20, 5: 5, 6: 0, 8: 120, 9: 300, 17: 90, 36: 180 },
  ...{ 12: -3, 14: -12, 16: -25, 32: -29 },
  ...{ 18: -60, 20: -200, 22: -45, 30: -95, 38: -400 },
  ...{ 26: 'none', 27: 'none', 33: 'soon' },
}
const events: Record<number, Parameters<ReturnType<typeof recordMemberEvent>>[0]['kind']> = {
  9: 'resigned',
  24: 'deceased',
  36: 'dissolved',
}

/** A membership that was paid for and begins in ten days. */
const beginSoon = (core: Installation['core'], member: Member, on: string): Promise<unknown> =>
  core.store.transaction(async (stores) => {
    await addOpeningTerm(core, stores, member.id, addDays(on, 10), addDays(on, 374), 'opening')
    await refresh(core, stores, member.id, on, 'person', ACTOR)
  })

async function seedMembers({ core }: Installation, progress: (done: number) => void): Promise<Member[]> {
  const on = civilDate(core.clock.now(), 'Europe/Brussels')
  const members: Member[] = []
  for (let at = 0; at < MEMBERS; at++) {
    const days = cover[at] ?? 240
    const association = at % 5 === 4 ? associations[(at - 4) / 5] : undefined
    const person = people[at]!
    const member = await addMember(core)({
      memberNumber: String(101 + at),
      kind: association ? 'association' : 'person',
      name: association ?? `${person.givenName} ${person.familyName}`,
      email: `${person.username}@${DOMAIN}`,
      joinedOn: addDays(on, -900 + at * 17),
      coveredUntilOn: typeof days === 'number' ? addDays(on, days) : null,
      actor: ACTOR,
    })
    if (days === 'soon') await beginSoon(core, member, on)
    const kind = events[at]
    if (kind) await recordMemberEvent(core)({ memberId: member.id, kind, actor: ACTOR })
    members.push(member)
    progress(at + 1)
  }
  return members
}

async function seedAccounts(installation: Installation, members: readonly Member[], phc: string): Promise<Account[]> {
  const { core } = installation
  const accounts: Account[] = []
  for (const [at, person] of people.entries()) {
    const account = await addAccount(core)({
      ...person,
      email: `${person.username}@${DOMAIN}`,
      actor: ACTOR,
      locale: at % 9 === 8 ? 'nl' : 'fr',
    })
    await core.store.credentials.setPassword(account.id, phc, core.clock.now())
    // The first forty own their membership; the rest are people of the associations.
    const member = at < members.length ? members[at]! : members[((at - members.length) % 8) * 5 + 4]!
    await affiliate(core)({
      accountId: account.id,
      memberId: member.id,
      role: at < members.length ? 'owner' : at % 3 === 0 ? 'technical' : 'user',
      actor: ACTOR,
    })
    accounts.push(account)
  }
  const staff: [number, StaffRole[]][] = [
    [0, ['admin']],
    [1, ['treasurer']],
    [2, ['helper']],
  ]
  for (const [at, roles] of staff) await setStaffRoles(core)({ accountId: accounts[at]!.id, roles, actor: ACTOR })
  for (const at of [0, 1, 2, 7])
    await setGroups(core)({ accountId: accounts[at]!.id, groups: ['bureau'], actor: ACTOR })
  return accounts
}

async function seedResources(
  { core }: Installation,
  members: readonly Member[],
  accounts: readonly Account[],
): Promise<void> {
  for (const [at, member] of members.entries()) {
    if (at % 3 === 0 || member.kind === 'association')
      await addResource(core)({
        memberId: member.id,
        kind: 'site',
        name: `${accounts[at]!.familyName.toLowerCase()
          .normalize('NFD')
          .replace(/[^a-z]/g, '')}${at}.example`,
        actor: ACTOR,
      })
    if (at % 2 === 0) {
      const mailbox = await addResource(core)({
        memberId: member.id,
        kind: 'mailbox',
        name: `${accounts[at]!.username}@${DOMAIN}`,
        actor: ACTOR,
      })
      await addLogin(core)({ mailboxId: mailbox.id, accountId: accounts[at]!.id, actor: ACTOR })
    }
  }
}

/** Fills an empty installation; the password that all its accounts share. */
export async function seed(
  installation: Installation,
  password: string,
  progress: (done: number) => void,
): Promise<void> {
  const { core } = installation
  await core.store.organisations.add({
    id: core.random.uuid(),
    name: 'Cassiopée ASBL',
    country: 'BE',
    timeZone: 'Europe/Brussels',
    locale: 'fr',
    contactEmail: `bureau@${DOMAIN}`,
    createdAt: core.clock.now(),
  })
  const members = await seedMembers(installation, progress)
  const accounts = await seedAccounts(installation, members, await core.passwords.hash(password))
  await seedResources(installation, members, accounts)
  await suspend(core)({
    target: { accountId: accounts[11]!.id },
    reason: 'Le formulaire du site envoyait du courrier indésirable. Écrivez-nous dès que le script est réparé.',
    actor: ACTOR,
  })
}

/** The client of the small page to sign in to; its secret, newly made at each start. */
export async function seedClient({ core }: Installation): Promise<{ clientId: string; clientSecret: string }> {
  const clientId = 'demo'
  if (await core.store.clients.get(clientId)) await core.store.clients.remove(clientId)
  const { clientSecret } = await addClient(core)({
    kind: 'other',
    clientId,
    name: 'Le petit service de démonstration',
    url: RELYING_PARTY,
    plugin: {
      summary: 'the demonstration',
      client: (url) => ({
        redirectUris: [`${url}/callback`],
        postLogoutRedirectUris: [`${url}/`],
        backchannelLogoutUri: `${url}/backchannel`,
        tokenEndpointAuthMethod: 'client_secret_basic',
      }),
    },
    actor: ACTOR,
  })
  return { clientId, clientSecret }
}
