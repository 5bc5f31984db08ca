// My services at home: what may be used now as tiles that sign in, what is closed with why; with none, one and sixty.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import apache from '../../plugins/apache/index.ts'
import forwardAuth from '../../plugins/forward-auth/index.ts'
import spip from '../../plugins/spip/index.ts'
import type { Plugin } from '../../src/plugin.ts'
import { addClient, type NewClient, setClientDisabled, setClientRole } from '../../src/usecases/clients.ts'
import { myServices } from '../../src/usecases/my-services.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { browserOf, open, read } from '../support/at-home.ts'
import { linkOf, type Reply } from '../support/browser-jar.ts'
import { type House, startHouse } from '../support/house.ts'
import { relyingParty, signInAt } from '../support/relying-party.ts'

let house: House
const core = () => house.installation.core
beforeAll(async () => {
  house = await startHouse()
})
afterAll(() => house.stop())

const kit = async (kind: string, plugin: Plugin | undefined, name: string, more: Partial<NewClient> = {}) =>
  (
    await addClient(core())({
      kind,
      name,
      url: `https://${kind}-${name.length}.example`,
      plugin,
      ...(!plugin && { redirectUris: ['https://other.example/callback'] }),
      actor: 'test',
      ...more,
    })
  ).client
/** The tiles, as text: open ones, and closed ones. */
const tilesIn = ({ text }: Reply) => {
  const all = [...text.matchAll(/<li>(<(?:a|span) class="tile[\s\S]*?)<\/li>/g)].map(([, tile]) => tile!)
  const of = (start: string) => all.filter((tile) => tile.startsWith(start)).map((tile) => read({ text: tile }))
  return { open: of('<a'), closed: of('<span') }
}

test('without a service the page says so', async () => {
  const person = await house.person({ username: 'nobody' })
  const page = await open(house, await browserOf(house, person), '/')
  expect(read(page)).toContain('Aucun service n’est encore relié.')
  expect(tilesIn(page)).toEqual({ open: [], closed: [] })
})

describe('with some', () => {
  test('each leads to where its kit signs in, and says what it is', async () => {
    const ada = await house.person({ username: 'ada', coveredForDays: 90 })
    await kit('apache', apache, 'Le wiki')
    await kit('spip', spip, 'Le site <b>')
    await kit('forward-auth', forwardAuth, 'Les chiffres')
    await kit('other', undefined, 'Ailleurs', { url: 'https://other.example' })
    const page = await open(house, await browserOf(house, ada), '/')
    expect(tilesIn(page)).toEqual({
      open: [
        'Ailleurs Service en ligne other.example',
        'Le site <b> Site à rédiger spip-11.example',
        'Le wiki Service en ligne apache-7.example',
        'Les chiffres Service en ligne forward-auth-12.example',
      ],
      closed: [],
    })
    const iss = `iss=${encodeURIComponent(house.issuer)}`
    expect(linkOf(page, /Le wiki/)).toBe(
      `https://apache-7.example/oidc/callback?${iss}&target_link_uri=https%3A%2F%2Fapache-7.example%2F`,
    )
    expect(linkOf(page, /Le site/)).toBe('https://spip-11.example/spip.php?action=schedar')
    expect(linkOf(page, /Les chiffres/)).toBe(
      `https://forward-auth-12.example/schedar/sign-in?${iss}&target_link_uri=https%3A%2F%2Fforward-auth-12.example%2F`,
    )
    expect(linkOf(page, /Ailleurs/)).toBe('https://other.example/')
  })

  test('what is closed says why and is no link; invitations, strangers and what is switched off are not there', async () => {
    const late = await house.person({ username: 'late', coveredForDays: -90 })
    const invited = await kit('other', undefined, 'Sur invitation', { audience: 'listed' })
    const off = await kit('other', undefined, 'Éteint')
    await setClientDisabled(core())({ clientId: off.clientId, disabled: true, actor: 'test' })
    await kit('other', undefined, 'Étranger', { party: 'third' })
    const browser = await browserOf(house, late)
    const page = await open(house, browser, '/')
    const { open: opened, closed } = tilesIn(page)
    expect(opened).toEqual([])
    expect(closed).toContain('Le wiki Fermé · adhésion échue')
    // Four and more fold away.
    expect(read(page)).toContain('Fermés en ce moment : 4')
    for (const absent of ['Sur invitation', 'Éteint', 'Étranger']) expect(read(page)).not.toContain(absent)
    const ada = await core().store.accounts.byUsername('ada')
    await setClientRole(core())({
      clientId: invited.clientId,
      subjectKind: 'account',
      subject: ada!.id,
      role: 'x',
      actor: 'test',
    })
    expect((await myServices(core())(ada!.id)).map(({ name }) => name)).toContain('Sur invitation')
  })

  test('a mailbox is a tile of its own', async () => {
    const bob = await house.person({ username: 'bob', coveredForDays: 90 })
    const page = async () => open(house, await browserOf(house, bob), '/')
    expect(read(await page())).not.toContain('Mon courrier')
    const box = await addResource(core())({
      memberId: bob.member!.id,
      kind: 'mailbox',
      name: 'bob@cassiopee.example',
      actor: 'test',
    })
    await addLogin(core())({ mailboxId: box.id, accountId: bob.account.id, actor: 'test' })
    const with_ = await page()
    expect(tilesIn(with_).open[0]).toBe('Mon courrier Sur mon téléphone, mon ordinateur')
    expect(new URL(linkOf(with_, /Mon courrier/)).pathname).toBe('/account/mail')
  })

  test('with sixty the first twelve stand there and the rest folds; the reads do not grow with them', async () => {
    const zoe = await house.person({ username: 'zoe', coveredForDays: 90 })
    for (let n = 10; n < 70; n++) await kit('other', undefined, `Service ${n}`, { url: `https://s${n}.example` })
    const page = await open(house, await browserOf(house, zoe), '/')
    expect(tilesIn(page).open).toHaveLength(64)
    const before = page.text.split('<details>')[0]!
    expect(before.match(/class="tile"/g)).toHaveLength(12)
    expect(read(page)).toContain('Tous les autres : 52')
    // Hundreds of others' sites are looked at by nobody.
    const statements: string[] = []
    const { knex } = house.installation.database
    const note = ({ sql }: { sql: string }) => void statements.push(sql)
    knex.on('query', note)
    await myServices(core())(zoe.account.id)
    knex.removeListener('query', note)
    expect(statements.length).toBeLessThan(8)
  })
})

test('a touch signs in without a question, for whoever is at home', async () => {
  const eve = await house.person({ username: 'eve', coveredForDays: 90 })
  const service = await relyingParty(house, { name: 'Le forum' })
  const browser = await browserOf(house, eve)
  expect(linkOf(await open(house, browser, '/'), /Le forum/)).toBe(`${service.url}/`)
  const { tokens } = await signInAt(service, browser, house.issuer, '', '')
  expect(tokens?.claims()?.sub).toBe(eve.account.id)
  await service.close()
})
