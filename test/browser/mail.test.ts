// The pages of mail and of sites in a real browser: WCAG 2.2 AA by axe on a phone and a desk, by day and by night; nothing wider than a
// small phone; deciding about held messages without JavaScript. SHOTS=folder keeps pictures.
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hourOf } from '../../src/domain/traffic.ts'
import { setMailbox } from '../../src/usecases/mailboxes.ts'
import { quarantineLogin } from '../../src/usecases/quarantine.ts'
import { addLogin, addResource } from '../../src/usecases/resources.ts'
import { makeSiteLogin } from '../../src/usecases/site-login.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { codeAt } from '../support/at-home.ts'
import { desktop, openChromium } from '../support/chromium.ts'
import { type House, startHouse } from '../support/house.ts'
import { heldMessage, queueIn, sentMessage, type TestQueue } from '../support/outgoing.ts'
import { soundInEachLook } from '../support/sound.ts'
import { type StaffMember, staffMember } from '../support/staff.ts'

const SHOTS = process.env.SHOTS
const HOUR = 3_600_000
const SITE = 'velo.example'
const ADA = 'boss@asso.example'
let house: House
let boss: StaffMember
let queue: TestQueue
const paths: Record<string, string> = {}

const greylisted = {
  result: 'deferred',
  dsn: '4.7.1',
  text: 'host mx.example.net[192.0.2.9] said: 450 4.7.1 <zoe@example.net>: Recipient address rejected: Greylisted for 5 minutes (in reply to RCPT TO command)',
} as const
const listed = {
  result: 'bounced',
  dsn: '5.7.1',
  recipient: 'max@example.net',
  text: 'host mx.example.net[192.0.2.9] said: 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1 (in reply to RCPT TO command)',
} as const

beforeAll(async () => {
  house = await startHouse({
    config: {
      mailSetup: {
        imap: { host: 'imap.cassiopee.example' },
        smtp: { host: 'smtp.cassiopee.example' },
        pop3: { host: 'imap.cassiopee.example' },
      },
    },
  })
  const { core } = house.installation
  boss = await staffMember(house, 'boss', 'admin')
  queue = queueIn(house)
  const { id: memberId } = boss.person.member!
  const { id: accountId } = boss.person.account
  const box = await addResource(core)({ memberId, kind: 'mailbox', name: ADA, actor: 'test' })
  await setMailbox(core)({ resourceId: box.id, quotaBytes: 5 * 1024 ** 3, formerUntilOn: '2027-01-31', actor: 'test' })
  await addLogin(core)({ mailboxId: box.id, accountId, actor: 'test' })
  const shared = await addResource(core)({
    memberId,
    kind: 'mailbox',
    name: 'secretariat-et-tresorerie@association-du-velo.example',
    actor: 'test',
  })
  await addLogin(core)({
    mailboxId: shared.id,
    accountId,
    name: 'boss.secretariat@association-du-velo.example',
    actor: 'test',
  })
  const alias = await addResource(core)({
    memberId,
    kind: 'alias',
    name: 'info@asso.example',
    targets: [ADA, 'zoe@elsewhere.example'],
    actor: 'test',
  })
  const site = await addResource(core)({ memberId, kind: 'site', name: SITE, actor: 'test' })
  await makeSiteLogin(core)({ siteId: site.id, actor: accountId })
  const now = core.clock.now()
  for (let hour = 1; hour < 160; hour += 3)
    await sentMessage(core, {
      login: hour % 2 ? ADA : SITE,
      memberId,
      recipients: (hour * 7) % 40,
      at: now - hour * HOUR,
    })
  await sentMessage(core, { login: SITE, memberId, recipients: 240, at: now - HOUR / 2 })
  await sentMessage(core, { login: ADA, memberId, attempts: [greylisted, greylisted, greylisted, {}] })
  await sentMessage(core, { login: ADA, memberId, attempts: [listed] })
  for (const subject of ['Gagnez vite une montre', 'Re: votre colis', ''])
    await heldMessage(core, queue, { login: SITE, subject, script: '1042:contact.php' })
  await quarantineLogin(core)({ login: SITE, detail: '240 destinataires en une heure (limite 200)', actor: 'test' })
  await quarantineLogin(core)({
    login: 'boss.secretariat@association-du-velo.example',
    detail: 'Mot de passe volé',
    actor: accountId,
  })
  const thisHour = hourOf(core.clock.now())
  await core.store.transaction((stores) =>
    stores.traffic.add(
      Array.from({ length: 150 }, (_, hour) => ({
        siteId: site.id,
        at: thisHour - hour * HOUR,
        bytes: hour === 2 ? 4_200_000_000 : 20_000_000 + ((hour * 7919) % 90) * 1_000_000,
        requests: 900 + hour,
        paths: [
          {
            value: '/IMG/mp4/un-film-avec-un-nom-qui-n-en-finit-pas-et-qui-depasse-toute-colonne-raisonnable.mp4',
            bytes: 9_000_000,
            requests: 40,
          },
          { value: '/spip.php', bytes: 3_000_000, requests: 700 },
        ],
        addresses: [{ value: '2001:db8:1234:5678:9abc:def0:1234:5678', bytes: 8_000_000, requests: 600 }],
      })),
    ),
  )
  await suspend(core)({
    target: { resourceId: site.id },
    reason: 'Un hameçonnage dans /IMG',
    actor: boss.person.account.id,
  })
  Object.assign(paths, {
    mail: '/account/mail',
    phone: '/account/mail/phone',
    trace: '/account/mail/trace?recipient=@example.net',
    'trace-empty': '/account/mail/trace?recipient=nobody@example.net',
    'trace-wrong': '/account/mail/trace?recipient=%25',
    outgoing: '/admin/outgoing',
    'outgoing-one': `/admin/outgoing?login=${SITE}`,
    held: '/admin/outgoing/held',
    stop: '/admin/outgoing/stop',
    'staff-trace': '/admin/outgoing/trace?recipient=@example.net',
    notice: '/admin/outgoing/notice?recipient=@example.net&cause=block_list',
    mailboxes: '/admin/mailboxes?address=info@asso.example',
    'mailbox-new': '/admin/mailboxes/new?member=M-boss',
    mailbox: `/admin/mailboxes/${box.id}`,
    'mailbox-change': `/admin/mailboxes/${box.id}/change`,
    'mailbox-login': `/admin/mailboxes/${box.id}/login`,
    alias: `/admin/mailboxes/${alias.id}`,
    'alias-change': `/admin/mailboxes/${alias.id}/change`,
    'take-login': `/admin/mailboxes/${box.id}/take-login?login=${ADA}`,
    'site-mail': `/admin/sites/${site.id}/mail`,
    sites: '/admin/sites',
    site: `/admin/sites/${site.id}`,
    'site-suspend': `/admin/sites/${site.id}/suspend`,
    member: `/admin/members/${memberId}`,
    dashboard: '/admin',
  })
})
afterAll(() => house?.stop())

