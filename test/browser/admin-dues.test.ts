// The treasurer's pages in a real browser: WCAG 2.2 AA by axe on a phone and a desk, by day and by night; nothing wider than
// a small phone; a statement brought along with the file dialog and without JavaScript. SHOTS=folder keeps pictures.
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importStatement } from '../../src/usecases/import-statement.ts'
import { recordPayment } from '../../src/usecases/payments.ts'
import { today } from '../../src/usecases/standing.ts'
import { addTariff } from '../../src/usecases/tariffs.ts'
import { codeAt } from '../support/at-home.ts'
import { desktop, openChromium } from '../support/chromium.ts'
import { type House, startHouse } from '../support/house.ts'
import { soundInEachLook } from '../support/sound.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'
import { type Treasury, treasury } from '../support/treasury.ts'

let house: House
let money: StaffMember
let books: Treasury
let bytes: Buffer
const paths: Record<string, string> = {}

beforeAll(async () => {
  house = await startHouse()
  const { core, uploads, remind } = house.installation
  books = await treasury(house)
  money = await staffMember(house, 'money', 'treasurer')
  const zoe = await books.payer({ username: 'zoe' })
  const max = await books.payer({ username: 'max' })
  await books.payer({ username: 'ida', email: null, role: 'user', coveredForDays: 7 })
  await house.person({ username: 'bob', coveredForDays: 20 })
  await remind()
  const { payment } = await recordPayment(core)({
    payerId: max.member.id,
    source: 'cash',
    cents: 2000,
    valueOn: await today(core),
    actor: money.person.account.id,
  })
  const importer = importStatement(core)
  const waiting = books.statement([books.line({ name: 'ZOE ESSAI', text: 'cotisation de cette année, merci' })])
  await importer.apply(await importer.plan(waiting, { name: 'mai.xml' }), { actor: money.person.account.id })
  bytes = Buffer.from(
    books.statement([
      books.line({ reference: await books.ogmOf(zoe) }),
      books.line({ name: 'MAX ESSAI' }),
      books.line({ name: 'BOULANGERIE DU COIN', cents: -1250 }),
      books.line({ name: 'TANTE', text: 'pour le petit' }),
    ]),
  )
  const digest = await uploads.keep(bytes, core.clock.now())
  const csv = await uploads.keep(Buffer.from('Date;Montant;Libellé\n12/06/2026;60,00;merci\n'), core.clock.now())
  const broken = await uploads.keep(Buffer.from(String(bytes).replace('60.00', '61.00')), core.clock.now())
  await addTariff(core)({
    name: 'Soutien',
    period: 'rolling',
    yearStartsOn: '01-01',
    months: 12,
    amountCents: 12_000,
    validFromOn: '2020-01-01',
    decisionRef: 'AG 2019',
    actor: 'test',
  })
  const term = (await core.store.standings.terms(max.member.id)).find(({ source }) => source === 'call')
  const [called] = await core.store.calls.ofPayer(max.member.id)
  const [line] = await core.store.bank.lines({ organisationId: zoe.member.organisationId, state: 'new' })
  Object.assign(paths, {
    overview: '/admin/dues',
    statement: '/admin/dues/statement',
    preview: `/admin/dues/statement/${digest}?name=juin.xml`,
    mapping: `/admin/dues/statement/${csv}?name=releve.csv`,
    refused: `/admin/dues/statement/${broken}?name=juin.xml`,
    inbox: '/admin/dues/inbox',
    line: `/admin/dues/inbox/${line!.id}?text=essai`,
    payments: '/admin/dues/payments',
    pay: `/admin/dues/payments/new?text=essai`,
    payment: `/admin/dues/payments/${payment.id}`,
    tariffs: '/admin/dues/tariffs',
    tariff: '/admin/dues/tariffs/new',
    rules: '/admin/dues/tariffs/rules',
    account: '/admin/dues/tariffs/account',
    call: '/admin/dues/call?within=200',
    remind: '/admin/dues/remind',
    member: `/admin/members/${max.member.id}`,
    dues: `/admin/members/${max.member.id}/dues`,
    exempt: `/admin/members/${max.member.id}/exempt`,
    change: `/admin/members/${max.member.id}/tariff?tariff=Soutien&fromOn=${term!.startOn}`,
    term: `/admin/members/${max.member.id}/terms/${term!.id}`,
    cancel: `/admin/members/${max.member.id}/calls/${called!.id}`,
    stood: `/admin/members/${max.member.id}/standing-on`,
    refund: `/admin/dues/payments/${payment.id}/refund`,
  })
})
afterAll(() => house?.stop())

async function signedIn(options: BrowserContextOptions): Promise<{ context: BrowserContext; page: Page }> {
  const context = await openChromium(options)
  const page = await context.newPage()
  house.clock.advance(60_000)
  await page.goto(house.issuer)
  await page.fill('#identifier', 'money')
  await page.fill('#password', money.person.password)
  await page.locator('button.main').click()
  await page.fill('#code', codeAt(house, money.secret))
  await page.locator('button.main').click()
  await page.waitForURL(`${house.issuer}/`)
  return { context, page }
}

test('every page can be used by everybody', async () => {
  const { context, page } = await signedIn(desktop)
  for (const [name, path] of Object.entries(paths)) {
    await page.goto(house.issuer + path)
    await soundInEachLook(page, name)
  }
  await context.close()
}, 300_000)

test('a statement from the file dialog to the receipt, without JavaScript', async () => {
  const { context, page } = await signedIn({ ...desktop, javaScriptEnabled: false })
  await page.goto(`${house.issuer}/admin/dues`)
  await page.getByRole('link', { name: 'Importer un extrait' }).click()
  await page
    .getByLabel('Fichier', { exact: true })
    .setInputFiles({ name: 'juin.xml', mimeType: 'text/xml', buffer: bytes })
  await page.getByRole('button', { name: 'Voir ce qu’il contient' }).click()
  expect(await page.locator('h1').innerText()).toBe('juin.xml')
  await page.getByRole('button', { name: 'Importer les nouvelles lignes (4)' }).click()
  await page.getByRole('link', { name: 'Ouvrir la boîte d’attente' }).click()
  await page.getByRole('link', { name: /Décider de 60,00.€ de MAX ESSAI/ }).click()
  expect(await page.getByRole('radio').first().isChecked()).toBe(true)
  await page.getByRole('button', { name: 'C’est son paiement' }).click()
  expect(await page.getByRole('status').innerText()).toBe('C’est noté.')
  await page.goto(`${house.issuer}/admin/dues/payments`)
  expect(await page.getByRole('link', { name: /^Reçu \d{4}-\d{4}$/ }).count()).toBe(3)
  await context.close()
}, 60_000)
