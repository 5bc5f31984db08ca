// A provider under load, Schedar's or a bare one: its address, its clients, and how somebody signs in there.
import { createHash, randomBytes } from 'node:crypto'
import { type Connection, type Cookies, cookieJar, get, header, post } from './http.ts'

export type Credentials = { clientId: string; clientSecret: string }
export type Target = {
  name: string
  issuer: string
  pid: number
  /** With a redirect URI: code and refresh. */
  web: Credentials
  /** Client credentials. */
  machine: Credentials
  usernames: readonly string[]
  /** Of every account. A bare provider has none: whoever is hinted at is signed in. */
  password?: string
}

export const CALLBACK = 'http://127.0.0.1:9/callback'
/** What the kits for Apache and SPIP ask for. */
const SCOPE = 'openid profile email roles groups'

export const basic = ({ clientId, clientSecret }: Credentials): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
})

// One verifier for all: the server cannot know, and the load generator spends no SHA-256 on it (RFC 7636 §4).
const verifier = randomBytes(32).toString('base64url')
const challenge = createHash('sha256').update(verifier).digest('base64url')

export const authorizationUrl = ({ issuer, web }: Target, more: Record<string, string> = {}): string =>
  `${issuer}/auth?${new URLSearchParams({
    client_id: web.clientId,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: SCOPE,
    state: 'bench',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  })}`

/** The text of a code's exchange. */
export const exchange = ({ issuer, web }: Target, code: string): string =>
  post(
    `${issuer}/token`,
    { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier },
    basic(web),
  )

/** The code in a redirect back to the client. Throws what came instead. */
export function codeIn(head: string): string {
  const code = /^location: [^\r]*[?&]code=([^&\r]+)/im.exec(head)?.[1]
  if (!code) throw new Error(`no code: ${head.split('\r\n')[0]} ${header(head, 'location') ?? ''}`)
  return code
}

/** Where a redirect leads. Throws what came instead. */
function locationIn(head: string, issuer: string): string {
  const location = header(head, 'location')
  if (!location) throw new Error(`no redirect: ${head.split('\r\n')[0]}`)
  return new URL(location, issuer).href
}

/** A sign-in page that waits for its password. */
export type SignInPage = { jar: Cookies; url: string; csrf: string }

/** An authorization request without a session, and the page that it leads to. */
export async function openSignIn(target: Target, http: Connection): Promise<SignInPage> {
  const jar = cookieJar()
  const begun = await http.send(get(authorizationUrl(target)))
  jar.take(begun)
  const url = locationIn(begun.head, target.issuer)
  const page = await http.send(get(url, { cookie: jar.header() }))
  jar.take(page)
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)?.[1]
  if (!csrf) throw new Error(`no sign-in page: ${page.status} ${page.body.slice(0, 200)}`)
  return { jar, url, csrf }
}

/** Sends the form and follows the resumption back to the client: the code. */
export async function sendPassword(
  { issuer }: Target,
  http: Connection,
  { jar, url, csrf }: SignInPage,
  identifier: string,
  password: string,
): Promise<string> {
  const sent = await http.send(post(url, { csrf, identifier, password }, { cookie: jar.header(), origin: issuer }))
  jar.take(sent)
  const resumed = await http.send(get(locationIn(sent.head, issuer), { cookie: jar.header() }))
  jar.take(resumed)
  return codeIn(resumed.head)
}

/** A bare provider's sign-in: three redirects, no password. */
async function signInByHint(target: Target, http: Connection, username: string): Promise<string> {
  const jar = cookieJar()
  let url = authorizationUrl(target, { login_hint: username })
  for (let hop = 0; hop < 3; hop++) {
    const answer = await http.send(get(url, { cookie: jar.header() }))
    jar.take(answer)
    url = locationIn(answer.head, target.issuer)
  }
  return jar.header()
}

/** Signs somebody in: the Cookie header of the session. */
export async function signIn(target: Target, http: Connection, username: string): Promise<string> {
  if (target.password === undefined) return signInByHint(target, http, username)
  const page = await openSignIn(target, http)
  await sendPassword(target, http, page, username, target.password)
  return page.jar.header()
}
