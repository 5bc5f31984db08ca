// Every page in a real browser: WCAG 2.2 AA by axe, on a phone and a desk, by day and by night, in four languages; whole
// without JavaScript; usable with the keyboard alone; nothing wider than a small phone.
import { AxeBuilder } from '@axe-core/playwright'
import { generateSync } from 'otplib'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { locales } from '../../src/ports.ts'
import { invite } from '../../src/usecases/invite.ts'
import { offerSetUp } from '../../src/usecases/set-up.ts'
import { suspend } from '../../src/usecases/suspend.ts'
import { desktop, openChromium, phone } from '../support/chromium.ts'
import { type House, type Person, startHouse } from '../support/house.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'

let house: House
let service: RelyingParty
let stranger: RelyingParty
const persons: Record<'ada' | 'late' | 'grace' | 'out' | 'boss' | 'new', Person> = {} as never
let setUpLink: string
let invitationLink: string

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
  service = await relyingParty(house, { name: 'Le wiki' })
  stranger = await relyingParty(house, { name: 'Ailleurs', party: 'third' })
})
afterAll(async () => {
  await Promise.all([service?.close(), stranger?.close()])
  await house?.stop()
})

async function signedIn(page: Page, { account, password }: Person, at = house.issuer): Promise<void> {
  await page.context().clearCookies()
  await page.goto(at)
  await page.fill('#identifier', account.username)
  await page.fill('#password', password)
  await page.locator('button.main').click()
  await page.waitForLoadState('load')
}

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

async function check(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
    'no sideways scrolling',
  ).toBe(true)
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

describe.each([
  ['on a phone', phone],
  ['on a desk, by night', { ...desktop, colorScheme: 'dark' as const }],
])('%s', (_name, options) => {
  test('every page is accessible and fits', async () => {
    await inBrowser(options, async (page) => {
      for (const [name, open] of Object.entries(pages)) {
        await open(page)
        await check(page).catch((error: Error) => {
          throw new Error(`${name}: ${error.message}`)
        })
        expect(await page.locator('h1').count(), name).toBe(1)
      }
    })
  })
})

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
      ])
        await pages[name]!(page)
          .then(() => check(page))
          .catch((error: Error) => {
            throw new Error(`${name} in ${locale}: ${error.message}`)
          })
      await page.context().clearCookies()
    }
  })
})

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
    await check(page)
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
