// Mail sign-ins through a real Dovecot that the kit has set up, with tokens of a real provider: who comes in and who is
// refused. The passwords are those that Dovecot had before.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ImapFlow } from 'imapflow'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import plugin from '../../plugins/dovecot/index.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { type Mechanism, mechanisms } from '../support/imap.ts'
import { startProvider, type TestProvider } from '../support/introspection-provider.ts'
import { attempt, REFUSED, restored, UNAVAILABLE } from '../support/mail-sign-in.ts'
import { pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const denied = { denied: true } as const
const soon = () => AbortSignal.timeout(30_000)
const TOKENS: readonly Mechanism[] = ['XOAUTH2', 'OAUTHBEARER']

const openService = (config: DovecotConfig) => plugin.open!(config, pluginHost(config.folder))

describe('with tokens and passwords', () => {
  let provider: TestProvider
  let dovecot: Dovecot
  let service: Awaited<ReturnType<typeof openService>>
  let token: string
  beforeAll(async () => {
    provider = await startProvider()
    dovecot = await startDovecot({ logins: [ALICE, BOB], provider })
    service = await openService(dovecot.config)
    token = (await provider.signIn(ALICE)).accessToken
  })
  afterAll(async () => {
    await dovecot?.remove()
    await provider?.stop()
  })
  const deny = (...names: string[]) => service.apply(new Map(names.map((name) => [name, denied])), soon())
  const allow = (...names: string[]) => service.apply(new Map(names.map((name) => [name, null])), soon())
  const tries = (mechanism: Mechanism, login: string, secret: string) => attempt(dovecot, mechanism, login, secret)
  beforeEach(async () => {
    provider.delayMs = 0
    provider.suspended.clear()
    await allow(ALICE, BOB)
    await restored(dovecot, 'PLAIN', ALICE, dovecot.password(ALICE))
  })

  test('the service passes its check', () => service.check(soon()))

  test.each(TOKENS)('a token opens its own mailbox and no other (%s)', async (mechanism) => {
    expect(await tries(mechanism, ALICE, token)).toBe('OK')
    expect(await tries(mechanism, ALICE.toUpperCase(), token)).toBe('OK')
    expect(await tries(mechanism, BOB, token)).toBe(REFUSED)
    expect(await tries(mechanism, '', token), 'nobody named').toBe(REFUSED)
  })

  test.each(TOKENS)('only an access token with the scope is a token (%s)', async (mechanism) => {
    const { accessToken, refreshToken, idToken } = await provider.signIn(ALICE, 'openid mail offline_access')
    expect(await tries(mechanism, ALICE, accessToken)).toBe('OK')
    expect(await tries(mechanism, ALICE, refreshToken ?? ''), 'a refresh token').toBe(UNAVAILABLE)
    expect(await tries(mechanism, ALICE, idToken ?? ''), 'an ID token').not.toBe('OK')
    const unscoped = await provider.signIn(ALICE, 'openid')
    expect(await tries(mechanism, ALICE, unscoped.accessToken), 'a token without the scope').toBe(REFUSED)
    expect(await tries(mechanism, ALICE, `${accessToken}x`)).toBe(REFUSED)
    expect(await tries(mechanism, ALICE, dovecot.password(ALICE)), 'a password').toBe(REFUSED)
  })

  test('a token is not tried as a password, nor a password as a token', async () => {
    expect(await tries('PLAIN', ALICE, token)).toBe(REFUSED)
    const before = provider.introspections
    expect(await tries('PLAIN', ALICE, dovecot.password(ALICE))).toBe('OK')
    expect(provider.introspections).toBe(before)
    const asked = await readFile(join(dovecot.dir, 'log'), 'utf8')
    await tries('XOAUTH2', ALICE, 'no such token')
    const log = (await dovecot.log()).slice(asked.length)
    expect(log).toContain('Provided token is not valid')
    expect(log, "a refused token goes no further than the provider's answer").not.toContain('passwd-file(')
  })

  test('no secret is in the log', async () => {
    const log = await dovecot.log()
    for (const secret of [token, provider.client.clientSecret, dovecot.config.doveadmApiKey, dovecot.password(ALICE)])
      expect(log).not.toContain(secret)
  })

  test.each([
    ['a token', true],
    ['a password', false],
  ])('imapflow signs in with %s', async (_what, withToken) => {
    const auth = withToken ? { user: ALICE, accessToken: token } : { user: ALICE, pass: dovecot.password(ALICE) }
    const client = new ImapFlow({ host: '127.0.0.1', port: dovecot.imapPort, secure: false, auth, logger: false })
    await client.connect()
    expect((await client.mailboxOpen('INBOX')).path).toBe('INBOX')
    await client.logout()
  })

  test('the refused are refused at once, by every mechanism, however the name is written, and nobody else is', async () => {
    const secret = (mechanism: Mechanism) => (mechanism === 'PLAIN' ? dovecot.password(ALICE) : token)
    await deny(ALICE)
    for (const mechanism of mechanisms)
      for (const name of [ALICE, ALICE.toUpperCase(), 'Alice@Asso.example'])
        expect(await tries(mechanism, name, secret(mechanism)), `${mechanism} ${name}`).toBe(REFUSED)
    expect(await tries('PLAIN', BOB, dovecot.password(BOB))).toBe('OK')
    expect(await tries('XOAUTH2', BOB, (await provider.signIn(BOB)).accessToken)).toBe('OK')

    await allow(ALICE)
    for (const mechanism of mechanisms) await restored(dovecot, mechanism, ALICE, secret(mechanism))
  })

  test('refused, restored and refused again within a second is refused', async () => {
    for (let round = 0; round < 5; round++) {
      await deny(ALICE)
      expect(await tries('PLAIN', ALICE, dovecot.password(ALICE))).toBe(REFUSED)
      await allow(ALICE)
      await tries('PLAIN', ALICE, dovecot.password(ALICE))
    }
    await deny(ALICE)
    expect(await tries('PLAIN', ALICE, dovecot.password(ALICE))).toBe(REFUSED)
  })

  test('a token whose owner is suspended at the provider is refused without a deny file', async () => {
    provider.suspended.add(ALICE)
    for (const mechanism of TOKENS) expect(await tries(mechanism, ALICE, token)).toBe(REFUSED)
    provider.suspended.clear()
    for (const mechanism of TOKENS) expect(await tries(mechanism, ALICE, token)).toBe('OK')
  })

  test('with the provider down tokens are refused, the refused stay refused, the others work', async () => {
    await deny(BOB)
    await provider.stop()
    try {
      for (const mechanism of TOKENS) expect(await tries(mechanism, ALICE, token)).toBe(UNAVAILABLE)
      expect(await tries('PLAIN', ALICE, dovecot.password(ALICE))).toBe('OK')
      expect(await tries('PLAIN', BOB, dovecot.password(BOB))).toBe(REFUSED)
    } finally {
      await provider.start()
    }
    expect(await tries('XOAUTH2', ALICE, token)).toBe('OK')
  })
})
