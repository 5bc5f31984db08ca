// The staff's pages in a real browser: WCAG 2.2 AA by axe, on a phone and a desk, by day and by night; a suspension watched
// with and without JavaScript.
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { locales } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { makeAppPassword } from '../../src/usecases/app-passwords.ts'
import { setClientRole } from '../../src/usecases/clients.ts'
import { rotateKeys } from '../../src/usecases/keys.ts'
import { recordMemberEvent } from '../../src/usecases/members.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { codeAt } from '../support/at-home.ts'
import { createBrowser } from '../support/browser-jar.ts'
import { desktop, openChromium, phone } from '../support/chromium.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty, signInAt } from '../support/relying-party.ts'
import { sound, soundInEachLook } from '../support/sound.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

let house: House
let rp: RelyingParty
let boss: StaffMember
let ada: Person
let out: Person
let suspension: string
/** A member of several people. */
let theirs: string

beforeAll(async () => {
  house = await startHouse()
  const { core } = house.installation
  boss = await staffMember(house, 'boss', 'admin')
  rp = await relyingParty(house, { name: 'Le wiki' })
  ada = await house.person({ username: 'ada', coveredForDays: 90 })
  out = await house.person({ username: 'out', coveredForDays: 90 })
  await house.person({ username: 'late', coveredForDays: -90 })
  const memberId = ada.member!.id
  await addResource(core)({ memberId, kind: 'site', name: 'ada.example', actor: 'test' })
  const mailbox = await addResource(core)({ memberId, kind: 'mailbox', name: 'ada@ada.example', actor: 'test' })
  await addLogin(core)({ mailboxId: mailbox.id, accountId: ada.account.id, actor: 'test' })
  await recordMemberEvent(core)({ memberId, kind: 'readmitted', actor: 'test' })
  await setClientRole(core)({
    clientId: rp.clientId,
    subjectKind: 'account',
    subject: ada.account.id,
    role: 'editor',
    actor: 'test',
  })
  for (const name of ['Thunderbird', 'Téléphone'])
    await makeAppPassword(core)({ accountId: ada.account.id, name, scopes: ['imap', 'smtp', 'dav'], actor: 'test' })
  await rotateKeys(core)({ actor: 'test' })
  theirs = out.member!.id
  await affiliate(core)({ accountId: ada.account.id, memberId: theirs, role: 'technical', actor: 'test' })
  await suspend(core)({ target: { accountId: out.account.id }, reason: 'Courrier indésirable.', actor: 'test' })
  suspension = (await core.store.overrides.open({ accountId: out.account.id }))[0]!.id
  await core.store.settings.set('nightly.held', JSON.stringify({ removals: 40, of: 100, on: '2026-11-01' }))
})
afterAll(async () => {
  await rp?.close()
  await house?.stop()
})

async function signIn(page: Page): Promise<void> {
  await page.goto(`${house.issuer}/admin`)
  await page.fill('#identifier', boss.person.account.username)
  await page.fill('#password', boss.person.password)
  await page.locator('button.main').click()
  // A code works once: each sign-in has its own minute.
  house.clock.advance(60_000)
  await page.fill('#code', codeAt(house, boss.secret))
  await page.locator('button.main').click()
  // Back to where the person wanted to go.
  await page.waitForURL(`${house.issuer}/admin`)
}

async function inBrowser(
  options: BrowserContextOptions,
  work: (page: Page, context: BrowserContext) => Promise<void>,
): Promise<void> {
  const context = await openChromium(options)
  try {
    const page = await context.newPage()
    await signIn(page)
    await work(page, context)
  } finally {
    await context.close()
  }
}

