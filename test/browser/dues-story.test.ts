// The story of a membership as its people live it: a treasurer, an administrator and a member in Chromium, a phone that
// reads mail by IMAP, a SPIP site, letters by SMTP. Only the clock is moved from outside. SHOTS=folder keeps pictures.
import { AxeBuilder } from '@axe-core/playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addDays, civilDate } from '../../src/domain/time.ts'
import { nightOf } from '../../src/serve.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { type Payment, printCamt } from '../statements/printers.ts'
import { desktop, phone } from '../support/chromium.ts'
import { hostMail, hostSpip, nightAfterStart } from '../support/hosting.ts'
import { DAY, type House, type Person, startHouse } from '../support/house.ts'
import { type Imap, imap } from '../support/imap.ts'
import { type Mariadb, startMariadb } from '../support/mariadb.ts'
import { phoneFor } from '../support/phone.ts'
import { type Seat, sit } from '../support/seat.ts'

const ZONE = 'Europe/Brussels'
const LOGIN = 'ada@courrier.example'
const IBAN = 'BE71 0961 2345 6769'
const REASON = 'Le formulaire du site envoie du courrier indésirable.'

describe.each(['sqlite', 'mariadb'])('on %s', (database) => {
  let mariadb: Mariadb | undefined
  let house: House
  let mail: Awaited<ReturnType<typeof hostMail>>
  let spip: Awaited<ReturnType<typeof hostSpip>>
  let ada: Person
  let [member, treasurer, admin]: Seat[] = []
  let mobile: ReturnType<typeof phoneFor>
  let live: Imap
  let ogm: string
  let payments = 0
  const today = () => civilDate(house.clock.now(), ZONE)

  beforeAll(async () => {
    if (database === 'mariadb') mariadb = await startMariadb()
    house = await startHouse(mariadb && { database: (await mariadb.database()).url })
    await nightAfterStart(house)
    // Noon, so that the minutes that sign-ins take never lead into the next day.
    const noon = Temporal.PlainDate.from(addDays(today(), 1)).toZonedDateTime({ timeZone: ZONE, plainTime: '12:00' })
    house.clock.advance(noon.epochMilliseconds - house.clock.now())
    await nightOf(house.installation)()
    ada = await house.person({ username: 'ada', email: LOGIN, coveredForDays: 31 })
    const staff = [
      await house.person({ username: 'tresor', staff: ['treasurer'], coveredForDays: 900 }),
      await house.person({ username: 'alix', staff: ['admin'], coveredForDays: 900 }),
    ]
    // Others, so that one who lapses is no mass removal.
    for (let at = 0; at < 12; at++) await house.person({ username: `autre${at}`, email: null, coveredForDays: 900 })
    const { core } = house.installation
    const owned = { memberId: ada.member!.id, actor: 'test' }
    const site = await addResource(core)({ ...owned, kind: 'site', name: 'velo.example' })
    const mailbox = await addResource(core)({ ...owned, kind: 'mailbox', name: LOGIN })
    await addLogin(core)({ mailboxId: mailbox.id, accountId: ada.account.id, actor: 'test' })
    mail = await hostMail(house, [LOGIN])
    const { imapPort, password } = mail.dovecot
    mobile = phoneFor({ port: imapPort, user: LOGIN, pass: password(LOGIN) })
    spip = await hostSpip(house, { name: 'Le vélo d’Ada', site })
    ;[member, treasurer, admin] = await Promise.all([
      sit(house, ada, phone),
      sit(house, staff[0]!, desktop),
      sit(house, staff[1]!, desktop),
    ])
  }, 300_000)
  afterAll(async () => {
    live?.close()
    await Promise.all([member, treasurer, admin].map((seat) => seat?.close()))
    await spip?.stop()
    await house?.stop()
    await mail?.stop()
    await mariadb?.remove()
  })

  /** Nights until so many days of the story have passed; what services were told is settled. */
  let day = 0
  async function until(then: number): Promise<void> {
    for (; day < then; day++) {
      house.clock.advance(DAY)
      await nightOf(house.installation)()
    }
  }
  /** What axe finds on the page before somebody (WCAG 2.2 AA). */
  const barriers = async (seat: Seat): Promise<string[]> => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations } = await new AxeBuilder({ page: seat.page }).withTags(tags).analyze()
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`)
  }

  /** The site's private part; true when SPIP lets the member in. */
  async function entersSite(): Promise<boolean> {
    const { page } = member!
    await page.goto(`${spip.url}/ecrire/`)
    if (!(await page.content()).includes('action=logout')) {
      await page.getByRole('link', { name: /Cassiopée/ }).click()
      await page.waitForLoadState('load')
      await member!.enter()
    }
    return page.url().startsWith(spip.url) && (await page.content()).includes('action=logout')
  }
  const isInSite = async (): Promise<boolean> => {
    await member!.page.goto(`${spip.url}/ecrire/`)
    return (await member!.page.content()).includes('action=logout')
  }

  /** The bank's file of a payment under the member's reference, up to the preview. */
  async function bringsStatement(): Promise<void> {
    const on = today()
    const payment: Payment = {
      cents: 6000,
      bookedOn: on,
      valueOn: on,
      name: 'ADA ESSAI',
      iban: '',
      reference: ogm,
      text: '',
      bankRef: `R${++payments}`,
      endToEndId: '',
    }
    const account = IBAN.replaceAll(' ', '')
    const file = printCamt([
      { account, number: String(payments), fromOn: on, toOn: on, opening: 0, payments: [payment] },
    ])
    await treasurer!.visit('/admin/dues')
    await treasurer!.page.getByRole('link', { name: 'Importer un extrait' }).click()
    await treasurer!.page
      .getByLabel('Fichier', { exact: true })
      .setInputFiles({ name: `extrait-${payments}.xml`, mimeType: 'text/xml', buffer: Buffer.from(file) })
    await treasurer!.press()
  }

  test('the treasurer writes down what was decided, and calls', async () => {
    const at = treasurer!
    await at.visit('/admin/dues')
    await at.shot('01-dues-empty')
    await at.visit('/admin/dues/tariffs/new')
    await at.fill({ name: 'Effectif', amountCents: '60', decidedOn: '2026-03-01', decisionRef: 'AG 2026, point 4' })
    await at.page.selectOption('#period', 'rolling')
    await at.shot('02-tariff')
    await at.press()
    await at.visit('/admin/dues/tariffs/rules')
    await at.fill({ graceDays: '30', reminderDays: '-30, -7, 0, 15, 30', decisionRef: 'AG 2026, point 5' })
    await at.press()
    await at.visit('/admin/dues/tariffs/account')
    await at.fill({ iban: IBAN, holder: 'Cassiopée ASBL' })
    await at.press()
    expect(await at.read()).toContain(IBAN)
    await at.shot('03-tariffs')
    await at.visit('/admin/members?text=ada')
    await at.page.getByRole('link', { name: 'Ada Essai' }).click()
    await at.page.getByRole('link', { name: 'Changer le tarif' }).click()
    await at.page.selectOption('#tariff', 'Effectif')
    await at.press()
    await at.visit('/admin/dues/call?within=31')
    await at.shot('04-call')
    expect(await at.read()).toContain('60,00 €')
    await at.press('form.act button.main')
    await at.shot('05-called')
    await at.visit(`/admin/members/${ada.member!.id}`)
    await at.shot('06-member')
    const [, written] = /(\+{3}\d{3}\/\d{4}\/\d{5}\+{3})/.exec(await at.read())!
    ogm = written!.replace(/\D/g, '')
    expect(await mobile.letters(0)).toEqual([])
  })

  test('the member is reminded by letter, each time once, and told how to pay', async () => {
    const written = ogm.replace(/^(\d{3})(\d{4})(\d{5})$/, '+++$1/$2/$3+++')
    for (const [count, night] of [1, 24, 31, 46].entries()) {
      await until(night)
      const letter = (await mobile.letters(count + 1)).at(-1)!
      expect(letter.text).toContain(written)
      expect(letter.text).toContain(IBAN)
      expect(letter.attachments.map(({ type }) => type.split(';')[0])).toEqual(['image/gif'])
    }
    // Sending today's reminders by hand sends none twice.
    await treasurer!.visit('/admin/dues/remind')
    await treasurer!.press()
    expect(await treasurer!.read()).toContain('Envoyés 0')
    expect(await mobile.letters(4)).toHaveLength(4)
    // In grace everything is open, and home says until when.
    await member!.visit('/')
    await member!.shot('10-home-in-grace')
    expect(await member!.read()).toMatch(/Vos services restent ouverts jusqu’au \d+(er)? \p{L}+ \d{4}/u)
  })

  test('the member lapses: out of the site and told why and how to pay; mail is read, the site is seen', async () => {
    await until(61)
    const last = (await mobile.letters(5)).at(-1)!
    expect(last.subject).toMatch(/^Rappel/)
    expect(await entersSite(), 'the last day of grace').toBe(true)
    await until(62)
    await expect.poll(isInSite, { timeout: 60_000 }).toBe(false)
    expect(await entersSite()).toBe(false)
    await member!.shot('20-refused')
    expect(await barriers(member!)).toEqual([])
    const refused = await member!.read()
    expect(refused).toContain('Votre adhésion est arrivée à échéance')
    expect(refused).toContain('60,00 €')
    expect(refused).toContain(ogm.replace(/^(\d{3})(\d{4})(\d{5})$/, '+++$1/$2/$3+++'))
    await member!.visit('/')
    await member!.shot('21-home-lapsed')
    expect(await barriers(member!)).toEqual([])
    await member!.visit('/account/dues')
    await member!.shot('22-dues-lapsed')
    expect(await mobile.readsMail()).toBe(true)
    const seen = await fetch(spip.url)
    expect([seen.status, (await seen.text()).includes('</html>')]).toEqual([200, true])
  })

  test('the bank’s statement brings the member back, and nobody does more', async () => {
    await bringsStatement()
    await treasurer!.shot('30-preview')
    expect(await treasurer!.read()).toContain('Paiement de Ada Essai')
    await treasurer!.press()
    await treasurer!.shot('31-imported')
    expect(await entersSite()).toBe(true)
    await member!.visit('/account/dues')
    await member!.shot('32-dues-paid')
    expect(await member!.read()).toMatch(/Reçu \d{4}-0001/)
  })

  test('the administrator suspends and watches every door close', async () => {
    live = await imap(mail.dovecot.imapPort)
    expect(await live.authenticate('PLAIN', LOGIN, mail.dovecot.password(LOGIN))).toMatch(/^OK/)
    await live.idle()
    await admin!.visit('/admin/accounts?text=ada')
    await admin!.page.getByRole('link', { name: 'ada', exact: true }).click()
    await admin!.shot('40-account')
    await admin!.page.getByRole('link', { name: 'Suspendre', exact: true }).click()
    await admin!.fill({ reason: REASON })
    await admin!.shot('41-suspend')
    await admin!.press()
    await admin!.page.getByRole('status').filter({ hasText: 'Tout est fermé' }).waitFor({ timeout: 60_000 })
    await admin!.shot('42-closed')
    expect(await admin!.read()).toMatch(/\d+ ms/)
    expect(await live.bye(30_000)).toMatch(/^\* BYE|closed/)
    expect(await mobile.readsMail()).toBe(false)
    expect(await isInSite()).toBe(false)
    expect(await entersSite()).toBe(false)
    await member!.shot('43-refused')
    for (const path of ['', '/']) {
      if (path) await member!.visit(path)
      const said = await member!.read()
      for (const part of ['Votre accès est suspendu', REASON, 'bureau@cassiopee.example']) expect(said).toContain(part)
    }
    await member!.shot('44-home-suspended')
  })

  test('money lifts no suspension', async () => {
    await bringsStatement()
    await treasurer!.press()
    await treasurer!.page.getByRole('link', { name: 'Ouvrir la boîte d’attente' }).click()
    await treasurer!.shot('50-inbox')
    await treasurer!.page.getByRole('link', { name: /^Décider de 60,00/ }).click()
    await treasurer!.shot('51-line')
    await treasurer!.press('button[value=match]')
    expect(await treasurer!.read()).toContain('C’est noté.')
    expect([await entersSite(), await mobile.readsMail()]).toEqual([false, false])
    await member!.visit('/account/dues')
    await member!.shot('52-dues-credit')
    expect(await member!.read()).toContain('Un solde de 60,00 €')
  })

  test('restored, everything works again', async () => {
    await admin!.visit('/admin/accounts?text=ada')
    await admin!.page.getByRole('link', { name: 'ada', exact: true }).click()
    await admin!.shot('60-account-suspended')
    await admin!.page.getByRole('link', { name: 'Rétablir l’accès' }).click()
    await admin!.press()
    await admin!.page
      .getByRole('status')
      .filter({ hasText: 'Tous les services ont suivi' })
      .waitFor({ timeout: 60_000 })
    await admin!.shot('61-restored')
    expect(await barriers(admin!)).toEqual([])
    expect(await entersSite()).toBe(true)
    // Dovecot looks at its files once a second.
    await expect.poll(mobile.readsMail, { timeout: 15_000, interval: 300 }).toBe(true)
  })

  test('the journal tells all of it, and holds', async () => {
    await admin!.visit('/admin/audit')
    await admin!.shot('70-audit')
    const said = await admin!.read()
    for (const action of [
      'access.restored',
      'bank_line.matched',
      'access.suspended',
      'payment.recorded',
      'statement.imported',
      'standing.changed',
    ])
      expect(said).toContain(action)
    await admin!.visit('/admin/audit?action=dues.')
    expect(await admin!.read()).toContain('dues.called')
    await admin!.visit('/admin/audit/verify')
    await admin!.press()
    expect(await admin!.read()).toMatch(/Le journal est intact : \d+ lignes vérifiées/)
    await admin!.visit('/admin')
    await admin!.shot('71-dashboard')
  })
})
