// The doors that a suspension shuts, each as the person or service at it meets it: asked again and again on a connection
// of its own until the first refusal. Whatever is neither let in nor refused is a fault of the bench and thrown.
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrowser } from '../test/support/browser-jar.ts'
import { imap } from '../test/support/imap.ts'
import { type Browser, submit } from '../test/support/relying-party.ts'
import type { Host } from './host.ts'
import { type Answer, type Connection, connection, get, header, post } from './http.ts'
import type { Person } from './seed.ts'
import { authorizationUrl, basic, CALLBACK, codeIn, exchange, type Target } from './target.ts'

/**
 * Instants of performance.now(): when somebody was refused, and when they were told, which is the same but at Dovecot.
 * `sinceOpenMs`: how long before the refusal the last yes was read.
 */
export type Refusal = { at: number; toldAt: number; sinceOpenMs?: number }
export type Door = { name: string; untilRefused(over: AbortSignal): Promise<Refusal> }
/** A person who is signed in at everything. */
export type Visit = { person: Person; doors: Door[]; end(): void }

/**
 * Milliseconds between an answer and the next question. A question costs all processes together some 3 ms of CPU
 * (introspection, Apache), 6 to 10 (refresh, authorization, SPIP) or 25 (IMAP, which begins two processes for it): at this
 * pace about half of a machine with two cores. Asked more often, the questions would be what is measured.
 */
const EVERY_MS = { introspection: 10, refresh: 35, authorization: 35, spip: 40, apache: 25, imap: 50 } as const

export const NEW_LOGIN = 'IMAP, new login'

/** `refusedAt` tells from when a refused question was asked when it was refused, if that was before the answer. */
export function polled(
  name: string,
  everyMs: number,
  isOpen: () => Promise<boolean>,
  refusedAt?: (askedAt: number) => number | undefined,
): Door {
  return {
    name,
    async untilRefused(over) {
      let lastOpen: number | undefined
      while (!over.aborted) {
        const askedAt = performance.now()
        const open = await isOpen()
        const toldAt = performance.now()
        if (!open) {
          const at = refusedAt?.(askedAt) ?? toldAt
          return { at, toldAt, ...(lastOpen !== undefined && { sinceOpenMs: at - lastOpen }) }
        }
        lastOpen = toldAt
        await sleep(everyMs)
      }
      throw new Error(`${name} was not refused`)
    },
  }
}

const strange = (name: string, { status, body }: Pick<Answer, 'status' | 'body'>): Error =>
  new Error(`${name} answered ${status} ${body.replace(/\s+/g, ' ').slice(0, 300)}`)

/** Begins at the site's button, gives the password, and is taken back. */
async function signInAtSpip(browser: Browser, host: Host, person: Person): Promise<void> {
  const page = await browser.open(`${host.spipUrl}/spip.php?action=schedar`)
  const form = { identifier: person.username, password: host.password }
  await browser.follow(await submit(browser, page, form, host.web.issuer))
}

type Tokens = { access_token: string; refresh_token: string }

async function tokensOf(target: Target, http: Connection, cookie: string, scope?: string): Promise<Tokens> {
  const url = authorizationUrl(target, scope ? { scope } : {})
  const { head } = await http.send(get(url, { cookie }))
  const answer = await http.send(exchange(target, codeIn(head)))
  if (answer.status !== 200) throw strange('the token endpoint', answer)
  return JSON.parse(answer.body)
}

function introspection(target: Target, http: Connection, token: string): Door {
  const request = post(
    `${target.issuer}/token/introspection`,
    { token, token_type_hint: 'access_token' },
    basic(target.web),
  )
  return polled('introspection', EVERY_MS.introspection, async () => {
    const answer = await http.send(request)
    const active = answer.status === 200 ? JSON.parse(answer.body).active : undefined
    if (typeof active !== 'boolean') throw strange('introspection', answer)
    return active
  })
}