const paths = (): string[] => {
  const [account, member, client] = [ada.account.id, ada.member!.id, rp.clientId]
  return [
    '',
    '/members',
    '/members?text=nobody',
    `/members/${member}`,
    `/members/${member}/change`,
    `/members/${member}/event`,
    '/members/new',
    `/members/${member}/people`,
    `/members/${member}/link`,
    '/accounts',
    `/accounts/${account}`,
    `/accounts/${out.account.id}`,
    `/accounts/${account}/suspend`,
    `/accounts/${account}/staff-roles`,
    '/accounts/new',
    `/accounts/new?member=${member}`,
    `/accounts/${account}/app-passwords`,
    `/accounts/${account}/new-app-password`,
    '/suspend',
    `/suspensions/${suspension}`,
    '/services',
    '/services/provider',
    '/services/provider/plan',
    '/held',
    '/clients',
    '/clients/new',
    `/clients/${client}`,
    `/clients/${client}/roles`,
    '/keys',
    '/keys/rotate',
    '/audit',
    '/audit/verify',
  ].map((path) => `/admin${path}`)
}

test('every page is accessible and fits', async () => {
  await inBrowser(desktop, async (page) => {
    for (const path of paths()) {
      await page.goto(house.issuer + path)
      await soundInEachLook(page, path)
    }
    await page.goto(`${house.issuer}/admin/accounts/${ada.account.id}/suspend`)
    await page.fill('#until', '2020-01-01')
    await page.fill('#reason', 'Essai')
    await page.locator('button.main').click()
    await page.locator('#until-wrong').waitFor()
    await soundInEachLook(page, 'suspend, refused')
    await page.goto(`${house.issuer}/account/recovery-codes`)
    await soundInEachLook(page, 'recovery codes')
  })
}, 400_000)

test('an address that is known, people and their roles, a secret that is shown once', async () => {
  const { email } = ada.account
  await inBrowser(desktop, async (page) => {
    await page.goto(`${house.issuer}/admin/members/new`)
    await page.fill('#name', 'Robert')
    await page.fill('#email', email!)
    await page.getByRole('button', { name: 'Ajouter ce membre' }).click()
    await page.getByRole('alert').filter({ hasText: 'déjà connue' }).waitFor()
    await soundInEachLook(page, 'member, known address')
    await page.goto(`${house.issuer}/admin/accounts/new?member=${out.member!.id}`)
    for (const [field, value] of Object.entries({ givenName: 'Robert', familyName: 'Bis', email: email! }))
      await page.fill(`#${field}`, value)
    await page.getByRole('button', { name: 'Créer ce compte' }).click()
    await page.getByRole('alert').waitFor()
    await soundInEachLook(page, 'account, known address')
    // Enter chooses for nobody: the browser asks for the choice.
    await page.focus('#familyName')
    await page.keyboard.press('Enter')
    expect(await page.evaluate(() => document.querySelector('[name=link]:invalid') !== null)).toBe(true)
    await page.goto(`${house.issuer}/admin/members/${theirs}/people`)
    for (const summary of await page.locator('summary').all()) await summary.click()
    await soundInEachLook(page, 'people')
    await page.getByRole('button', { name: 'Retirer' }).first().click()
    await page.getByRole('heading', { name: 'Retirer' }).waitFor()
    await soundInEachLook(page, 'people, asked once more')
    await page.goto(`${house.issuer}/admin/accounts/${ada.account.id}/new-app-password`)
    await page.fill('#name', `Programme ${Math.random()}`)
    await page.getByRole('button', { name: 'Créer le mot de passe' }).click()
    await page.locator('#secret').waitFor()
    await soundInEachLook(page, 'app password, made')
    await page.getByRole('link', { name: 'Je l’ai copié' }).click()
    await page.getByRole('button', { name: 'Tous les révoquer' }).click()
    await page.getByRole('heading', { name: 'Révoquer tous' }).waitFor()
    await soundInEachLook(page, 'app passwords, all, asked once more')
  })
})

