// The one browser of the web bench: signing in at Schedar and, without another click, at services; and signing in with a form
// of a service's own.
import { type Browser, createBrowser, formsOf, type Reply } from '../test/support/browser-jar.ts'
import { submit } from '../test/support/relying-party.ts'
import type { WebHost } from './web-host.ts'
import type { WebService } from './web-services.ts'

/** Opens a service from its link. Gives the password when Schedar asks for it; how often that was. */
export async function enter(
  { person, password, issuer }: WebHost,
  browser: Browser,
  { enter: address }: WebService,
): Promise<number> {
  const page = await browser.open(address)
  if (!page.text.includes('name="identifier"')) return 0
  await browser.follow(await submit(browser, page, { identifier: person.username, password }, issuer))
  return 1
}

/** Signs in at services, one after the other; how many interactions it took in all. Throws when one does not let in. */
export async function enterAll(host: WebHost, browser: Browser, services: readonly WebService[]): Promise<number> {
  let interactions = 0
  for (const service of services) {
    interactions += await enter(host, browser, service)
    if (!(await service.isIn(browser, host.person)))
      throw new Error(`${service.name} did not let in by ${service.enter}`)
  }
  return interactions
}

/** A browser in which somebody is signed in at these. */
export async function signedIn(host: WebHost, services: readonly WebService[]): Promise<Browser> {
  const browser = createBrowser()
  await enterAll(host, browser, services)
  return browser
}

/** A new browser that has of another one what it holds of Schedar, and nothing of any service. */
export function atSchedarOnly({ issuer }: WebHost, browser: Browser): Browser {
  const other = createBrowser()
  for (const { attributes } of browser.cookies(new URL(issuer).hostname)) other.setCookie(issuer, attributes)
  return other
}

/** Opens a page with a form and sends that; `told` are the fields that it is known by. The page at which that ends. */
export async function sendForm(
  browser: Browser,
  address: string,
  fields: Record<string, string>,
  told: readonly string[] = Object.keys(fields),
): Promise<Reply> {
  const page = await browser.open(address)
  const form = formsOf(page).find((one) => told.every((name) => name in one.fields))
  if (!form) throw new Error(`no form for ${told} at ${page.url}: ${page.text.slice(0, 300)}`)
  return browser.submit(form, fields)
}
