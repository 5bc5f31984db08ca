// Every page in a real browser: WCAG 2.2 AA by axe, on a phone and a desk, by day and by night, in four languages; whole
// without JavaScript; usable with the keyboard alone; nothing wider than a small phone.
import { generateSync } from 'otplib'
import type { BrowserContext, BrowserContextOptions, Cookie, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import spip from '../../plugins/spip/index.ts'
import { locales } from '../../src/ports.ts'
import { affiliate } from '../../src/usecases/accounts.ts'
import { makeAppPassword } from '../../src/usecases/app-passwords.ts'
import { invitePerson, keyOfInvitation } from '../../src/usecases/association-invitations.ts'
import { addClient, setClientRole } from '../../src/usecases/clients.ts'
import { invite } from '../../src/usecases/invite.ts'
import { addMember } from '../../src/usecases/members.ts'
import { addResource } from '../../src/usecases/resources.ts'
import { offerSetUp } from '../../src/usecases/set-up.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { desktop, openChromium, phone } from '../support/chromium.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'
import { sound, soundInEachLook } from '../support/sound.ts'

let house: House
let service: RelyingParty
let stranger: RelyingParty
let forum: RelyingParty
const persons: Record<'ada' | 'late' | 'grace' | 'out' | 'boss' | 'new', Person> = {} as never
let setUpLink: string
let invitationLink: string
const joinLinks: string[] = []
const sites = { ada: '', late: '' }

beforeAll(async () => {
  house = await startHouse()
  const { core, letters } = house.installation
  setUpLink = `${house.issuer}/set-up/${await offerSetUp(core)()}`
  persons.ada = await house.person({ username: 'ada', coveredForDays: 90 })
  persons.late = await house.person({ username: 'late', coveredForDays: -90 })
  persons.grace = await house.person({ username: 'grace', coveredForDays: -5 })
  persons.out = await house.person({ username: 'out', coveredForDays: 90 })
  persons.new = await house.person({ username: 'new', coveredForDays: null })
  await suspend(core)({
    target: { accountId: persons.out.account.id },
    reason: 'Le formulaire du site envoyait du courrier indésirable.',
    actor: 'test',
  })
  const invited = await core.store.accounts.get(persons.new.account.id)
  await invite(core, letters)({ account: invited!, actor: 'test' })
  invitationLink = house.letters().at(-1)!.link
  for (const [name, actor] of [
    ['Thunderbird', persons.ada.account.id],
    ['Téléphone', 'cli:test'],
  ] as const)
    await makeAppPassword(core)({ accountId: persons.ada.account.id, name, scopes: ['imap', 'smtp', 'dav'], actor })
  await inviteToAssociation()
  await openSites()
  service = await relyingParty(house, { name: 'Le wiki' })
  stranger = await relyingParty(house, { name: 'Ailleurs', party: 'third' })
})
afterAll(async () => {
  await Promise.all([service?.close(), stranger?.close(), forum?.close()])
  await house?.stop()
})

const acceptAt = (link: string) => `${house.issuer}/account/join/${keyOfInvitation(link.split('/').at(-1)!)}/accept`

/** An association whose owner is Ada; letters to somebody new and to somebody with an account. */
async function inviteToAssociation(): Promise<void> {
  const { core, letters } = house.installation
  const member = await addMember(core)({
    memberNumber: 'A-1',
    kind: 'association',
    name: 'Les Amis du Vélo',
    email: null,
    coveredUntilOn: '2099-12-31',
    actor: 'test',
  })
  for (const [person, role] of [
    [persons.ada, 'owner'],
    [persons.grace, 'technical'],
  ] as const)
    await affiliate(core)({ accountId: person.account.id, memberId: member.id, role, actor: 'test' })
  const very = 'quelqu.un.dont.l.adresse.est.longue@une-association-amie.example'
  for (const email of [very, persons.late.account.email!]) {
    const of = { memberNumber: member.memberNumber, actor: persons.ada.account.id }
    await invitePerson(core, letters)({ ...of, email, role: 'billing' })
    joinLinks.push(house.letters().at(-1)!.link)
  }
}

/** Ada's is a SPIP site with a forum beside it; the one whose owner lapsed is not connected. */
async function openSites(): Promise<void> {
  const { core } = house.installation
  for (const whose of ['ada', 'late'] as const) {
    const { member, account } = persons[whose]
    const name = `les-pages-de-${whose}.example`
    const site = await addResource(core)({ memberId: member!.id, kind: 'site', name, actor: 'test' })
    sites[whose] = site.id
    if (whose === 'late') continue
    const spipSite = { kind: 'spip', name: 'Les pages', url: `https://${name}`, plugin: spip, site, actor: 'test' }
    const { client } = await addClient(core)(spipSite)
    forum = await relyingParty(house, { site, name: 'Le forum' })
    for (const [clientId, role] of [
      [client.clientId, 'visiteur'],
      [forum.clientId, 'animation'],
    ] as const)
      await setClientRole(core)({ clientId, subjectKind: 'account', subject: account.id, role, actor: 'test' })
  }
}

/** Cookies of who signed in before: a password is looked at once for each person. */
const sessions = new Map<string, Cookie[]>()

/** The language that somebody chose stays. */
const signedOut = (page: Page) => page.context().clearCookies({ name: /^(?!schedar_lang$)/ })

async function signedIn(page: Page, { account, password }: Person, at = house.issuer): Promise<void> {
  const jar = page.context()
  await signedOut(page)
  const before = sessions.get(account.id)
  if (before) await jar.addCookies(before)
  await page.goto(at)
  if (before) return
  await page.fill('#identifier', account.username)
  await page.fill('#password', password)
  await page.locator('button.main').click()
  await page.waitForLoadState('load')
  sessions.set(
    account.id,
    (await jar.cookies(house.issuer)).filter(({ name }) => name !== 'schedar_lang'),
  )
}

const siteAddress = (whose: 'ada' | 'late') => `${house.issuer}/account/sites/${sites[whose]}`

const at = async (party: RelyingParty) => (await party.begin()).url

/** Each page, and how a person gets there. */
const pages: Record<string, (page: Page) => Promise<unknown>> = {
  'sign-in': (page) => page.goto(house.issuer),
  'sign-in, refused': async (page) => {
    await page.goto(house.issuer)
    await page.fill('#identifier', 'ada')
    await page.fill('#password', 'not this')
    await page.locator('button.main').click()
    await page.locator('[role=alert]').waitFor()
  },
  'set-up': (page) => page.goto(setUpLink),
  invitation: (page) => page.goto(invitationLink),
  'invitation, refused': async (page) => {
    await page.goto(invitationLink)
    await page.fill('#password', 'short')
    await page.fill('#repeated', 'other')
    await page.locator('button.main').click()
    await page.locator('.wrong').waitFor()
  },
  forgotten: (page) => page.goto(`${house.issuer}/forgotten`),
  'forgotten, sent': async (page) => {
    await page.goto(`${house.issuer}/forgotten`)
    await page.fill('#identifier', `nobody-${Math.random()}`)
    await page.locator('button.main').click()
    await page.locator('[role=status]').waitFor()
  },
  home: (page) => signedIn(page, persons.ada),
  'home, in grace': (page) => signedIn(page, persons.grace),
  'home, lapsed': (page) => signedIn(page, persons.late),
  'home, suspended': (page) => signedIn(page, persons.out),
  'change password': async (page) => {
    await signedIn(page, persons.ada)
    await page.goto(`${house.issuer}/account/password`)
  },
  'app passwords': async (page) => {
    await signedIn(page, persons.ada)
    await page.goto(`${house.issuer}/account/app-passwords`)
  },
  'app password, refused': async (page) => {
    await signedIn(page, persons.ada)
    await page.goto(`${house.issuer}/account/app-passwords/new`)
    await page.fill('#name', 'Tablette')
    for (const scope of ['imap', 'smtp']) await page.uncheck(`[value=${scope}]`)
    await page.locator('button.main').click()
    await page.locator('.wrong').waitFor()
  },
  'app password, made': async (page) => {
    await signedIn(page, persons.ada)
    await page.goto(`${house.issuer}/account/app-passwords/new`)
    await page.fill('#name', `Programme ${Math.random()}`)
    await page.locator('button.main').click()
    await page.locator('#secret').waitFor()
  },
  people: async (page) => {
    await signedIn(page, persons.ada)
    await page.goto(`${house.issuer}/account/people/A-1`)
    for (const summary of await page.locator('summary').all()) await summary.click()
  },
  'people, refused': async (page) => {
    await pages.people!(page)
    await page.fill('#email', 'a@b')
    await page.locator('button[value=invite]').click()
    await page.locator('.wrong').waitFor()
  },
  'people, asked once more': async (page) => {
    await pages.people!(page)
    await page.locator('button[value=remove]').first().click()
    await page.locator('[name=confirmed]').waitFor({ state: 'attached' })
  },
  sites: async (page) => signedIn(page, persons.ada, `${house.issuer}/account/sites`),
  site: async (page) => {
    await signedIn(page, persons.ada, siteAddress('ada'))
    for (const summary of await page.locator('summary').all()) await summary.click()
  },
  'site, lapsed': async (page) => signedIn(page, persons.late, siteAddress('late')),
  'site, refused': async (page) => {
    await pages.site!(page)
    const forum = page.locator('form', { has: page.locator('input[name=role][type=text]') })
    await forum.locator('[name=role]').fill('deux mots')
    await forum.locator('button').click()
    await page.locator('.wrong').waitFor()
  },
  'site, kit': async (page) => signedIn(page, persons.ada, `${siteAddress('ada')}/kit`),
  'site, secret': async (page) => signedIn(page, persons.ada, `${siteAddress('ada')}/secret`),
  'site, secret changed': async (page) => {
    await pages['site, secret']!(page)
    await page.locator('button.main').click()
    await page.locator('[role=status]').waitFor()
  },
  'join, somebody new': async (page) => {
    await signedOut(page)
    await page.goto(joinLinks[0]!)
  },
  'join, with an account': async (page) => {
    await signedOut(page)
    await page.goto(joinLinks[1]!)
    await page.locator('summary').click()
  },
  'join, signed in': async (page) => signedIn(page, persons.late, acceptAt(joinLinks[1]!)),
  'join, somebody else': async (page) => signedIn(page, persons.ada, acceptAt(joinLinks[1]!)),
  'second factor': async (page) => {
    await signedIn(page, persons.ada)
    await page.goto(`${house.issuer}/account/second-factor`)
  },
  'service refused, lapsed': async (page) => signedIn(page, persons.late, await at(service)),
  'service refused, suspended': async (page) => signedIn(page, persons.out, await at(service)),
  consent: async (page) => signedIn(page, persons.ada, await at(stranger)),
  'sign out': async (page) => {
    await signedIn(page, persons.ada)
    await page.goto(`${house.issuer}/session/end`)
  },
  'signed out': (page) => page.goto(`${house.issuer}/session/end/success`),
  'no such page': (page) => page.goto(`${house.issuer}/nowhere`),
  'wrong client': (page) => page.goto(`${house.issuer}/auth?client_id=nobody`),
  'dead link': (page) => page.goto(`${house.issuer}/password/dead`),
}

async function inBrowser(
  options: BrowserContextOptions,
  work: (page: Page, context: BrowserContext) => Promise<void>,
): Promise<void> {
  const context = await openChromium(options)
  try {
    await work(await context.newPage(), context)
  } finally {
    await context.close()
  }
}

test('every page is accessible and fits', async () => {
  await inBrowser(desktop, async (page) => {
    for (const [name, open] of Object.entries(pages)) {
      await open(page)
      await soundInEachLook(page, name)
    }
  })
}, 400_000)

test('each language says so, and holds in the narrowest window', async () => {
  await inBrowser({ viewport: { width: 320, height: 640 } }, async (page) => {
    for (const locale of locales) {
      await page.goto(`${house.issuer}/forgotten?lang=${locale}`)
      expect(await page.getAttribute('html', 'lang')).toBe(locale)
      for (const name of [
        'sign-in, refused',
        'home, suspended',
        'service refused, lapsed',
        'consent',
        'change password',
        'app passwords',
        'app password, made',
        'people',
        'site',
        'site, kit',
        'join, with an account',
      ]) {
        await pages[name]!(page)
        expect(await page.getAttribute('html', 'lang'), name).toBe(locale)
        await sound(page, `${name} in ${locale}`)
      }
    }
  })
}, 400_000)

test('whole without JavaScript', async () => {
  await inBrowser({ ...phone, javaScriptEnabled: false }, async (page) => {
    await signedIn(page, persons.ada, await at(service))
    await page.waitForURL(new RegExp(service.url))
    await page.goto(`${house.issuer}/session/end`)
    await page.locator('button.main').click()
    await page.waitForURL(/\/session\/end\/success/)
    expect(await page.locator('h1').innerText()).toBe('À bientôt')
    // The button that only JavaScript can serve is not shown.
    await page.goto(house.issuer)
    expect(await page.locator('button.reveal').isVisible()).toBe(false)
  })
})

test('with the keyboard alone, the focus always to be seen', async () => {
  await inBrowser(desktop, async (page) => {
    await page.goto(house.issuer)
    // The page opens in its first field.
    await page.keyboard.type(persons.ada.account.username)
    await page.keyboard.press('Tab')
    await page.keyboard.type(persons.ada.password)
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-pressed'))).toBe('false')
    await page.keyboard.press('Enter')
    expect(await page.getAttribute('#password', 'type')).toBe('text')
    expect(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).toBe('solid')
    // Back in the password field: Enter signs in.
    expect(await page.inputValue('#password')).toBe(persons.ada.password)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${house.issuer}/`)
  })
})

test('an authenticator is enrolled from the key that stands beside its QR code', async () => {
  await inBrowser(phone, async (page) => {
    await signedIn(page, persons.grace)
    await page.goto(`${house.issuer}/account/second-factor`)
    const secret = (await page.locator('code').first().innerText()).replace(/\s/g, '')
    await page.fill('#code', generateSync({ secret }))
    await page.locator('button.main').click()
    await page.locator('.codes').waitFor()
    await sound(page, 'codes')
    expect(await page.locator('.codes li').count()).toBe(10)
  })
})

test('a typed name stays after a mistake, a password never does', async () => {
  await inBrowser(desktop, async (page) => {
    await pages['sign-in, refused']!(page)
    expect(await page.inputValue('#identifier')).toBe('ada')
    expect(await page.inputValue('#password')).toBe('')
  })
})