function refresh(target: Target, http: Connection, first: string): Door {
  let token = first
  return polled('refresh', EVERY_MS.refresh, async () => {
    const form = { grant_type: 'refresh_token', refresh_token: token }
    const answer = await http.send(post(`${target.issuer}/token`, form, basic(target.web)))
    const { refresh_token, error } = JSON.parse(answer.body)
    if (answer.status === 400 && error === 'invalid_grant') return false
    if (answer.status !== 200) throw strange('refresh', answer)
    token = refresh_token
    return true
  })
}

function authorization(target: Target, http: Connection, cookie: string): Door {
  const request = get(authorizationUrl(target), { cookie })
  return polled('authorization', EVERY_MS.authorization, async () => {
    const answer = await http.send(request)
    const location = header(answer.head, 'location')
    if (!location) throw strange('authorization', answer)
    return location.startsWith(CALLBACK) && location.includes('code=')
  })
}

const spipSession = (browser: Browser, { spipUrl }: Host, { username }: Person): Door =>
  polled('SPIP session', EVERY_MS.spip, async () => {
    const { status, text } = await browser.fetch(`${spipUrl}/spip.php?page=qui`)
    const [, login, role] = text.trim().split('|')
    if (status !== 200 || role === undefined) throw strange('SPIP', { status, body: text })
    return login === username
  })

const apacheSession = (browser: Browser, { vhostUrl, web }: Host, { username }: Person): Door =>
  polled('Apache session', EVERY_MS.apache, async () => {
    const { status, text, location } = await browser.fetch(`${vhostUrl}/`)
    if (location?.startsWith(`${web.issuer}/auth?`)) return false
    if (status !== 200 || JSON.parse(text).user !== username) throw strange('Apache', { status, body: text })
    return true
  })

/** A sign-in that is cut off, or that Dovecot could not check, is no refusal: it is tried again. */
function imapLogin({ imapPort, imapRefusals }: Host, { login }: Person, token: string): Door {
  const letsIn = async (): Promise<boolean> => {
    const session = await imap(imapPort)
    const answer = await session.authenticate('OAUTHBEARER', login, token)
    session.close()
    return !/^NO \[AUTHENTICATIONFAILED\]/.test(answer)
  }
  return polled(NEW_LOGIN, EVERY_MS.imap, letsIn, imapRefusals.since)
}

async function liveSession({ imapPort }: Host, { login }: Person, token: string) {
  const session = await imap(imapPort)
  const answer = await session.authenticate('OAUTHBEARER', login, token)
  if (!answer.startsWith('OK')) throw new Error(`Dovecot answered ${answer}`)
  await session.idle()
  const door: Door = {
    name: 'IMAP, live session',
    async untilRefused() {
      await session.bye()
      const at = performance.now()
      return { at, toldAt: at }
    },
  }
  return { door, close: session.close }
}

/** Signs somebody in at everything; each door is then one that lets them in. */
export async function visit(host: Host, person: Person): Promise<Visit> {
  const { web, webmail } = host
  const browser = createBrowser()
  await signInAtSpip(browser, host, person)
  await browser.open(`${host.vhostUrl}/`)
  const { hostname } = new URL(web.issuer)
  const cookie = browser
    .cookies(hostname)
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
  const http = connection(web.issuer)
  const tokens = await tokensOf(web, http, cookie)
  const mail = await tokensOf(webmail, http, cookie, 'openid mail')
  http.close()
  const live = await liveSession(host, person, mail.access_token)
  const lanes = [connection(web.issuer), connection(web.issuer), connection(web.issuer)] as const
  const doors = [
    introspection(web, lanes[0], tokens.access_token),
    refresh(web, lanes[1], tokens.refresh_token),
    authorization(web, lanes[2], cookie),
    spipSession(browser, host, person),
    apacheSession(browser, host, person),
    imapLogin(host, person, mail.access_token),
    live.door,
  ]
  return {
    person,
    doors,
    end() {
      live.close()
      for (const lane of lanes) lane.close()
    },
  }
}
