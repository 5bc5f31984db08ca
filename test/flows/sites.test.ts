// A site's own page, for those who look after it: open or why not, who may edit, how its services do, its kit and secret.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import spip from '../../plugins/spip/index.ts'
import type { AffiliationRole } from '../../src/domain/access.ts'
import type { Client, Member, Resource } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { removePerson } from '../../src/usecases/association-people.ts'
import { addClient, setClientDisabled, setClientRole } from '../../src/usecases/clients.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { signOutEverywhere, suspend } from '../../src/usecases/suspend.ts'
import { browserOf, open, read, titleOf, tokenOf } from '../support/at-home.ts'
import { type Browser, createBrowser, linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { follow, relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
let n = 0
let member: Member
let site: Resource
let client: Client
let owner: Person
const core = () => house.installation.core

beforeAll(async () => {
  house = await startHouse()
})
afterAll(() => house.stop())

const association = (coveredUntilOn = '2099-12-31'): Promise<Member> =>
  addMember(core())({
    memberNumber: `A-${++n}`,
    kind: 'association',
    name: `Les Amis ${n}`,
    email: null,
    joinedOn: '2020-01-01',
    coveredUntilOn,
    actor: 'test',
  })
async function one(of: Member, role: AffiliationRole): Promise<Person> {
  const made = await house.person({ username: `p${++n}` })
  await affiliate(core())({ accountId: made.account.id, memberId: of.id, role, actor: 'test' })
  return made
}
const siteOf = ({ id }: Member) =>
  addResource(core())({ memberId: id, kind: 'site', name: `s${++n}.example`, actor: 'test' })
const clientOf = async (of: Resource): Promise<Client> =>
  (
    await addClient(core())({
      kind: 'spip',
      name: `Le site ${of.name}`,
      url: `https://${of.name}`,
      plugin: spip,
      site: of,
      actor: 'test',
    })
  ).client

beforeEach(async () => {
  member = await association()
  site = await siteOf(member)
  client = await clientOf(site)
  owner = await one(member, 'owner')
})

const page = ({ id } = site, path = '') => `/account/sites/${id}${path}`
const post = async (browser: Browser, at: Reply, fields: Record<string, string>): Promise<Reply> =>
  follow(
    browser,
    await browser.fetch(at.url, { form: { csrf: tokenOf(at), client: client.clientId, ...fields } }),
    'never:',
  )
const rolesOf = async ({ account }: Person) =>
  (await core().store.clients.rolesOn(client.clientId))
    .filter(({ subject }) => subject === account.id)
    .map(({ role }) => role)
const lastAudit = async (subjectId: string) => (await core().store.audit.list({ subjectId, limit: 1 }))[0]

describe('the way there', () => {
  test.each(['owner', 'admin', 'technical'] as const)('%s finds it from home', async (role) => {
    const who = await one(member, role)
    const browser = await browserOf(house, who)
    const list = await open(house, browser, linkOf(await open(house, browser, '/'), /account\/sites/))
    expect([titleOf(list), read(list)]).toEqual([
      'Sites dont je m’occupe',
      expect.stringContaining(`${site.name} ${member.name} Ouvert`),
    ])
    const shown = await open(house, browser, linkOf(list, /account\/sites\/[0-9a-f-]{36}/))
    expect(titleOf(shown)).toBe(site.name)
    expect(read(shown)).toContain('Le site public Ouvert S’y connecter et y écrire Ouvert')
  })

  test.each(['billing', 'user'] as const)('%s has none', async (role) => {
    const browser = await browserOf(house, await one(member, role))
    expect((await open(house, browser, '/')).text).not.toContain('/account/sites')
    expect(read(await open(house, browser, '/account/sites'))).toContain('Vous ne vous occupez d’aucun site.')
    expect((await open(house, browser, page())).status).toBe(404)
  })

  test('sites of several members, by name, and none that was removed', async () => {
    const other = await association()
    await affiliate(core())({ accountId: owner.account.id, memberId: other.id, role: 'technical', actor: 'test' })
    const [second, gone] = [await siteOf(other), await siteOf(other)]
    await core().store.resources.remove(gone.id, house.clock.now())
    const browser = await browserOf(house, owner)
    const list = await open(house, browser, '/account/sites')
    const names = [...list.text.matchAll(/sites\/[0-9a-f-]{36}">([^<]+)</g)].map(([, name]) => name)
    expect(names).toEqual([site.name, second.name].toSorted())
    expect((await open(house, browser, page(gone))).status).toBe(404)
  })
})

describe('open, or why not', () => {
  test('a lapse shuts the editing and leaves the public site up', async () => {
    const late = await association('2020-12-31')
    const [its, who] = [await siteOf(late), await one(late, 'owner')]
    const shown = await open(house, await browserOf(house, who), page(its))
    expect(read(shown)).toContain('Le site public Ouvert S’y connecter et y écrire Fermé adhésion échue')
    expect(shown.text).toContain('aria-label="Pourquoi c’est fermé"')
    expect(read(shown)).toContain('Ce site n’est pas encore relié')
  })

  test('a suspension of the member is told with its reason; nothing can be changed until it is lifted', async () => {
    const guest = await one(member, 'user')
    await suspend(core())({ target: { memberId: member.id }, reason: 'Courrier indésirable', actor: 'test' })
    const browser = await browserOf(house, owner)
    const shown = await open(house, browser, page())
    for (const part of ['vous pouvez regarder, sans rien changer', 'Courrier indésirable', 'accès suspendu'])
      expect(read(shown)).toContain(part)
    expect(shown.text).not.toContain('value="give"')
    for (const path of ['/kit', '/secret']) {
      expect(shown.text).not.toContain(page(site, path))
      expect((await open(house, browser, page(site, path))).status).toBe(404)
    }
    const csrf = tokenOf(await open(house, browser, '/'))
    const form = { csrf, client: client.clientId, account: guest.account.id, role: 'admin', act: 'give' }
    expect((await browser.fetch(house.issuer + page(), { form })).status).toBe(403)
    expect(await rolesOf(guest)).toEqual([])
  })

  test('a site without a client, and one that was switched off, say so', async () => {
    const browser = await browserOf(house, owner)
    await setClientDisabled(core())({ clientId: client.clientId, disabled: true, actor: 'test' })
    const off = await open(house, browser, page())
    expect(read(off)).toContain('L’hébergeur a désactivé la connexion à ce site.')
    expect(off.text).not.toContain('value="give"')
    expect((await open(house, browser, page(site, '/kit'))).status).toBe(404)
  })
})

describe('who may edit', () => {
  test('by their role there already, by name when given, and not any more when taken back', async () => {
    const guest = await one(member, 'billing')
    const browser = await browserOf(house, owner)
    const before = await open(house, browser, page())
    expect(read(before)).toContain(`${owner.account.name} (vous) ${owner.account.username} webmestre par son rôle`)
    // Whoever has no role there is a choice of the form, and no editor.
    expect(read(before).split('Donner un rôle')[0]).not.toContain(guest.account.username)
    const given = await post(browser, before, { act: 'give', account: guest.account.id, role: 'redacteur' })
    expect([given.url, await rolesOf(guest)]).toEqual([house.issuer + page(), ['redacteur']])
    expect((await core().doors.access(guest.account.id, client.clientId)).roles).toEqual(['redacteur'])
    expect(await lastAudit(client.clientId)).toMatchObject({
      action: 'client.role_set',
      actor: owner.account.id,
      payload: { to: `account:${guest.account.id}`, role: 'redacteur' },
    })
    expect(read(given)).toContain(`${guest.account.username} redacteur Reprendre`)
    await post(browser, given, { act: 'take', account: guest.account.id, role: 'redacteur' })
    expect([await rolesOf(guest), (await core().doors.access(guest.account.id, client.clientId)).access]).toEqual([
      [],
      'none',
    ])
  })

  test('one’s own role too', async () => {
    const tech = await one(member, 'technical')
    const browser = await browserOf(house, tech)
    await post(browser, await open(house, browser, page()), { act: 'give', account: tech.account.id, role: 'visiteur' })
    expect(await rolesOf(tech)).toEqual(['visiteur'])
    const shown = await open(house, browser, page())
    await post(browser, shown, { act: 'take', account: tech.account.id, role: 'visiteur' })
    expect(await rolesOf(tech)).toEqual([])
  })

  test('what the host gave to others is shown and stays', async () => {
    const outsider = await house.person({ username: `out${++n}` })
    const give = (subjectKind: 'account' | 'group', subject: string) =>
      setClientRole(core())({ clientId: client.clientId, subjectKind, subject, role: 'redacteur', actor: 'test' })
    await give('account', outsider.account.id)
    await give('group', 'bureau')
    const browser = await browserOf(house, owner)
    const shown = await open(house, browser, page())
    expect(read(shown)).toContain('groupe bureau donné par l’hébergeur redacteur')
    expect(read(shown)).toContain(`${outsider.account.username} donné par l’hébergeur redacteur`)
    const taken = await post(browser, shown, { act: 'take', account: outsider.account.id, role: 'redacteur' })
    expect([taken.status, await rolesOf(outsider)]).toEqual([404, ['redacteur']])
  })

  test('a role that the site does not know is refused; where any word is one, it is kept as typed', async () => {
    const browser = await browserOf(house, owner)
    const shown = await open(house, browser, page())
    for (const role of ['root', '', 'redacteur admin', 'webmestre '.repeat(9)])
      expect((await post(browser, shown, { act: 'give', account: owner.account.id, role })).status).toBe(422)
    expect(await rolesOf(owner)).toEqual([])
    const rp = await relyingParty(house, { site, name: 'Le forum' })
    const two = await open(house, browser, page())
    expect([...two.text.matchAll(/<h3>/g)]).toHaveLength(2)
    const forum = { client: rp.clientId, act: 'give', account: owner.account.id }
    const refused = await post(browser, two, { ...forum, role: 'deux mots' })
    expect(refused.text).toMatch(/value="deux mots"[^>]* aria-invalid="true"/)
    await post(browser, two, { ...forum, role: 'animation' })
    expect((await core().store.clients.rolesOn(rp.clientId)).map(({ role }) => role)).toEqual(['animation'])
    await rp.close()
  })

  test('whoever leaves the member loses the role that was given', async () => {
    const guest = await one(member, 'billing')
    const browser = await browserOf(house, owner)
    await post(browser, await open(house, browser, page()), {
      act: 'give',
      account: guest.account.id,
      role: 'redacteur',
    })
    await removePerson(core())({ memberId: member.id, actor: owner.account.id, accountId: guest.account.id })
    expect(await rolesOf(guest)).toEqual([])
  })
})

describe('its services', () => {
  test('a site that does not hear of sign-outs is told so in words, and when it is tried again', async () => {
    const rp = await relyingParty(house, { site, name: 'Le forum', audience: 'members' })
    const guest = await one(member, 'user')
    await signInAt(rp, createBrowser(), house.issuer, guest.account.username, guest.password)
    const browser = await browserOf(house, owner)
    const shown = async () => read(await open(house, browser, page()))
    expect(await shown()).toContain('annoncées à Le forum À jour')
    rp.backchannel.status = 503
    await signOutEverywhere(core())({ accountId: guest.account.id, actor: 'test' })
    await expect
      .poll(shown, { timeout: 8_000 })
      .toMatch(/Le forum Ne répond pas Un changement attend depuis le .*Prochain essai/)
    // The service's own words may hold what is not for them.
    expect(await shown()).not.toContain('503')
    rp.backchannel.status = 200
    await expect.poll(shown, { timeout: 10_000 }).toContain('annoncées à Le forum À jour')
    await rp.close()
  })
})

describe('kit and secret', () => {
  const secretOf = async () =>
    core().vault.open((await core().store.clients.get(client.clientId))!.sealedSecret!, `client:${client.clientId}`)

  test('the kit is downloaded again, with the secret as it is, and the audit tells of it', async () => {
    const browser = await browserOf(house, await one(member, 'technical'))
    const form = await open(house, browser, linkOf(await open(house, browser, page()), /\/kit/))
    expect(read(form)).toContain('Le kit contient le secret du client')
    const secret = await secretOf()
    const wrong = await post(browser, form, { options: 'single_door=perhaps' })
    expect([wrong.status, wrong.text.includes('id="options-wrong"')]).toEqual([422, true])
    expect(wrong.text).toContain('single_door=perhaps')
    expect((await lastAudit(client.clientId))!.action).toBe('client.added')
    const kit = await post(browser, form, { options: 'single_door=yes' })
    expect([kit.status, kit.headers['content-type'], kit.headers['cache-control']]).toEqual([
      200,
      'application/x-tar',
      'no-store',
    ])
    expect(kit.text).toContain(secret)
    expect(kit.text).toContain("define('_SCHEDAR_SEUL', true)")
    expect(await secretOf()).toBe(secret)
    expect((await lastAudit(client.clientId))!.action).toBe('client.kit_taken')
  })

  test('the kit listens where an older registration does not tell: from then on it does', async () => {
    const { schedar_status_uri, ...metadata } = client.metadata
    await core().store.clients.update({ ...client, metadata })
    const browser = await browserOf(house, owner)
    await post(browser, await open(house, browser, page(site, '/kit')), { options: '' })
    expect(schedar_status_uri).toMatch(/schedar_statut$/)
    expect((await core().store.clients.get(client.clientId))!.metadata).toEqual(client.metadata)
  })

  test('a new secret is made by an explicit act alone, shown once, and is in the next kit', async () => {
    const browser = await browserOf(house, owner)
    const before = await secretOf()
    const ask = await open(house, browser, linkOf(await open(house, browser, page()), /\/secret/))
    expect(await secretOf()).toBe(before)
    const done = await post(browser, ask, {})
    const after = await secretOf()
    expect([after === before, done.text.includes(after), done.headers['cache-control']]).toEqual([
      false,
      true,
      'no-store',
    ])
    expect(await lastAudit(client.clientId)).toMatchObject({ action: 'client.secret_rotated', actor: owner.account.id })
    expect((await open(house, browser, page())).text).not.toContain(after)
    const kit = await open(house, browser, linkOf(done, /\/kit/))
    expect((await post(browser, kit, { options: '' })).text).toContain(after)
    expect(house.logged.join('\n')).not.toContain(after)
  })

  test('both ask for the password again after a quarter of an hour', async () => {
    const browser = await browserOf(house, owner)
    house.clock.advance(16 * 60_000)
    expect(titleOf(await open(house, browser, page()))).toBe(site.name)
    for (const path of ['/kit', '/secret'])
      expect(titleOf(await open(house, browser, page(site, path)))).toBe('Se connecter')
  })
})
