// Records for the store's contract: complete, of random names, with every column filled in unless the test says otherwise.
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type {
  Account,
  Allocation,
  AppPassword,
  BankFile,
  BankLineRecord,
  Call,
  Client,
  Member,
  MemberEventRecord,
  NewOutboxRow,
  Organisation,
  Override,
  Payment,
  Resource,
  RuleSet,
  SigningKey,
  SiteRegistration,
  StandingInForce,
  Store,
  Stores,
  Tariff,
  TermRecord,
} from '../../src/ports.ts'

export const NOW = Date.parse('2026-06-15T10:00:00Z')
export const id = (): string => randomUUID()
export const word = (): string => `w${randomBytes(6).toString('hex')}`
export const digest = (): string => randomBytes(32).toString('base64url')

export const organisation = (more: Partial<Organisation> = {}): Organisation => ({
  id: id(),
  name: 'Cassiopée',
  country: 'BE',
  timeZone: 'Europe/Brussels',
  locale: 'fr',
  contactEmail: 'bureau@example.org',
  createdAt: NOW,
  ...more,
})
export const member = (organisationId: string, more: Partial<Member> = {}): Member => ({
  id: id(),
  organisationId,
  memberNumber: word(),
  kind: 'person',
  name: 'Zoé Lefèvre 🚲',
  email: `${word()}@example.org`,
  locale: 'nl',
  joinedOn: '2019-03-15',
  source: 'hand',
  createdAt: NOW,
  ...more,
})
export const term = (memberId: string, more: Partial<TermRecord> = {}): TermRecord => ({
  id: id(),
  memberId,
  startOn: '2026-01-01',
  endOn: '2026-12-31',
  dueCents: 6000,
  exempt: false,
  reason: 'convention',
  tariffId: null,
  replacesId: null,
  source: 'hand',
  createdAt: NOW,
  createdBy: 'test',
  ...more,
})
const decided = (organisationId: string) => ({
  id: id(),
  organisationId,
  validFromOn: '2026-01-01',
  decidedOn: '2025-11-22',
  decisionRef: 'AG 2025, point 4 — cotisations',
  createdAt: NOW,
  createdBy: 'test',
})
export const tariff = (organisationId: string, more: Partial<Tariff> = {}): Tariff => ({
  ...decided(organisationId),
  name: 'Membre effectif',
  period: 'year',
  yearStartsOn: '01-01',
  months: 12,
  amountCents: 6000,
  ...more,
})
export const rules = (organisationId: string, more: Partial<RuleSet> = {}): RuleSet => ({
  ...decided(organisationId),
  graceDays: 30,
  lateRenewal: 'restart',
  lateContinueDays: 365,
  toleranceCents: 50,
  reminderDays: [-30, 0, 15],
  ...more,
})
export const call = (of: Pick<Member, 'id' | 'organisationId'>, more: Partial<Call> = {}): Call => ({
  id: id(),
  organisationId: of.organisationId,
  payerId: of.id,
  ogm: String(randomInt(1, 1e12 - 1)).padStart(12, '0'),
  issuedOn: '2026-01-02',
  dueOn: '2026-01-31',
  createdAt: NOW,
  createdBy: 'test',
  cancelledAt: null,
  ...more,
})
export const payment = (of: Pick<Member, 'id' | 'organisationId'>, more: Partial<Payment> = {}): Payment => ({
  id: id(),
  organisationId: of.organisationId,
  payerId: of.id,
  source: 'bank',
  bankLineId: null,
  valueOn: '2026-01-15',
  cents: 6000,
  note: 'cotisation 2026',
  reversesId: null,
  refundsId: null,
  recordedAt: NOW,
  recordedBy: 'test',
  ...more,
})
export const allocation = (paymentId: string, termId: string, cents: number): Allocation => ({
  id: id(),
  paymentId,
  termId,
  cents,
  recordedAt: NOW,
  recordedBy: 'test',
})
export const bankFile = (organisationId: string, more: Partial<BankFile> = {}): BankFile => ({
  id: id(),
  organisationId,
  digest: digest(),
  format: 'camt.053',
  name: 'janvier.xml',
  lineCount: 2,
  importedAt: NOW,
  importedBy: 'test',
  ...more,
})
export const bankLine = (
  { id: fileId, organisationId }: Pick<BankFile, 'id' | 'organisationId'>,
  more: Partial<BankLineRecord> = {},
): BankLineRecord => ({
  id: id(),
  organisationId,
  fileId,
  dedupeKey: digest(),
  account: 'BE71096123456769',
  statementNumber: '12',
  resemblesId: null,
  bookedOn: '2026-01-15',
  valueOn: '2026-01-14',
  cents: 6000,
  counterIban: 'BE68539007547034',
  counterName: 'LEFEVRE ZOE',
  reference: '010806817183',
  text: 'cotisation é',
  bankRef: 'REF 1',
  state: 'new',
  note: null,
  createdAt: NOW,
  ...more,
})
export const memberEvent = (memberId: string, more: Partial<MemberEventRecord> = {}): MemberEventRecord => ({
  id: id(),
  memberId,
  kind: 'resigned',
  effectiveOn: '2026-07-01',
  note: 'par courriel',
  recordedAt: NOW,
  recordedBy: 'test',
  ...more,
})
export const standing = (memberId: string, more: Partial<StandingInForce> = {}): StandingInForce => ({
  memberId,
  standing: 'current',
  coveredUntilOn: '2026-12-31',
  graceUntilOn: null,
  nextChangeOn: '2027-01-01',
  computedOn: '2026-06-15',
  ...more,
})
export const account = (more: Partial<Account> = {}): Account => ({
  id: id(),
  username: word(),
  name: 'Zoé Lefèvre',
  givenName: 'Zoé',
  familyName: 'Lefèvre',
  email: `${word()}@example.org`,
  emailVerifiedAt: NOW,
  locale: 'fr',
  state: 'active',
  directoryKey: null,
  createdAt: NOW,
  lastSignInAt: null,
  ...more,
})
export const override = (more: Partial<Override> = {}): Override => ({
  id: id(),
  memberId: null,
  accountId: null,
  resourceId: null,
  effect: 'deny',
  reasonText: "Envoi en masse: 'oups' %_\\",
  startsAt: NOW,
  endsOn: '2026-07-01',
  begun: true,
  createdBy: 'test',
  createdAt: NOW,
  liftedAt: null,
  liftedBy: null,
  ...more,
})
export const resource = (of: Pick<Member, 'id' | 'organisationId'>, more: Partial<Resource> = {}): Resource => ({
  id: id(),
  organisationId: of.organisationId,
  memberId: of.id,
  kind: 'site',
  name: `${word()}.example.org`,
  createdAt: NOW,
  removedAt: null,
  ...more,
})
export const registration = (memberId: string, more: Partial<SiteRegistration> = {}): SiteRegistration => {
  const name = `${word()}.example`
  return {
    id: id(),
    memberId,
    name,
    url: `https://${name}/blog`,
    kind: 'spip',
    token: word(),
    createdBy: 'cli:zoé',
    createdAt: NOW,
    expiresAt: NOW + 1000,
    ...more,
  }
}
export const client = (organisationId: string, more: Partial<Client> = {}): Client => ({
  clientId: word(),
  organisationId,
  kind: 'spip',
  name: 'Le site',
  service: 'site',
  resourceId: null,
  party: 'first',
  audience: 'members',
  secondFactor: false,
  metadata: {
    redirect_uris: ['https://a.example/cb?é=1'],
    client_uri: 'https://a.example',
    deep: { list: [1, null, true] },
  },
  sealedSecret: 'v1.sealed',
  rolesOfAffiliation: { owner: 'webmestre' },
  createdAt: NOW,
  disabledAt: null,
  ...more,
})
export const signingKey = (more: Partial<SigningKey> = {}): SigningKey => ({
  kid: word(),
  alg: 'ES256',
  state: 'next',
  sealedJwk: `v1.${'x'.repeat(3000)}`,
  createdAt: NOW,
  changedAt: NOW,
  ...more,
})
export const appPassword = (accountId: string, more: Partial<AppPassword> = {}): AppPassword => ({
  id: id(),
  accountId,
  name: word(),
  scopes: ['imap', 'smtp'],
  digest: digest(),
  groupedDigest: null,
  createdAt: NOW,
  createdBy: accountId,
  lastUsedAt: null,
  revokedAt: null,
  revokedBy: null,
  ...more,
})
export const outboxRow = (service: string, subject: string, more: Partial<NewOutboxRow> = {}): NewOutboxRow => ({
  service,
  subject,
  effect: 'row',
  payload: {},
  cause: 'person',
  createdAt: NOW,
  dueAt: NOW,
  ...more,
})

