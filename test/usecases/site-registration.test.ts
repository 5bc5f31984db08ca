// Who may connect which site, where it is decided: names that are somebody's, proofs that are not there, limits, an admin's hand.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import apache from '../../plugins/apache/index.ts'
import dokuwiki from '../../plugins/dokuwiki/index.ts'
import forwardAuth from '../../plugins/forward-auth/index.ts'
import spip from '../../plugins/spip/index.ts'
import { parseConfig } from '../../src/config.ts'
import type { Core } from '../../src/core.ts'
import { proofLine } from '../../src/domain/site-address.ts'
import type { Account, FileSeen, Member, SiteProbe, SiteRegistration, TextsSeen } from '../../src/ports.ts'
import { addClient } from '../../src/usecases/clients.ts'
import { addResource } from '../../src/usecases/resources.ts'
import {
  approveRegistration,
  checkRegistration,
  listRegistrations,
  readRegistration,
  refuseRegistration,
  registerSite,
  withdrawRegistration,
} from '../../src/usecases/site-registration.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { type Society, society } from '../support/people.ts'

let on: Society
let core: Core
let member: Member
let owner: Account
let n = 0
const YAML = `
issuer: https://login.host.example
sites: { pendingPerMember: 3, reserved: [kept.example], withoutProof: [hosted.example] }
mail: { url: 'smtp://mx.host.example:25' }
mailSetup: { imap: { host: imap.host.example }, smtp: { host: smtp.host.example } }
`
const name = (under = 'example') => `s${++n}.${under}`

beforeAll(async () => {
  on = await society()
  core = { ...on.core, config: parseConfig(YAML) }
})
beforeEach(async () => {
  member = await on.association()
  owner = await on.one(member, 'owner')
})
afterAll(() => on.on.close())

const register = (address = name(), more = {}) =>
  registerSite(core)({ memberId: member.id, address, kind: 'spip', plugin: spip, actor: owner.id, ...more })
const sees = (file: FileSeen = { seen: 'no_address' }, texts: TextsSeen = { seen: 'nothing' }): SiteProbe => ({
  file: async () => file,
  texts: async () => texts,
})
const check = ({ id }: SiteRegistration, probe: SiteProbe, actor = owner.id) =>
  checkRegistration(core, probe)({ id, actor, plugin: spip })
const proofOf = ({ token }: SiteRegistration) =>
  sees({ seen: 'text', text: `\ufeffhello\r\n ${proofLine(token)} \r\n` })
const siteNamed = (one: string) => core.store.resources.byName('site', one)
const codes = (...wanted: string[]) => expect.objectContaining({ code: expect.toBeOneOf(wanted) })
const actions = async () =>
  (await core.store.audit.list({ subjectId: member.id, action: 'site.' })).map(({ action }) => action)

describe('a proof', () => {
  test.each(['file', 'dns'] as const)('by %s gives the member the site with its client', async (by) => {
    const { registration } = await register(`${name()}/blog`)
    const line = proofLine(registration.token)
    const probe = by === 'file' ? proofOf(registration) : sees(undefined, { seen: 'texts', texts: ['v=spf1', line] })
    const { site, ...found } = await check(registration, probe)
    expect([found.by, site]).toMatchObject([by, { memberId: member.id, name: registration.name, kind: 'site' }])
    const [client, ...more] = await core.store.clients.ofResource(site!.id)
    expect([more, client]).toMatchObject([
      [],
      { kind: 'spip', audience: 'listed', metadata: { client_uri: registration.url } },
    ])
    expect(await core.doors.access(owner.id, client!.clientId)).toMatchObject({ access: 'full' })
    expect(await core.store.registrations.ofMember(member.id)).toEqual([])
    expect(await actions()).toEqual(['site.registered', 'site.registration_proved'])
    await expect(check(registration, probe)).rejects.toEqual(codes('not_found'))
    await expect(register(registration.name)).rejects.toEqual(codes('site_connected'))
  })

  test.each<[string, (token: string) => SiteProbe]>([
    ['nothing', () => sees()],
    ['another text', () => sees({ seen: 'text', text: 'schedar-site=x' }, { seen: 'texts', texts: ['x'] })],
    ['the line within another', (token) => sees({ seen: 'text', text: `x${proofLine(token)}` })],
    ['a longer one', (token) => sees(undefined, { seen: 'texts', texts: [`${proofLine(token)}x`] })],
    ['the token alone', (token) => sees({ seen: 'text', text: token }, { seen: 'texts', texts: [token] })],
    ['a redirect', () => sees({ seen: 'redirect', host: 'x.example' })],
    ['nothing in time', () => sees({ seen: 'slow' }, { seen: 'unanswered' })],
  ])('%s is none; it can be come back to', async (_, probe) => {
    const { registration } = await register()
    const found = await check(registration, probe(registration.token))
    expect([found.by, found.site]).toEqual([undefined, undefined])
    expect(await siteNamed(registration.name)).toBeUndefined()
    expect(await readRegistration(core)({ id: registration.id, actor: owner.id })).toEqual(registration)
  })

  test('of somebody else’s registration is worth nothing here', async () => {
    const { registration } = await register()
    const other = await on.association()
    const rival = await on.one(other, 'owner')
    const theirs = (await register(registration.name, { memberId: other.id, actor: rival.id })).registration
    expect(theirs.token).not.toBe(registration.token)
    expect((await check(theirs, proofOf(registration), rival.id)).by).toBeUndefined()
    // The first proof wins; the second takes nothing away.
    await check(registration, proofOf(registration))
    await expect(check(theirs, proofOf(theirs), rival.id)).rejects.toEqual(codes('site_taken'))
    expect((await siteNamed(registration.name))?.memberId).toBe(member.id)
  })

  test('of a name that became another’s meanwhile gives nothing', async () => {
    const { registration } = await register()
    const other = await on.association()
    await addResource(core)({ memberId: other.id, kind: 'site', name: registration.name, actor: 'test' })
    await expect(check(registration, proofOf(registration))).rejects.toEqual(codes('site_taken'))
    expect((await siteNamed(registration.name))?.memberId).toBe(other.id)
  })

  test('two at once give one site and one client', async () => {
    const { registration } = await register()
    const both = await Promise.allSettled([1, 2].map(() => check(registration, proofOf(registration))))
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const site = await siteNamed(registration.name)
    expect(await core.store.clients.ofResource(site!.id)).toHaveLength(1)
  })

  test('after its end: none; begun anew, with another line', async () => {
    const { registration } = await register()
    on.on.clock.advance(14 * 86_400_000)
    await expect(check(registration, proofOf(registration))).rejects.toEqual(codes('link_expired'))
    const again = (await register(registration.name)).registration
    expect(again.token).not.toBe(registration.token)
    expect((await core.store.registrations.ofMember(member.id)).map(({ id }) => id)).toEqual([again.id])
  })
})

