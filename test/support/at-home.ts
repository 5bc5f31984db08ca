// A person at the house's own pages: signing in with a password and a code, reading a page as text, sending a form, and
// requests that no browser would send.
import { connect } from 'node:net'
import { generateSync } from 'otplib'
import { beginEnrolment, confirmEnrolment } from '../../src/usecases/second-factor.ts'
import { type Browser, createBrowser, formsOf, type Reply } from './browser-jar.ts'
import type { House, Person } from './house.ts'
import { follow, submit } from './relying-party.ts'

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: '\u00a0' }

/** What a person reads: no tags, entities resolved, white space (no-break spaces too) as one space. */
export const read = ({ text }: Pick<Reply, 'text'>): string =>
  (/<body.*<\/body>/s.exec(text)?.[0] ?? text)
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(#?\w+);/g, (all, name: string) => entities[name] ?? all)
    .replace(/\s+/gu, ' ')
    .trim()

export const titleOf = ({ text }: Reply): string => read({ text: /<h1>(.*?)<\/h1>/s.exec(text)?.[1] ?? '' })

/** Opens an address of the house and follows to the page it ends at. */
export const open = async (house: House, browser: Browser, path: string): Promise<Reply> =>
  follow(browser, await browser.fetch(new URL(path, house.issuer).href), 'never:')

/** Sends a form of a page and follows to the page it ends at, or to an address that begins with `stopAt`. */
export const send = async (
  house: House,
  browser: Browser,
  page: Reply,
  fields: Record<string, string>,
  stopAt = 'never:',
): Promise<Reply> => follow(browser, await submit(browser, page, fields, house.issuer), stopAt)

/** Signs in at home with the password; the page at which that ends. */
export async function enter(
  house: House,
  browser: Browser,
  { identifier, password, shared }: { identifier: string; password: string; shared?: boolean },
  path = '/',
): Promise<Reply> {
  const page = await open(house, browser, path)
  return send(house, browser, page, { identifier, password, ...(shared && { shared: 'yes' }) })
}

/** A browser in which a person is signed in at home, with a code when one is asked for. */
export async function browserOf(house: House, person: Person, secret?: string): Promise<Browser> {
  const browser = createBrowser()
  const page = await enter(house, browser, { identifier: person.account.username, password: person.password })
  if (secret) await send(house, browser, page, { code: codeAt(house, secret) })
  return browser
}

/** The code that an authenticator shows, `steps` of 30 seconds from now. */
export const codeAt = (house: House, secret: string, steps = 0): string =>
  generateSync({ secret, epoch: Math.floor(house.clock.now() / 1000) + steps * 30 })

/** Gives an account a second factor; its secret and recovery codes. The clock moves on to a code that is not used. */
export async function enrolled(house: House, { account }: Person): Promise<{ secret: string; codes: string[] }> {
  const { core } = house.installation
  const { secret } = await beginEnrolment(core)(account.id, account.username, 'Essai')
  const codes = await confirmEnrolment(core)(account.id, codeAt(house, secret))
  house.clock.advance(60_000)
  return { secret, codes }
}

/** The hidden form token of a page, for forms that are made by hand. */
export const tokenOf = (page: Reply): string => formsOf(page).find(({ fields }) => fields.csrf)?.fields.csrf ?? ''

/** `reset`: the other side broke the connection off; a browser would show that and not the answer. */
export type RawAnswer = { status: number; head: string; body: string; reset: boolean }

/** Sends bytes as they are, on a connection of their own, and reads until the server closes it or `idleMs` pass. */
export async function raw(house: House, bytes: string | Buffer, idleMs = 5_000): Promise<RawAnswer> {
  const { port, hostname } = new URL(house.issuer)
  const socket = connect(Number(port), hostname)
  socket.setTimeout(idleMs, () => socket.destroy())
  let reset = false
  socket.on('error', () => {
    reset = true
  })
  socket.write(bytes)
  let text = ''
  try {
    for await (const part of socket) text += (part as Buffer).toString('latin1')
  } catch {
    // Reset by the other side: what came before it counts.
  }
  const end = text.indexOf('\r\n\r\n')
  return { status: Number(text.split(' ')[1]), head: text.slice(0, end), body: text.slice(end + 4), reset }
}

/** A GET with headers of one's own choice, closed after the answer. */
export const rawGet = (house: House, target: string, headers: Record<string, string> = {}): Promise<RawAnswer> => {
  const all = { host: new URL(house.issuer).host, connection: 'close', ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return raw(house, `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`)
}
