// The rights over a site, where they are decided: whatever a page lets through, none of this reaches another's.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AffiliationRole } from '../../src/domain/access.ts'
import type { Account, Client, Member, Resource } from '../../src/ports.ts'
import { lookAtSite, rotateSiteSecret, setSiteRole, takeSiteKit } from '../../src/usecases/own-sites.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import * as make from '../contract/store-records.ts'
import { type Society, society } from '../support/people.ts'

type Place = { member: Member; site: Resource; client: Client; owner: Account }
let on: Society
let mine: Place
let theirs: Place

async function place(): Promise<Place> {
  const { store } = on.on.first
  const member = await on.association()
  const site = make.resource(member)
  await store.resources.add(site)
  const sealedSecret = 'sealed'
  const client = make.client(on.organisation.id, { resourceId: site.id, sealedSecret, rolesOfAffiliation: {} })
  await store.clients.add(client)
  return { member, site, client, owner: await on.one(member, 'owner') }
}
beforeAll(async () => {
  on = await society()
  ;[mine, theirs] = [await place(), await place()]
})
afterAll(() => on.on.close())

const rolesOn = ({ client }: Place) => on.on.first.store.clients.rolesOn(client.clientId)
/** All that can be done at a site's client. */
const acts = (of: { siteId: string; clientId: string; actor: string }, accountId: string) => [
  () => setSiteRole(on.core)({ ...of, accountId, role: 'editor' }),
  () => setSiteRole(on.core)({ ...of, accountId, role: 'editor', remove: true }),
  () => rotateSiteSecret(on.core)(of),
  () => takeSiteKit(on.core)({ ...of, plugin: { summary: 'x' } }),
]
const refused = async (of: Parameters<typeof acts>[0], accountId: string, code: string) => {
  const before = [await rolesOn(mine), await rolesOn(theirs)]
  for (const act of acts(of, accountId)) await expect(act()).rejects.toMatchObject({ code })
  expect([await rolesOn(mine), await rolesOn(theirs)]).toEqual(before)
}
const at = ({ site, client }: Place, { id: actor }: Account) => ({ siteId: site.id, clientId: client.clientId, actor })

test('an owner, admin or technical does all of it, also for themselves', async () => {
  for (const role of ['owner', 'admin', 'technical'] as const) {
    const who = await on.one(mine.member, role)
    await setSiteRole(on.core)({ ...at(mine, who), accountId: who.id, role: 'editor' })
    expect(await rolesOn(mine)).toMatchObject([{ subject: who.id, role: 'editor' }])
    await setSiteRole(on.core)({ ...at(mine, who), accountId: who.id, role: 'editor', remove: true })
    expect(await rotateSiteSecret(on.core)(at(mine, who))).toMatch(/^[\w-]{43}$/)
    await takeSiteKit(on.core)({ ...at(mine, who), plugin: { summary: 'x' } })
    expect((await lookAtSite(on.core)(at(mine, who))).mayAct).toBe(true)
  }
})

test('the client of another’s site is none of this one, and neither is one of no site', async () => {
  const of = { ...at(mine, mine.owner), clientId: theirs.client.clientId }
  await refused(of, mine.owner.id, 'not_found')
  const wiki = make.client(on.organisation.id, { sealedSecret: 'sealed' })
  await on.on.first.store.clients.add(wiki)
  await refused({ ...of, clientId: wiki.clientId }, mine.owner.id, 'not_found')
})

test.each(['billing', 'user'] as const satisfies AffiliationRole[])('%s does none of it', async (role) => {
  const low = await on.one(mine.member, role)
  await refused(at(mine, low), low.id, 'not_found')
  await expect(lookAtSite(on.core)(at(mine, low))).rejects.toMatchObject({ code: 'not_found' })
})

test('the staff, the command line and people of others: not through here', async () => {
  const staff = await on.staff()
  for (const actor of [staff, theirs.owner, { ...staff, id: 'cli:root' }])
    await refused(at(mine, actor), mine.owner.id, 'not_found')
})

test('a suspended or closed membership is looked at and no more; a suspended person sees nothing', async () => {
  const other = await place()
  const tech = await on.one(other.member, 'technical')
  await suspend(on.core)({ target: { accountId: tech.id }, reason: 'abus', actor: 'test' })
  await refused(at(other, tech), tech.id, 'not_found')
  await suspend(on.core)({ target: { memberId: other.member.id }, reason: 'abus', actor: 'test' })
  await refused(at(other, other.owner), tech.id, 'forbidden')
  expect((await lookAtSite(on.core)(at(other, other.owner))).mayAct).toBe(false)
})