describe('whose a name is', () => {
  const held = async (one: string) => {
    const other = await on.association()
    return addResource(core)({ memberId: other.id, kind: 'site', name: one, actor: 'test' })
  }
  test.each<[string, (one: string) => Promise<unknown>]>([
    ['another’s site', held],
    ['its www.', (one) => held(`www.${one}`)],
    ['one that was removed', async (one) => core.store.resources.remove((await held(one)).id, 1)],
    [
      'a service of the house',
      (one) => addClient(core)({ kind: 'spip', name: 'x', url: `https://${one}/x`, plugin: spip, actor: 'test' }),
    ],
  ])('%s is taken, and no more is told', async (_, take) => {
    const one = name()
    await take(one)
    await expect(register(one)).rejects.toEqual(codes('site_taken'))
    expect(await core.store.registrations.ofMember(member.id)).toEqual([])
  })

  test.each(['login.host.example', 'x.login.host.example', 'host.example', 'a.kept.example', 'imap.host.example'])(
    '%s is the house’s',
    async (one) => {
      await expect(register(one)).rejects.toEqual(codes('site_reserved'))
    },
  )

  test('one’s own site gets its client by a proof, or without where the association hosts it', async () => {
    const own = await addResource(core)({ memberId: member.id, kind: 'site', name: name(), actor: 'test' })
    const { registration, site } = await register(own.name)
    expect(site).toBeUndefined()
    expect((await check(registration, proofOf(registration))).site?.id).toBe(own.id)
    const hosted = await addResource(core)({
      memberId: member.id,
      kind: 'site',
      name: name('hosted.example'),
      actor: 'test',
    })
    expect((await register(hosted.name)).site?.id).toBe(hosted.id)
    expect(await core.store.clients.ofResource(hosted.id)).toHaveLength(1)
    // Not the member’s yet: below the host’s name everybody proves.
    expect((await register(name('hosted.example'))).site).toBeUndefined()
    expect((await register(name('nothosted.example'))).site).toBeUndefined()
  })
})

