// A small service to sign in to: shows what it is told, asks again at each look, and hears when the session is ended.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import type { Random } from '../src/ports.ts'
import { html } from '../src/web/html.ts'

type Session = { sub: string; accessToken: string; idToken: string; claims: Record<string, unknown> }
type Options = {
  issuer: string
  clientId: string
  clientSecret: string
  url: string
  random: Random
  style: Uint8Array
}

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'

const page = (title: string, body: ReturnType<typeof html>, refresh = false): string =>
  html`<!doctype html>
<html lang="fr">
  <head>
    <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
    ${refresh && html`<meta http-equiv="refresh" content="1">`}<title>${title}</title><link rel="stylesheet" href="/style.css">
  </head>
  <body><header><span class="brand">Le petit service</span></header><main><h1>${title}</h1>${body}</main></body>
</html>`.markup

const read = async (request: IncomingMessage): Promise<URLSearchParams> => {
  let body = ''
  for await (const part of request) body += part
  return new URLSearchParams(body)
}

export async function relyingParty({ issuer, clientId, clientSecret, url, random, style }: Options): Promise<Server> {
  const config = await oidc.discovery(new URL(issuer), clientId, clientSecret, oidc.ClientSecretBasic(clientSecret), {
    execute: [oidc.allowInsecureRequests],
  })
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri!))
  const sessions = new Map<string, Session>()
  const begun = new Map<string, { verifier: string; state: string }>()
  const cookieOf = (request: IncomingMessage): string =>
    /(?:^|; )demo_session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
  const send = (response: ServerResponse, markup: string) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(markup)
  const go = (response: ServerResponse, to: string, headers = {}) =>
    response.writeHead(303, { location: to, ...headers }).end()

  async function begin(response: ServerResponse): Promise<void> {
    const id = random.token(16)
    const verifier = oidc.randomPKCECodeVerifier()
    const state = oidc.randomState()
    begun.set(id, { verifier, state })
    const to = oidc.buildAuthorizationUrl(config, {
      redirect_uri: `${url}/callback`,
      scope: 'openid profile email groups roles membership',
      state,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    go(response, to.href, { 'set-cookie': `demo_session=${id}; HttpOnly; SameSite=Lax; Path=/` })
  }

  async function arrive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = cookieOf(request)
    const waiting = begun.get(id)
    begun.delete(id)
    if (!waiting) return void go(response, '/')
    try {
      const tokens = await oidc.authorizationCodeGrant(config, new URL(request.url!, url), {
        pkceCodeVerifier: waiting.verifier,
        expectedState: waiting.state,
      })
      const { sub } = tokens.claims()!
      sessions.set(id, { sub, accessToken: tokens.access_token, idToken: tokens.id_token!, claims: {} })
      go(response, '/')
    } catch (error) {
      send(
        response,
        page(
          'Connexion refusée',
          html`<p>${(error as { error_description?: string }).error_description ?? (error as Error).message}</p><a class="button" href="/">Revenir</a>`,
        ),
      )
    }
  }

  async function home(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = sessions.get(cookieOf(request))
    if (!session)
      return void send(
        response,
        page(
          'Bienvenue',
          html`<p class="lead">Personne n’est connecté dans ce navigateur.</p><a class="button main" href="/login">Se connecter avec mon compte</a>`,
        ),
      )
    const claims = await oidc.fetchUserInfo(config, session.accessToken, session.sub).catch(() => undefined)
    if (!claims) {
      sessions.delete(cookieOf(request))
      return void send(
        response,
        page(
          'La session est fermée',
          html`<div class="notice"><p>Le fournisseur ne reconnaît plus ce jeton : l’accès a été retiré.</p></div><a class="button" href="/">Revenir</a>`,
        ),
      )
    }
    const rows = Object.entries(claims).map(
      ([name, value]) => html`<li><span>${name}</span><code>${JSON.stringify(value)}</code></li>`,
    )
    send(
      response,
      page(
        `Bonjour ${claims.given_name ?? claims.name ?? ''}`,
        html`<p class="lead">Cette page redemande chaque seconde. Suspendez ce compte et regardez.</p><ul class="rows">${rows}</ul><a class="button" href="/logout">Se déconnecter</a>`,
        true,
      ),
    )
  }

  function leave(request: IncomingMessage, response: ServerResponse): void {
    const session = sessions.get(cookieOf(request))
    sessions.delete(cookieOf(request))
    go(
      response,
      session
        ? oidc.buildEndSessionUrl(config, { id_token_hint: session.idToken, post_logout_redirect_uri: `${url}/` }).href
        : '/',
    )
  }

  /** OpenID Connect Back-Channel Logout 1.0 §2.5. */
  async function told(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = (await read(request)).get('logout_token') ?? ''
    const { payload } = await jwtVerify(token, keys, { issuer, audience: clientId, typ: 'logout+jwt' })
    if (!(payload.events as Record<string, unknown> | undefined)?.[LOGOUT_EVENT]) throw new Error('not a logout token')
    for (const [id, { sub }] of sessions) if (sub === payload.sub) sessions.delete(id)
    response.writeHead(200).end()
  }

  type Answer = (request: IncomingMessage, response: ServerResponse) => unknown
  const answers: Record<string, Answer> = {
    'GET /login': (_request, response) => begin(response),
    'GET /callback': arrive,
    'GET /logout': leave,
    'POST /backchannel': told,
    'GET /style.css': (_request, response) => response.writeHead(200, { 'content-type': 'text/css' }).end(style),
  }
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', url)
    const answer = answers[`${request.method} ${pathname}`] ?? home
    Promise.resolve(answer(request, response)).catch(() => response.writeHead(400).end())
  })
}
