// A person at a browser of their own, Debian's Chromium: goes to the house's pages, and signs in, with the second factor or
// enrolling one, whenever a page asks for it.
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { codeAt } from './at-home.ts'
import { desktop, openChromium } from './chromium.ts'
import type { House, Person } from './house.ts'

/** A picture of the whole page under that name, in the folder that the environment names; nothing without one. */
const photographer =
  (page: Page, folder = process.env.SHOTS) =>
  async (name: string): Promise<void> => {
    if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
  }

export async function sit(house: House, person: Person, options: BrowserContextOptions = desktop) {
  const context: BrowserContext = await openChromium(options)
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  let secret: string | undefined

  const press = async (button = 'button.main'): Promise<void> => {
    await Promise.all([page.waitForEvent('load'), page.locator(button).first().click()])
  }
  const fill = async (fields: Record<string, string>): Promise<void> => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value)
  }
  const has = async (selector: string): Promise<boolean> => (await page.locator(selector).count()) > 0

  /** One page on the way in; false when this is none. */
  async function step(): Promise<boolean> {
    if (await has('#identifier')) await fill({ identifier: person.account.username, password: person.password })
    else if (await has('ul.codes')) {
      await press('a.button.main')
      return true
    } else if (await has('#code')) {
      if (await has('form code')) secret = (await page.locator('form code').innerText()).replace(/\s/g, '')
      // A code works once: each sign-in has a minute of its own.
      house.clock.advance(60_000)
      await fill({ code: codeAt(house, secret!) })
    } else return false
    await press()
    return true
  }
  const enter = async (): Promise<void> => {
    for (let steps = 0; steps < 6 && (await step()); steps++);
  }

  return {
    page,
    press,
    fill,
    enter,
    has,
    shot: photographer(page),
    async visit(path: string): Promise<void> {
      const to = new URL(path, house.issuer).href
      await page.goto(to)
      await enter()
      // Enrolling leads home, not to where one wanted to go.
      if (to.startsWith(house.issuer) && page.url() !== to) await page.goto(to)
    },
    read: async (): Promise<string> => (await page.locator('body').innerText()).replace(/\s+/gu, ' '),
    close: () => context.close(),
  }
}
export type Seat = Awaited<ReturnType<typeof sit>>