/** An organisation, a member of it and an account affiliated with it as its owner, stored. */
export async function people(store: Store) {
  const org = organisation()
  const of = member(org.id)
  const person = account()
  await store.organisations.add(org)
  await store.members.add(of)
  await store.accounts.add(person)
  await store.people.affiliate({ accountId: person.id, memberId: of.id, role: 'owner', createdAt: NOW })
  return { org, member: of, account: person }
}

/** What is not the same as `name`, though a collation, a padding or a hasty comparison may think so. */
export const nearMisses = (name: string): string[] =>
  [
    name.toUpperCase(),
    `${name} `,
    ` ${name}`,
    `${name}\t`,
    `${name}\u0000`,
    name.replace('e', 'é'),
    name.replace('a', 'à'),
    name.replace('o', 'ö'),
    name.replace(/[a-z]/, (letter) => String.fromCodePoint(letter.codePointAt(0)! - 97 + 0xff41)),
    `${name}\u200b`,
    name.slice(0, -1),
    `${name.slice(0, -1)}%`,
    '%',
    '',
  ].filter((miss) => miss !== name)

/** Everything that comes in pages, one after the other. */
export async function allPages(page: (after: string) => Promise<string[]>): Promise<string[]> {
  const found: string[] = []
  for (let last = await page(''); last.length > 0; last = await page(last.at(-1)!)) found.push(...last)
  return found
}

/** The same question outside and inside a transaction: two ways to the database that must agree. */
export async function bothWays<T>(store: Store, ask: (stores: Stores) => Promise<T>): Promise<T> {
  const outside = await ask(store)
  expect(await store.transaction(ask)).toEqual(outside)
  return outside
}
