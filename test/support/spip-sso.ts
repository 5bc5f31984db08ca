// A SPIP site with the kit, a provider, and the moves of the people who use them.
import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import spip from '../../plugins/spip/index.ts'
import type { ClientTemplate } from '../../src/plugin.ts'
import { type Browser, createBrowser, type Reply } from './browser-jar.ts'
import { type Claims, readJws } from './jws.ts'
import { startProvider, WHO } from './provider.ts'
import { type SpipOptions, startSpip } from './spip.ts'

const association = "L'Asso & <b>Cie</b>"

/** The words of a page, without scripts and tags. */
export const wordsOf = ({ text }: Reply): string =>
  text
    .replace(/<(style|script)\b[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]+>/g, ' ')
    .replace(/[\s\u00a0]+/g, ' ')
    .trim()

/** The sentences of the refusals that attacks meet. */
export const unverified = /n’a pas pu être vérifiée/
export const wrongClock = /n’est pas à l’heure/
export const again = /a commencé dans un autre navigateur/

export async function startSpipSso({ database }: SpipOptions = {}) {
  const provider = await startProvider()
  const site = await startSpip({ database })
  const clientId = `site-${randomBytes(3).toString('hex')}`
  // Every character that form-encoding, PHP strings and Basic credentials may stumble over.
  const clientSecret = `${randomBytes(24).toString('base64url')}+%:&'\\$"?>`
  const template: ClientTemplate = spip.client!(site.url)
  provider.addClient({
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: template.redirectUris,
    post_logout_redirect_uris: template.postLogoutRedirectUris,
    backchannel_logout_uri: template.backchannelLogoutUri!,
    backchannel_logout_session_required: true,
    token_endpoint_auth_method: template.tokenEndpointAuthMethod,
    id_token_signed_response_alg: 'ES256',
  })
  await site.installKit(
    await spip.kit!({
      issuer: provider.issuer,
      associationName: association,
      url: site.url,
      client: {
        clientId,
        clientSecret,
        redirectUris: template.redirectUris,
        postLogoutRedirectUris: template.postLogoutRedirectUris,
      },
      options: {},
      random: (bytes) => randomBytes(bytes).toString('base64url'),
    }),
  )

  const privateArea = `${site.url}/ecrire/`
  const start = (retour?: string): string =>
    `${site.url}/spip.php?action=schedar${retour === undefined ? '' : `&retour=${encodeURIComponent(retour)}`}`
  const callback = template.redirectUris[0]!

  /** Whom the public site takes the browser for: id, login and status, or empty. */
  const who = async (browser: Browser, headers: Record<string, string> = {}): Promise<string> =>
    (await browser.fetch(`${site.url}/spip.php?page=qui`, { headers })).text.trim()

  return {
    provider,
    site,
    clientId,
    clientSecret,
    callback,
    logoutUri: template.backchannelLogoutUri!,
    statusUri: template.statusUri!,
    /** The site's own name for SPIP's session cookie. */
    sessionCookie: `spip${createHash('sha256').update(site.url).digest('hex').slice(0, 8)}_session`,
    start,
    /** A browser at which somebody sits who would sign in to the provider at once. */
    browserOf: (sub: string, language = 'fr'): Browser => {
      const browser = createBrowser({ language })
      browser.setCookie(provider.issuer, `${WHO}=${sub}; path=/`)
      return browser
    },
    /** From the button to wherever it ends. */
    signIn: (browser: Browser, retour?: string): Promise<Reply> => browser.open(start(retour)),
    /** From the button to the provider's answer, which the browser has not taken to the site yet. */
    answer: async (browser: Browser, retour?: string): Promise<string> => {
      const last = await browser.follow(
        await browser.fetch(start(retour)),
        (location) => !location.startsWith(callback),
      )
      if (!last.location?.startsWith(callback))
        throw new Error(`the provider did not answer: ${last.status} ${last.url}`)
      return last.location
    },
    /** True if SPIP lets this browser into the private area. */
    isIn: async (browser: Browser): Promise<boolean> => {
      const page = await browser.fetch(privateArea)
      return page.status === 200 && page.text.includes('action=logout') && !/avis_erreur|minipage/.test(page.text)
    },
    who,
    author: async (login: string): Promise<Record<string, string | number> | undefined> =>
      (await site.sql(`select * from spip_auteurs where login='${login}'`))[0],
    /** Replaces the ID token of the answers to come; `change` gets the claims that it would have carried. */
    forge: (change: (claims: Claims, idToken: string) => string): void => {
      provider.hooks.token = (body) => ({
        ...body,
        id_token: change(readJws(String(body.id_token)).payload, String(body.id_token)),
      })
    },
    /** Refused with a page that shows nothing of what came from outside, and nobody is signed in. */
    expectRefused: async (browser: Browser, page: Reply, words: RegExp): Promise<void> => {
      expect(page.status).toBeGreaterThanOrEqual(400)
      expect(wordsOf(page)).toMatch(words)
      expect(page.headers['cache-control']).toBe('no-store')
      expect(page.text).not.toMatch(/<script|alert\(/)
      expect(await who(browser)).toBe('||')
    },
    /** Posts a logout token as the provider does. */
    postLogout: (token: string): Promise<Reply> =>
      createBrowser().fetch(template.backchannelLogoutUri!, { form: { logout_token: token } }),
    /** Stops both; PHP must not have complained of the plugin. */
    stop: async (): Promise<void> => {
      const complaints = (await site.errors()).split('\n').filter((line) => /PHP .*plugins\/schedar/.test(line))
      await site.stop()
      await provider.stop()
      expect(complaints).toEqual([])
    },
  }
}

export type SpipSso = Awaited<ReturnType<typeof startSpipSso>>
