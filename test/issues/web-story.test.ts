// Everything that a host offers under one account, as one story: a member signs in once, and one touch leads into each of eight
// services, which know who it is; a suspension closes all of them, one that is down as soon as it is back; restoring opens all;
// a site that is taken offline is closed with its database, and alone. SHOTS=folder keeps pictures.
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { desktop, openChromium, phone } from '../support/chromium.ts'
import { PATH as MAILMAN } from '../support/mailman.ts'
import { createProgram, type Program } from '../support/program.ts'
import { choosePasswordByLetter, newPassword, setUpAssociation, signIn, textOf } from '../support/story.ts'
import { PATH as SYMPA } from '../support/sympa.ts'
import { MAILMAN_LIST, SITE, startWebHost, type WebHost } from '../support/web-host.ts'

const ADDRESS = 'zoe@elsewhere.example'
const MAILBOX = 'zoe@mail.example'
const FRIEND = 'une.amie@ailleurs.example'
const REASON = 'Le formulaire du site envoie du courrier indésirable.'
/** As long as it may take on a busy machine; a second or two on a quiet one. */
const PATIENCE = { timeout: 60_000, interval: 200 }
vi.setConfig({ testTimeout: 300_000 })

let program: Program
let host: WebHost
const contexts: BrowserContext[] = []
let admin: Page
let member: Page
const passwords = { alix: newPassword(), zoe: newPassword() }
/** What the member sent to Schedar: each is something that was typed or pressed there. */
const sent: string[] = []

beforeAll(async () => {
  program = await createProgram({ config: { trustedProxies: ['127.0.0.0/8'] } })
  contexts.push(await openChromium(), await openChromium())
  ;[admin, member] = (await Promise.all(contexts.map((context) => context.newPage()))) as [Page, Page]
  for (const page of [admin, member]) page.setDefaultTimeout(60_000)
  host = await startWebHost(
    program,
    admin,
    program.serve().then(() => setUpAssociation(admin, program, passwords.alix)),
  )
}, 600_000)
afterAll(async () => {
  await Promise.all(contexts.map((context) => context.close()))
  await host?.stop()
  await program?.remove()
}, 120_000)