async function signedIn(options: BrowserContextOptions): Promise<{ context: BrowserContext; page: Page }> {
  const context = await openChromium(options)
  const page = await context.newPage()
  house.clock.advance(60_000)
  await page.goto(house.issuer)
  await page.fill('#identifier', 'boss')
  await page.fill('#password', boss.person.password)
  await page.locator('button.main').click()
  await page.fill('#code', codeAt(house, boss.secret))
  await page.locator('button.main').click()
  await page.waitForURL(`${house.issuer}/`)
  return { context, page }
}

test('every page can be used by everybody', async () => {
  const { context, page } = await signedIn(desktop)
  for (const [name, path] of Object.entries(paths)) {
    await page.goto(house.issuer + path)
    // What is folded away is looked at as well.
    await page.evaluate(() => {
      for (const one of document.querySelectorAll('details')) one.open = true
    })
    await soundInEachLook(page, name)
  }
  await context.close()
}, 300_000)

test('a phone is set up, a burst decided about and sending opened again, without JavaScript', async () => {
  const { context, page } = await signedIn({ ...desktop, javaScriptEnabled: false })
  await page.getByRole('link', { name: /^Mon courrier/ }).click()
  await page.getByRole('link', { name: 'Régler un téléphone ou un ordinateur' }).click()
  await page.getByLabel(ADA, { exact: true }).check()
  await page.getByRole('button', { name: 'Créer le mot de passe' }).click()
  expect(await page.getByLabel(`Mot de passe pour ${ADA}`).inputValue()).toMatch(/^[a-z2-9]{20}$/)
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/desktop-phone-made.png`, fullPage: true })
  await page.getByText('iPhone et iPad').click()
  const [profile] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: `Télécharger le profil de ${ADA}` }).click(),
  ])
  expect(profile.suggestedFilename()).toBe('courrier.mobileconfig')

  await page.goto(`${house.issuer}/admin/outgoing`)
  await page.getByRole('link', { name: `Décider ${SITE}` }).click()
  await page.getByLabel('Choisir Re: votre colis').check()
  await page.getByRole('button', { name: 'Supprimer les choisis' }).click()
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/desktop-remove.png`, fullPage: true })
  await page.getByRole('button', { name: 'Oui, supprimer' }).click()
  expect(await page.getByText('Re: votre colis').count()).toBe(0)
  await page.getByRole('button', { name: `Laisser partir tout de ${SITE}` }).click()
  expect(queue.done.map((line) => line.split(' ')[0])).toEqual(['purge', 'release', 'release'])
  await page.goto(`${house.issuer}/admin/outgoing`)
  await page.getByRole('button', { name: `Laisser à nouveau envoyer ${SITE}` }).click()
  expect(await house.installation.core.store.quarantines.ofLogin(SITE)).toBeUndefined()
  await context.close()
}, 60_000)
