// A site behind Apache with the kit, a client of the tests' own provider, and people who sign in to it.
import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import apache from '../../plugins/apache/index.ts'
import type { KitFile } from '../../src/plugin.ts'
import { startVhost } from './apache.ts'
import { type Browser, createBrowser, type Reply } from './browser-jar.ts'
import { type TestProvider, WHO } from './provider.ts'

export type Who = {
  user: string | null
  remoteUser: string
  claims: Record<string, string>
  cookie: string
  headers: string[]
}
export const whoIn = (reply: Reply): Who | undefined =>
  reply.status === 200 && reply.text.startsWith('{') ? (JSON.parse(reply.text) as Who) : undefined

type Options = {
  clientId: string
  /** Answers to the kit's questions. */
  answers?: Record<string, string>
  /** More lines inside the <VirtualHost>. */
  extra?: string
}

export type ApacheSite = Awaited<ReturnType<typeof startSite>>

export async function startSite(provider: TestProvider, { clientId, answers = {}, extra = '' }: Options) {
  const clientSecret = randomBytes(24).toString('base64url')
  let files: readonly KitFile[] = []
  const site = await startVhost({
    extra,
    kit: async ({ url, dir, cacheDir }) => {
      const { redirectUris, postLogoutRedirectUris, backchannelLogoutUri } = apache.client!(url)
      provider.addClient({
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: redirectUris,
        post_logout_redirect_uris: postLogoutRedirectUris,
        backchannel_logout_uri: backchannelLogoutUri!,
        backchannel_logout_session_required: true,
        id_token_signed_response_alg: 'ES256',
      })
      files = await apache.kit!({
        issuer: provider.issuer,
        associationName: "L'Asso & <b>Cie</b>\nInclude /etc/passwd",
        url,
        client: { clientId, clientSecret, redirectUris, postLogoutRedirectUris, backchannelLogoutUri },
        options: { dir, cache_dir: cacheDir, ...answers },
        random: (bytes) => randomBytes(bytes).toString('base64url'),
      })
      return files
    },
  })

  const browserOf = (sub: string): Browser => {
    const browser = createBrowser()
    browser.setCookie(provider.issuer, `${WHO}=${sub}; path=/`)
    return browser
  }
  return {
    ...site,
    files,
    clientId,
    clientSecret,
    /** A browser at which somebody sits who is signed in nowhere. */
    browserOf,
    signedIn: async (sub: string): Promise<Browser> => {
      const browser = browserOf(sub)
      expect(whoIn(await browser.open(`${site.url}/`))?.user).toBe(sub)
      return browser
    },
    isIn: async (browser: Browser): Promise<boolean> => (await browser.fetch(`${site.url}/`)).status === 200,
    /** Posts a logout token, as whoever likes to may. */
    postLogout: (logout_token: string): Promise<Reply> =>
      createBrowser().fetch(`${site.url}/oidc/callback?logout=backchannel`, { form: { logout_token } }),
  }
}
