// A relying party for tests: a registered client, and openid-client doing what a real one does.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import * as oidc from 'openid-client'
import type { ClientTemplate } from '../../src/plugin.ts'
import { addClient, type NewClient } from '../../src/usecases/clients.ts'
import type { createBrowser, Reply } from './browser-jar.ts'
import { formsOf } from './browser-jar.ts'
import type { House } from './house.ts'
import { freePort } from './ports.ts'

export type Browser = ReturnType<typeof createBrowser>
export type RelyingParty = {
  clientId: string
  clientSecret: string
  url: string
  config: oidc.Configuration
  /** Logout tokens that arrived, newest last. */
  logoutTokens: string[]
  /** What the back-channel answers: 200 unless a test says otherwise. */
  backchannel: { status: number }
  /** An authorization request; keep it for `exchange`. */
  begin(parameters?: Record<string, string>): Promise<{ url: string; verifier: string; state: string }>
  exchange(
    callback: string,
    begun: { verifier: string; state: string },
  ): Promise<oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers>
  userinfo(accessToken: string, sub: string): Promise<oidc.UserInfoResponse>
  introspect(token: string): Promise<oidc.IntrospectionResponse>
  refresh(refreshToken: string): Promise<oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers>
  close(): Promise<void>
}

type Options = Partial<Omit<NewClient, 'plugin' | 'kind' | 'url' | 'actor'>> & { template?: Partial<ClientTemplate> }

/** Registers a client with a live callback and back-channel on loopback. */
export async function relyingParty(house: House, { template = {}, ...options }: Options = {}): Promise<RelyingParty> {
  const port = await freePort('127.0.0.9')
  const url = `http://127.0.0.9:${port}`
  const logoutTokens: string[] = []
  const backchannel = { status: 200 }
  const server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      const token = new URLSearchParams(body).get('logout_token')
      if (request.url === '/backchannel' && token && backchannel.status < 300) logoutTokens.push(token)
      response.writeHead(request.url === '/backchannel' ? backchannel.status : 200).end('client')
    })
  }).listen(port, '127.0.0.9')
  await once(server, 'listening')
  const { client, clientSecret } = await addClient(house.installation.core)({
    kind: 'other',
    name: 'Le service',
    url,
    actor: 'test',
    ...options,
    plugin: {
      summary: 'test',
      client: (address) => ({
        redirectUris: [`${address}/callback`],
        postLogoutRedirectUris: [`${address}/`],
        backchannelLogoutUri: `${address}/backchannel`,
        tokenEndpointAuthMethod: 'client_secret_basic',
        ...template,
      }),
    },
  })
  const config = await oidc.discovery(
    new URL(house.issuer),
    client.clientId,
    { id_token_signed_response_alg: 'ES256' },
    oidc.ClientSecretBasic(clientSecret),
    { execute: [oidc.allowInsecureRequests] },
  )
  return {
    clientId: client.clientId,
    clientSecret,
    url,
    config,
    logoutTokens,
    backchannel,
    async begin(parameters = {}) {
      const verifier = oidc.randomPKCECodeVerifier()
      const state = oidc.randomState()
      const code_challenge = await oidc.calculatePKCECodeChallenge(verifier)
      const to = oidc.buildAuthorizationUrl(config, {
        redirect_uri: `${url}/callback`,
        scope: 'openid profile email groups roles membership',
        state,
        code_challenge,
        code_challenge_method: 'S256',
        ...parameters,
      })
      return { url: to.href, verifier, state }
    },
    exchange: (callback, { verifier, state }) =>
      oidc.authorizationCodeGrant(config, new URL(callback), { pkceCodeVerifier: verifier, expectedState: state }),
    userinfo: (accessToken, sub) => oidc.fetchUserInfo(config, accessToken, sub),
    introspect: (token) => oidc.tokenIntrospection(config, token),
    refresh: (refreshToken) => oidc.refreshTokenGrant(config, refreshToken),
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Fills the first form of a page that has a field of the given name, and sends it. */
export async function submit(
  browser: Browser,
  page: Reply,
  fields: Record<string, string>,
  issuer: string,
): Promise<Reply> {
  const form =
    formsOf(page).find((one) => Object.keys(fields).some((name) => name in one.fields)) ??
    formsOf(page).find(({ method }) => method === 'post')
  if (!form) throw new Error(`no form at ${page.url}: ${page.text.slice(0, 400)}`)
  return browser.fetch(form.action, { form: { ...form.fields, ...fields }, headers: { origin: issuer } })
}

/** Follows redirects from a reply until a page, or until the client's callback. */
export async function follow(browser: Browser, reply: Reply, stopAt: string): Promise<Reply> {
  let at = reply
  for (let hops = 0; hops < 15; hops++) {
    if (!at.location || at.status < 300 || at.status >= 400) return at
    if (at.location.startsWith(stopAt)) return at
    at = await browser.fetch(at.location)
  }
  throw new Error(`too many redirects, last ${at.url}`)
}

/** A whole sign-in with a password at a client: its tokens, or the page at which it stopped. */
export async function signInAt(
  rp: RelyingParty,
  browser: Browser,
  issuer: string,
  identifier: string,
  password: string,
  parameters: Record<string, string> = {},
) {
  const begun = await rp.begin(parameters)
  let reply = await follow(browser, await browser.fetch(begun.url), rp.url)
  if (!reply.location?.startsWith(rp.url) && reply.text.includes('name="identifier"'))
    reply = await follow(browser, await submit(browser, reply, { identifier, password }, issuer), rp.url)
  if (!reply.location?.startsWith(rp.url)) return { page: reply, tokens: undefined }
  return {
    page: reply,
    tokens: reply.location.includes('code=') ? await rp.exchange(reply.location, begun) : undefined,
  }
}
