// The moves of the story's people in a real browser, and of their mail program.

import { once } from 'node:events'
import { createServer } from 'node:http'
import * as oidc from 'openid-client'
import { generateSync } from 'otplib'
import type { Page } from 'playwright-core'
import { imap } from './imap.ts'
import type { Program } from './program.ts'

/** A password that no file holds. */
export const newPassword = (): string => `${crypto.randomUUID()} ${crypto.randomUUID().slice(0, 8)}`

export const textOf = (page: Page): Promise<string> => page.locator('body').innerText()

/** Sends the form that is on the page, and waits for where it leads. */
async function press(page: Page, button = 'button.main'): Promise<void> {
  await Promise.all([page.waitForLoadState('load'), page.locator(button).first().click()])
  await page.waitForLoadState('load')
}

export async function setUpAssociation(page: Page, program: Program, password: string): Promise<void> {
  await page.goto(program.setUpLink())
  const fields = {
    associationName: 'Cassiopée ASBL',
    contactEmail: 'bureau@cassiopee.example',
    givenName: 'Alix',
    familyName: 'Lambert',
    email: 'alix@cassiopee.example',
    username: 'alix',
    password,
    repeated: password,
  }
  for (const [name, value] of Object.entries(fields)) await page.fill(`#${name}`, value)
  await press(page)
  await signIn(page, 'alix', password)
  // An administrator needs a second factor: the key is on the page beside its QR code.
  const secret = (await page.locator('code').first().innerText()).replace(/\s/g, '')
  await page.fill('#code', generateSync({ secret }))
  await press(page)
  await page.locator('a.button.main').click()
  await page.waitForURL(`${program.issuer}/`)
}

export async function signIn(page: Page, identifier: string, password: string): Promise<void> {
  await page.fill('#identifier', identifier)
  await page.fill('#password', password)
  await press(page)
}

/** Opens the newest letter to an address and chooses the password behind its link. */
export async function choosePasswordByLetter(
  page: Page,
  program: Program,
  address: string,
  password: string,
): Promise<void> {
  const letter = program.letters().findLast(({ to }) => to.includes(address))
  if (!letter) throw new Error(`no letter to ${address}`)
  await page.goto(letter.link)
  await page.fill('#password', password)
  await page.fill('#repeated', password)
  await press(page)
}

/** The webmail: a client of the mail service, far enough to get a token for IMAP. */
export async function webmail(
  program: Program,
  page: Page,
  client: { client_id: string; client_secret: string; url: string },
) {
  const config = await oidc.discovery(
    new URL(program.issuer),
    client.client_id,
    { id_token_signed_response_alg: 'ES256' },
    oidc.ClientSecretBasic(client.client_secret),
    { execute: [oidc.allowInsecureRequests] },
  )
  const redirect_uri = `${client.url}/callback`
  const { hostname, port } = new URL(client.url)
  const server = createServer((_request, response) => response.end('webmail')).listen(Number(port), hostname)
  await once(server, 'listening')
  return {
    /** A token for a person who is signed in; undefined when the provider does not give one. */
    async token(): Promise<oidc.TokenEndpointResponse | undefined> {
      const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
      const expectedState = oidc.randomState()
      const to = oidc.buildAuthorizationUrl(config, {
        redirect_uri,
        scope: 'openid mail',
        state: expectedState,
        code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      })
      await page.goto(to.href)
      if (!page.url().startsWith(redirect_uri)) return undefined
      return oidc.authorizationCodeGrant(config, new URL(page.url()), { pkceCodeVerifier, expectedState })
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
    active: async (token: string): Promise<boolean> => (await oidc.tokenIntrospection(config, token)).active,
    refreshes: (token: string): Promise<boolean> =>
      oidc.refreshTokenGrant(config, token).then(
        () => true,
        () => false,
      ),
  }
}

/** True when Dovecot lets a login in with this token. */
export async function readsMail(
  port: number,
  login: string,
  token: string,
  mechanism: 'XOAUTH2' | 'OAUTHBEARER' = 'XOAUTH2',
): Promise<boolean> {
  const session = await imap(port)
  const answer = await session.authenticate(mechanism, login, token)
  session.close()
  return answer.startsWith('OK')
}