const shot = async (page: Page, name: string): Promise<void> => {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png`, fullPage: true })
}
/** On a desk and on a phone. */
async function shots(page: Page, name: string): Promise<void> {
  await shot(page, `${name}-desktop`)
  await page.setViewportSize(phone.viewport)
  await shot(page, `${name}-phone`)
  await page.setViewportSize(desktop.viewport)
}
const visit = (page: Page, path: string) => page.goto(program.issuer + path)

/** By the names of their tiles: one's own page there, and what it says of who is there. */
const services = {
  'Le vélo de Zoé': { at: () => `${host.spip.url}/ecrire/`, knows: /Zoé Vandamme[\s\S]*Se déconnecter/ },
  'L’intranet': { at: () => `${host.apache.url}/`, knows: /"user":"zoe"/ },
  'Le webmail': { at: () => `${host.roundcube.url}/?_task=mail`, knows: /zoe@mail\.example/ },
  'Les listes': { at: () => host.sympa.url + SYMPA, knows: /zoe@elsewhere\.example/ },
  'Les discussions': { at: () => `${host.mailman.url}${MAILMAN}/postorius/lists/`, knows: /Zoé Vandamme/ },
  'Le manuel': { at: () => `${host.dokuwiki.url}/`, knows: /Zoé Vandamme \(zoe\)/ },
  'L’encyclopédie': { at: () => `${host.mediawiki.url}/index.php/Accueil`, knows: /^Zoe$/m },
  'Les statistiques': { at: () => `${host.nginx.url}/`, knows: /"remote-user":"zoe"/ },
}
type Name = keyof typeof services
const all = Object.keys(services) as Name[]
const but = (name: Name) => all.filter((other) => other !== name)
/** Whether the page that is open is the service's, and knows the member. */
async function isKnown(name: Name): Promise<boolean> {
  const { at, knows } = services[name]
  return new URL(member.url()).origin === new URL(at()).origin && knows.test(await textOf(member))
}

/** Of these, where the member is in with the next page. */
async function inAt(names: readonly Name[]): Promise<Name[]> {
  const found: Name[] = []
  for (const name of names) {
    await member.goto(services[name].at())
    if (await isKnown(name)) found.push(name)
  }
  return found
}

async function byTile(name: Name): Promise<boolean> {
  await visit(member, '/')
  const tile = member.getByRole('link', { name: new RegExp(`^${name}`) })
  await Promise.all([member.waitForEvent('load'), tile.click()])
  return isKnown(name)
}
const expectOutOf = async (names: readonly Name[]) => {
  for (const name of names) await expect.poll(() => inAt([name]), PATIENCE).toEqual([])
}

const onLists = async (address: string): Promise<boolean[]> =>
  [host.sympa.members('membres'), await host.mailman.members(MAILMAN_LIST)].map((members) => members.includes(address))
type Row = { service: string; pending: number; 'last error': string }
const waiting = async (): Promise<Row[]> =>
  (await program.json<Row[]>('services', 'list')).filter(({ pending }) => pending > 0)
/** The page of a suspension reloads itself until every service has followed. */
const status = (words: RegExp) => expect.poll(() => textOf(admin), { timeout: 120_000, interval: 200 }).toMatch(words)
async function openAccount(): Promise<void> {
  await visit(admin, '/admin/accounts?text=zoe')
  await admin.getByRole('link', { name: 'zoe', exact: true }).click()
}
async function suspendInPages(): Promise<void> {
  await openAccount()
  await admin.getByRole('link', { name: 'Suspendre', exact: true }).click()
  await admin.fill('#reason', REASON)
  await admin.getByRole('button', { name: 'Suspendre' }).click()
}
const publicPage = () => fetch(`${host.spip.url}/`)

test('every service answers, and its kit is in its place', async () => {
  const checked = await program.json<{ service: string; ok: boolean }[]>('services', 'check')
  expect(checked.filter(({ ok }) => !ok)).toEqual([])
  expect(checked.map(({ service }) => service)).toEqual(
    expect.arrayContaining(['sympa', 'mailman', 'apache', 'databases', 'hook', 'mailboxes', 'mail']),
  )
  await host.sympa.addByHand('membres', FRIEND)
  await host.mailman.addByHand(MAILMAN_LIST, FRIEND)
})

describe('a member', () => {
  test('is invited, and gets a site, a mailbox and the lists', async () => {
    await program.json(
      ...['account', 'add', 'zoe', '--given-name', 'Zoé', '--family-name', 'Vandamme'],
      ...['--email', ADDRESS, '--member', '7', '--role', 'owner'],
    )
    await program.json('mailbox', 'add', MAILBOX, '--member', '7', '--account', 'zoe')
    await program.json('account', 'invite', 'zoe')
    await choosePasswordByLetter(member, program, ADDRESS, passwords.zoe)
    await expect.poll(() => onLists(ADDRESS), PATIENCE).toEqual([true, true])
  })

  test('sees the button of the site, signs in at home, and all eight are one touch away', async () => {
    member.on('request', (request) => {
      if (request.method() === 'POST' && request.url().startsWith(program.issuer))
        sent.push(new URL(request.url()).pathname.split('/')[1]!)
    })
    await member.goto(services['Le vélo de Zoé'].at())
    await shots(member, 'story-spip-login')
    await visit(member, '/')
    await signIn(member, 'zoe', passwords.zoe)
    await shots(member, 'story-home')
    expect(await member.getByRole('heading', { name: 'Mes services' }).count()).toBe(1)
    for (const name of all) expect([name, await byTile(name)]).toEqual([name, true])
    expect(sent, 'the name and the password, once').toEqual(['interaction'])
  })
})

describe('an admin suspends the member', () => {
  test('in the admin pages, once: out everywhere with the next page, and off the lists', async () => {
    await suspendInPages()
    await status(/Tout est fermé/)
    await shot(admin, 'story-suspended')
    await expectOutOf(all)
    await expect.poll(() => onLists(ADDRESS), PATIENCE).toEqual([false, false])
    expect(await onLists(FRIEND), 'who was put there by hand stays').toEqual([true, true])
  })

  test('the site of the association that they edit stays up for its visitors', async () => {
    expect((await publicPage()).status).toBe(200)
    expect([await host.databaseOpens(), await host.told()]).toEqual([true, []])
  })

  test('they read why at home; the tiles are closed, and so are the doors', async () => {
    await visit(member, '/')
    await signIn(member, 'zoe', passwords.zoe)
    expect(await textOf(member)).toContain(REASON)
    await shots(member, 'story-home-suspended')
    expect(await member.locator('.tile.closed').count()).toBe(all.length)
    expect(await inAt(all)).toEqual([])
    await member.goto(services['L’intranet'].at())
    expect(await textOf(member)).toContain('Votre accès est suspendu')
  })

  test('restoring brings all of it back', async () => {
    await openAccount()
    await admin.getByRole('link', { name: 'Rétablir l’accès' }).click()
    await admin.getByRole('button', { name: 'Rétablir l’accès' }).click()
    await status(/Tous les services ont suivi/)
    // Dovecot looks at its files once a second.
    for (const name of all) await expect.poll(() => byTile(name), PATIENCE).toBe(true)
    await expect.poll(() => onLists(ADDRESS), PATIENCE).toEqual([true, true])
    expect(sent, 'one more sign-in').toEqual(['interaction', 'interaction'])
  })
})

describe('an admin takes the site offline', () => {
  test('its pages, its database and what the host’s own program does are closed, and nothing else', async () => {
    await visit(admin, `/admin/sites?text=${SITE}`)
    await admin.getByRole('link', { name: SITE }).click()
    await admin.getByRole('link', { name: 'Mettre hors ligne' }).click()
    await admin.fill('#reason', REASON)
    await admin.getByRole('button', { name: 'Mettre hors ligne' }).click()
    await expect.poll(async () => (await publicPage()).status, PATIENCE).toBe(503)
    await expect.poll(host.databaseOpens, PATIENCE).toBe(false)
    await expect.poll(host.told, PATIENCE).toEqual([`close ${SITE}`])
    await member.goto(`${host.spip.url}/`)
    expect(await textOf(member)).toContain('Ce site est fermé')
    await shots(member, 'story-site-closed')
    await shot(admin, 'story-site-offline')
    expect(await inAt(all)).toEqual(but('Le vélo de Zoé'))
  })

  test('and back online', async () => {
    await visit(admin, `/admin/sites?text=${SITE}`)
    await admin.getByRole('link', { name: SITE }).click()
    await admin.getByRole('link', { name: 'Remettre en ligne' }).click()
    await admin.getByRole('button', { name: 'Remettre en ligne' }).click()
    await expect.poll(host.databaseOpens, PATIENCE).toBe(true)
    await host.spip.databaseIsBack()
    await expect.poll(async () => (await publicPage()).status, PATIENCE).toBe(200)
    await expect.poll(host.told, PATIENCE).toEqual([`close ${SITE}`, `open ${SITE}`])
    await expect.poll(waiting, PATIENCE).toEqual([])
    expect(await inAt(['Le vélo de Zoé']), 'with what was open before').toEqual([])
    expect(await byTile('Le vélo de Zoé')).toBe(true)
    expect(sent).toHaveLength(2)
  })
})

describe('a service is down when the member is suspended', () => {
  test('the others close all the same, and it closes as soon as it is back', async () => {
    await host.dokuwiki.down()
    await suspendInPages()
    await expectOutOf(but('Le manuel'))
    await expect.poll(() => onLists(ADDRESS), PATIENCE).toEqual([false, false])
    await expect
      .poll(async () => (await waiting()).map(({ service }) => service.split('/')[0]), PATIENCE)
      .toEqual(['logout'])
    await admin.reload()
    expect(await textOf(admin)).toContain('Le manuel')
    await shot(admin, 'story-one-down')
    await host.dokuwiki.up()
    await expectOutOf(['Le manuel'])
    await status(/Tout est fermé/)
  })
})

test('nothing is left undone, nothing has drifted, and no password is written anywhere', async () => {
  await expect.poll(waiting, PATIENCE).toEqual([])
  expect(await program.json('services', 'plan')).toEqual([])
  expect(await program.json('audit', 'verify')).toMatchObject({ sound: true })
  for (const password of Object.values(passwords)) expect(program.written()).not.toContain(password)
})
