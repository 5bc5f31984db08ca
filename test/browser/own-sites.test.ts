// Connecting a site and inviting a guest in a real browser, on a phone and a desk, with axe. `SHOTS` names a folder for pictures.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Member } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { addMember } from '../../src/usecases/members.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type Seat, sit } from '../support/seat.ts'
import { type SiteHost, startSiteHost } from '../support/site-host.ts'
import { soundInEachLook } from '../support/sound.ts'

const NAME = 'les-amis-du-velo-et-de-la-randonnee.example'
let host: SiteHost
let house: House
let owner: Person
let seat: Seat
let member: Member
const core = () => house.installation.core

beforeAll(async () => {
  host = await startSiteHost([NAME])
  house = await startHouse({ config: { sites: host.config } })
  member = await addMember(core())({
    memberNumber: 'A-1',
    kind: 'association',
    name: 'Les Amis du Vélo',
    email: null,
    joinedOn: '2020-01-01',
    coveredUntilOn: '2099-12-31',
    actor: 'test',
  })
  owner = await house.person({ username: 'ada', staff: ['admin'] })
  await affiliate(core())({ accountId: owner.account.id, memberId: member.id, role: 'owner', actor: 'test' })
  seat = await sit(house, owner)
})
afterAll(async () => {
  await seat?.close()
  await host?.stop()
  await house?.stop()
})

const shown = (name: string) => soundInEachLook(seat.page, name)

test('from the address to the proof, the kit and a guest; and what the team sees', async () => {
  await seat.visit('/account/sites/new')
  await shown('own-1-new')
  await seat.fill({ address: 'pas une adresse' })
  await seat.press()
  await shown('own-2-refused')
  await seat.fill({ address: `https://${NAME}/` })
  await seat.press()
  await shown('own-3-proof')
  host.dns.zones.set(`_schedar.${NAME}`, { TXT: ['x'] })
  await seat.press()
  await shown('own-4-not-yet')
  const line = /schedar-site=[\w-]+/.exec(await seat.read())![0]
  const pending = seat.page.url()
  await seat.visit('/account/sites')
  await shown('own-5-list')
  await seat.visit('/admin/sites/pending')
  await shown('own-6-admin-list')
  await seat.visit(`/admin/sites/pending/${pending.split('/').at(-1)}`)
  await shown('own-7-admin-one')
  host.show(NAME, `${line}\n`)
  await seat.visit(pending)
  await seat.press()
  await shown('own-8-site')
  await seat.visit(`${seat.page.url()}/guests`)
  await seat.fill({ email: 'gaelle@ailleurs.example' })
  await seat.press()
  await shown('own-9-guests')
  expect(await seat.read()).toContain('gaelle@ailleurs.example')
  await seat.visit(house.letters().findLast(({ to }) => to === 'gaelle@ailleurs.example')!.link)
  await shown('own-10-other-account')
})
