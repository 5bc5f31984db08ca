// What the load consists of: each case is one thing that services ask of a provider, many times a second.
import { type Connection, connection, get, post } from './http.ts'
import { authorizationUrl, basic, codeIn, exchange, signIn, type Target } from './target.ts'

/** One connection, and the session and tokens of whoever sits at it. */
export type Lane = { http: Connection; cookie: string; accessToken: string; refreshToken: string }
export type Case = {
  name: string
  /** What is asked of Schedar on SQLite, as a share of the bare provider. */
  step(target: Target): (lane: Lane) => Promise<void>
}

type Tokens = { access_token: string; refresh_token: string }

/** The tokens in an answer. Throws what came instead. */
function tokensIn({ status, body }: { status: number; body: string }): Tokens {
  if (status !== 200) throw new Error(`no tokens: ${status} ${body}`)
  return JSON.parse(body)
}

const expected = ({ status, body }: { status: number; body: string }, sign: string): void => {
  if (status !== 200 || !body.includes(sign)) throw new Error(`${status} ${body.slice(0, 300)}`)
}

/** An authorization with a session that is there, and the exchange of its code. */
async function codeFlow(target: Target, { http, cookie }: Lane, url: string): Promise<Tokens> {
  const authorized = await http.send(get(url, { cookie }))
  return tokensIn(await http.send(exchange(target, codeIn(authorized.head))))
}

/** As many lanes as connections, each of a person of its own, signed in and with fresh tokens. */
export async function openLanes(target: Target, count: number): Promise<Lane[]> {
  const url = authorizationUrl(target)
  return Promise.all(
    target.usernames.slice(0, count).map(async (username) => {
      const http = connection(target.issuer)
      const lane: Lane = {
        http,
        cookie: await signIn(target, http, username),
        accessToken: '',
        refreshToken: '',
      }
      const { access_token, refresh_token } = await codeFlow(target, lane, url)
      return { ...lane, accessToken: access_token, refreshToken: refresh_token }
    }),
  )
}

export const cases: readonly Case[] = [
  {
    name: 'code flow',
    step: (target) => {
      const url = authorizationUrl(target)
      return async (lane) => void (await codeFlow(target, lane, url))
    },
  },
  {
    name: 'refresh',
    step: (target) => async (lane) => {
      const form = { grant_type: 'refresh_token', refresh_token: lane.refreshToken }
      const answer = await lane.http.send(post(`${target.issuer}/token`, form, basic(target.web)))
      lane.refreshToken = tokensIn(answer).refresh_token
    },
  },
  {
    name: 'client credentials',
    step: (target) => {
      const request = post(`${target.issuer}/token`, { grant_type: 'client_credentials' }, basic(target.machine))
      return async ({ http }) => void tokensIn(await http.send(request))
    },
  },
  {
    name: 'introspection',
    step: (target) => {
      const url = `${target.issuer}/token/introspection`
      return async ({ http, accessToken: token }) =>
        expected(
          await http.send(post(url, { token, token_type_hint: 'access_token' }, basic(target.web))),
          '"active":true',
        )
    },
  },
  {
    name: 'userinfo',
    step: (target) => async (lane) =>
      expected(
        await lane.http.send(get(`${target.issuer}/me`, { authorization: `Bearer ${lane.accessToken}` })),
        '"preferred_username"',
      ),
  },
  {
    name: 'discovery',
    step: (target) => {
      const request = get(`${target.issuer}/.well-known/openid-configuration`)
      return async ({ http }) => expected(await http.send(request), '"token_endpoint"')
    },
  },
]