test('each language, in the narrowest window', async () => {
  await inBrowser({ viewport: { width: 320, height: 640 } }, async (page) => {
    for (const locale of locales)
      for (const path of [
        '/admin',
        '/admin/members',
        `/admin/accounts/${out.account.id}`,
        '/admin/suspend',
        '/admin/clients/new',
        '/admin/members/new',
        `/admin/members/${theirs}/people`,
        `/admin/accounts/${ada.account.id}/app-passwords`,
        '/admin/keys',
        '/admin/keys/rotate',
      ]) {
        await page.goto(`${house.issuer}${path}?lang=${locale}`)
        expect(await page.getAttribute('html', 'lang')).toBe(locale)
        await sound(page, `${path} in ${locale}`)
      }
  })
}, 400_000)

/** Suspends somebody who is signed in at a client that does not answer; the page that shows it. */
async function suspendedAt(page: Page, username: string): Promise<Person> {
  const person = await house.person({ username, coveredForDays: 30 })
  await signInAt(rp, createBrowser(), house.issuer, username, person.password)
  rp.backchannel.status = 503
  await page.goto(`${house.issuer}/admin/accounts/${person.account.id}`)
  await page.getByRole('link', { name: 'Suspendre', exact: true }).click()
  await page.fill('#reason', 'Courrier indésirable')
  await page.getByRole('button', { name: 'Suspendre' }).click()
  await page.getByRole('heading', { name: `Suspension de ${username}` }).waitFor()
  return person
}

test('a suspension goes green by itself, is said aloud, and is lifted', async () => {
  await inBrowser(desktop, async (page) => {
    let loads = 0
    page.on('domcontentloaded', () => loads++)
    await suspendedAt(page, 'eva')
    const before = loads
    await page.getByText(/Réessaie \(\d+\)/).waitFor()
    await sound(page, 'retrying')
    const share = await page.locator('progress').evaluate((bar: HTMLProgressElement) => bar.value / bar.max)
    expect(share).toBe(0.5)
    rp.backchannel.status = 200
    await page.getByRole('status').filter({ hasText: 'Tout est fermé : 2 sur 2' }).waitFor()
    expect(await page.locator('td .ms').count()).toBe(2)
    expect(loads).toBe(before)
    await sound(page, 'all closed')
    await page.getByRole('link', { name: 'Revenir à eva' }).click()
    await page.getByRole('link', { name: 'Rétablir l’accès' }).click()
    await page.getByRole('button', { name: 'Rétablir l’accès' }).click()
    await page.getByRole('status').filter({ hasText: 'Tous les services ont suivi' }).waitFor()
  })
})

test('without JavaScript the page loads itself until all is done, or until it is told to stop', async () => {
  await inBrowser({ ...phone, javaScriptEnabled: false }, async (page) => {
    await suspendedAt(page, 'kim')
    await page.getByText(/Réessaie \(\d+\)/).waitFor()
    await page.getByRole('link', { name: 'Arrêter de recharger cette page' }).click()
    await page.waitForURL(/still=1/)
    expect(await page.locator('meta[http-equiv]').count()).toBe(0)
    await page.getByRole('link', { name: 'Recharger cette page de nouveau' }).click()
    await page.waitForURL(/suspensions\/[0-9a-f-]+$/)
    rp.backchannel.status = 200
    await page.getByText('Tout est fermé : 2 sur 2').waitFor()
    expect(await page.locator('meta[http-equiv]').count()).toBe(0)
  })
})

test('a list of people, with the keyboard alone', async () => {
  await house.person({ username: 'uma', coveredForDays: 30 })
  await inBrowser(desktop, async (page) => {
    await page.goto(`${house.issuer}/admin/suspend`)
    await page.focus('#names')
    await page.keyboard.type('uma, nobody')
    await page.keyboard.press('Tab')
    await page.keyboard.type('Envoi massif')
    await page.getByRole('button', { name: 'Voir le plan' }).press('Enter')
    await page.getByRole('heading', { name: 'Ce qui se fermerait' }).waitFor()
    await sound(page, 'plan')
    await page.getByRole('button', { name: 'Suspendre ces comptes (1)' }).press('Enter')
    await page.getByRole('status').filter({ hasText: 'Tout est fermé' }).waitFor()
  })
})