describe('who, and what', () => {
  test('owner, admin, technical of a member in order; nobody else, whatever they had begun', async () => {
    for (const role of ['owner', 'admin', 'technical'] as const)
      await register(name(), { actor: (await on.one(member, role)).id })
    const { registration } = await register((await core.store.registrations.ofMember(member.id))[0]!.name)
    const strangers = [
      await on.one(member, 'billing'),
      await on.one(member, 'user'),
      await on.one(await on.association(), 'owner'),
      await on.staff(),
    ]
    for (const { id: actor } of strangers) {
      await expect(register(name(), { actor })).rejects.toEqual(codes('not_found'))
      await expect(check(registration, proofOf(registration), actor)).rejects.toEqual(codes('not_found'))
      await expect(readRegistration(core)({ id: registration.id, actor })).rejects.toEqual(codes('not_found'))
      await expect(withdrawRegistration(core)({ id: registration.id, actor })).rejects.toEqual(codes('not_found'))
    }
  })

  test.each(['applicant', 'future', 'lapsed', 'closed'] as const)('%s begins none', async (standing) => {
    await core.store.standings.put(make.standing(member.id, { standing }))
    await expect(register()).rejects.toEqual(codes('not_found'))
  })

  test('nobody who is suspended, or whose member is, between the form and the proof', async () => {
    const { registration } = await register()
    await suspend(core)({ target: { memberId: member.id }, reason: 'abus', actor: 'test' })
    await expect(check(registration, proofOf(registration))).rejects.toEqual(codes('not_found'))
    await expect(register()).rejects.toEqual(codes('not_found'))
    expect(await siteNamed(registration.name)).toBeUndefined()
  })

  test('nor while the site is being looked at', async () => {
    const { registration } = await register()
    const slow: SiteProbe = {
      ...proofOf(registration),
      texts: async () => {
        await suspend(core)({ target: { accountId: owner.id }, reason: 'abus', actor: 'test' })
        return { seen: 'nothing' }
      },
    }
    await expect(check(registration, slow)).rejects.toEqual(codes('not_found'))
    expect(await siteNamed(registration.name)).toBeUndefined()
    expect(await core.store.registrations.get(registration.id)).toEqual(registration)
  })

  test('switched off, for nobody', async () => {
    const off = { ...core, config: parseConfig('sites: { selfService: false }') }
    const input = { memberId: member.id, address: name(), kind: 'spip', plugin: spip, actor: owner.id }
    await expect(registerSite(off)(input)).rejects.toEqual(codes('not_found'))
    expect(await listRegistrations(off)((await core.store.access.account(owner.id))!)).toEqual([])
  })

  test('kits that an owner installs alone, and addresses that each takes', async () => {
    for (const [kind, plugin] of [
      ['apache', apache],
      ['forward-auth', forwardAuth],
    ] as const)
      expect((await register(name(), { kind, plugin })).registration.kind).toBe(kind)
    await expect(register(name(), { kind: 'dokuwiki', plugin: dokuwiki })).rejects.toEqual(codes('invalid_value'))
    await expect(register(name(), { kind: 'x', plugin: undefined })).rejects.toEqual(codes('invalid_value'))
    // Forward authentication protects a whole host.
    const deep = register(`${name()}/blog`, { kind: 'forward-auth', plugin: forwardAuth })
    await expect(deep).rejects.toEqual(codes('site_address_refused'))
  })

  test('so many at once and no more; one that is given up makes place', async () => {
    const [first] = [await register(), await register(), await register()]
    await expect(register()).rejects.toMatchObject({ code: 'limit_reached', params: { most: 3 } })
    await register(first.registration.name)
    const [{ id }] = (await core.store.registrations.ofMember(member.id)) as [SiteRegistration]
    await withdrawRegistration(core)({ id, actor: owner.id })
    await register()
  })

  test('looking is slowed down, by person and by host', async () => {
    const { registration } = await register()
    let looked = 0
    const file = async (): Promise<FileSeen> => {
      looked++
      return { seen: 'no_address' }
    }
    const probe: SiteProbe = { ...sees(), file }
    const tries = await Promise.allSettled(Array.from({ length: 25 }, () => check(registration, probe)))
    expect([looked, tries.filter(({ status }) => status === 'rejected')]).toEqual([
      20,
      Array(5).fill({ status: 'rejected', reason: codes('too_many_tries') }),
    ])
  })
})

describe('by an admin’s hand', () => {
  test('not past its end', async () => {
    const { registration } = await register()
    on.on.clock.advance(14 * 86_400_000)
    const by = { id: registration.id, actor: (await on.staff()).id, plugin: spip }
    await expect(approveRegistration(core)(by)).rejects.toEqual(codes('link_expired'))
    expect(await siteNamed(registration.name)).toBeUndefined()
  })

  test('approved without proof, or refused; never what is another’s', async () => {
    const staff = await on.staff()
    const [one, two, three] = [await register(), await register(), await register()].map((each) => each.registration)
    const by = (id: string) => ({ id, actor: staff.id, plugin: spip })
    expect((await approveRegistration(core)(by(one!.id))).memberId).toBe(member.id)
    await refuseRegistration(core)({ id: two!.id, actor: staff.id })
    const other = await on.association()
    await addResource(core)({ memberId: other.id, kind: 'site', name: three!.name, actor: 'test' })
    await expect(approveRegistration(core)(by(three!.id))).rejects.toEqual(codes('site_taken'))
    for (const { id } of [one!, two!])
      await expect(approveRegistration(core)(by(id))).rejects.toEqual(codes('not_found'))
    expect((await actions()).slice(3)).toEqual(['site.registration_approved', 'site.registration_refused'])
  })
})
