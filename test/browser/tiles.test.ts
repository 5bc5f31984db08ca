// My services in a real browser: with none, one and sixty, on a phone and a desk, by day and by night, with axe; and the page
// that a protected site shows. `SHOTS` names a folder for pictures.
import { afterAll, beforeAll, expect, test } from 'vitest'
import forwardAuth from '../../plugins/forward-auth/index.ts'
import { addClient, kitOf } from '../../src/usecases/clients.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'
import { type Seat, sit } from '../support/seat.ts'
import { sound, soundInEachLook } from '../support/sound.ts'
import { type Application, startApplication, startNginx, type WebProxy } from '../support/web-proxies.ts'

let house: House
let wiki: RelyingParty
let application: Application
let proxy: WebProxy
let ada: Person
let late: Person
const core = () => house.installation.core

const service = (name: string, kind = 'other') =>
  addClient(core())({
    kind,
    name,
    url: `https://${name.toLowerCase().replace(/\W/g, '')}.example`,
    plugin: undefined,
    redirectUris: ['https://x.example/callback'],
    actor: 'test',
    ...(kind === 'roundcube' && { service: 'mail' as const }),
    ...(kind === 'sympa' && { service: 'list' as const }),
  })

beforeAll(async () => {
  house = await startHouse()
  application = await startApplication()
  ada = await house.person({ username: 'ada', coveredForDays: 90 })
  late = await house.person({ username: 'late', coveredForDays: -90 })
})
afterAll(async () => {
  await Promise.all([wiki?.close(), application?.stop(), proxy?.stop()])
  await house?.stop()
})

/** Whole again with what folds away unfolded. */
async function inEachLook({ page, has }: Seat, name: string): Promise<void> {
  await soundInEachLook(page, name)
  if (!(await has('details'))) return
  for (const folded of await page.locator('details > summary').all()) await folded.click()
  await sound(page, `${name} unfolded`)
}

test('none, and one: a touch leads there', async () => {
  const seat = await sit(house, ada)
  await seat.visit('/')
  await inEachLook(seat, 'tiles-0')
  wiki = await relyingParty(house, { name: 'Le wiki' })
  await seat.visit('/')
  await inEachLook(seat, 'tiles-1')
  await seat.page.getByRole('link', { name: /Le wiki/ }).click()
  await seat.page.waitForURL(`${wiki.url}/`)
  await seat.close()
})

test('sixty', async () => {
  const box = await addResource(core())({
    memberId: ada.member!.id,
    kind: 'mailbox',
    name: 'ada@cassiopee.example',
    actor: 'test',
  })
  await addLogin(core())({ mailboxId: box.id, accountId: ada.account.id, actor: 'test' })
  await service('Le webmail', 'roundcube')
  await service('Les listes', 'sympa')
  await service('La documentation', 'dokuwiki')
  await service('Le site de la maison', 'spip')
  for (let n = 10; n < 65; n++) await service(`Un service au nom plutôt long numéro ${n}`)
  const seat = await sit(house, ada)
  await seat.visit('/')
  await inEachLook(seat, 'tiles-60')
  await seat.close()
})

test('sixty of which one is open', async () => {
  const closed = await sit(house, late)
  await closed.visit('/')
  await inEachLook(closed, 'tiles-closed')
  await closed.close()
})

test('a protected site: in, out and in again by its own pages, and refused with courtesy', async () => {
  proxy = await startNginx({
    host: '127.0.0.3',
    application,
    async kit({ url, dir }) {
      const { client } = await addClient(core())({
        kind: 'forward-auth',
        name: 'Les chiffres',
        url,
        plugin: forwardAuth,
        actor: 'test',
      })
      return kitOf(core())(client, forwardAuth, { paths: '/admin/=admin', nginx_dir: dir, caddy_dir: dir })
    },
  })
  const seat = await sit(house, ada)
  await seat.page.goto(`${proxy.url}/`)
  await seat.enter()
  expect(await seat.read()).toContain('"remote-user":"ada"')
  await seat.page.goto(`${proxy.url}/admin/`)
  expect(await seat.read()).toContain('Page réservée')
  await inEachLook(seat, 'forward-role')
  await seat.page.goto(`${proxy.url}/schedar/sign-out`)
  await seat.page.locator('button.other').click()
  await seat.page.getByRole('heading', { name: 'Vous êtes déconnecté' }).waitFor()
  await seat.page.locator('a.main').click()
  await seat.page.waitForURL(`${proxy.url}/`)
  await seat.close()
})
