// Mail sign-ins through a real Dovecot that the kit has set up, with tokens of a real provider: who comes in, who is
// refused, and how soon a live session ends.
import { execFile } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ImapFlow } from 'imapflow'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import plugin from '../../plugins/dovecot/index.ts'
import { kitTarget, pluginContract } from '../contract/plugin.ts'
import { type Dovecot, shellBlocks, startDovecot } from '../support/dovecot.ts'
import { type Imap, imap, type Mechanism, mechanisms } from '../support/imap.ts'
import { startProvider, type TestProvider } from '../support/introspection-provider.ts'
import { loginSubject, pluginHost } from '../support/subjects.ts'
import { makeAuthority } from '../support/tls.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const denied = { denied: true } as const
const soon = () => AbortSignal.timeout(30_000)
const TOKENS: readonly Mechanism[] = ['XOAUTH2', 'OAUTHBEARER']

const openService = (config: DovecotConfig) => plugin.open!(config, pluginHost(config.folder))

/** `OK`, `NO [AUTHENTICATIONFAILED]` or `NO [UNAVAILABLE]`, from a connection of its own. */
async function attempt(dovecot: Dovecot, mechanism: Mechanism, login: string, secret: string): Promise<string> {
  const client = await imap(dovecot.imapPort)
  try {
    const answer = await client.authenticate(mechanism, login, secret)
    return answer.startsWith('OK') ? 'OK' : answer.replace(/\].*/, ']')
  } finally {
    client.close()
  }
}
const REFUSED = 'NO [AUTHENTICATIONFAILED]'
const UNAVAILABLE = 'NO [UNAVAILABLE]'

/** Lifting a refusal is seen within a second: Dovecot looks at a file once a second. */
async function restored(dovecot: Dovecot, mechanism: Mechanism, login: string, secret: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while ((await attempt(dovecot, mechanism, login, secret)) !== 'OK')
    if (performance.now() > deadline) throw new Error(`${login} is still refused`)
}

async function idle(dovecot: Dovecot, mechanism: Mechanism, login: string, secret: string): Promise<Imap> {
  const client = await imap(dovecot.imapPort)
  expect(await client.authenticate(mechanism, login, secret)).toMatch(/^OK/)
  await client.idle()
  return client
}

// ── The contract ────────────────────────────────────────────────────────────────────────────────────────────────────

pluginContract('dovecot', async () => {
  const logins = ['amy', 'ben', 'cid', 'dot', 'eva'].map((name) => `${name}@asso.example`)
  const provider = await startProvider()
  const dovecot = await startDovecot({ logins, provider })
  const folder = join(dovecot.config.folder, 'denied')
  const foreign = 'postmaster@asso.example'
  await writeFile(join(folder, foreign), `${foreign}:\n`)
  await writeFile(join(folder, 'README'), 'Ours, says the administrator.\n')
  return {
    service: await openService(dovecot.config),
    subjects: {
      some: logins.map((name) => loginSubject(name)),
      foreign: [foreign],
    },
    untouched: () => Promise.all(['README', foreign].map((name) => readFile(join(folder, name), 'utf8'))),
    async live({ name }) {
      await restored(dovecot, 'PLAIN', name, dovecot.password(name))
      const client = await idle(dovecot, 'PLAIN', name, dovecot.password(name))
      return { ended: client.bye(), close: client.close }
    },
    async close() {
      await dovecot.remove()
      await provider.stop()
    },
  }
})

// ── Sign-ins ────────────────────────────────────────────────────────────────────────────────────────────────────────

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

  test('live sessions of the refused get BYE, with token and password, and the others stay', async () => {
    const sessions = await Promise.all(
      mechanisms.map((mechanism) =>
        idle(dovecot, mechanism, ALICE, mechanism === 'PLAIN' ? dovecot.password(ALICE) : token),
      ),
    )
    const bystander = await idle(dovecot, 'PLAIN', BOB, dovecot.password(BOB))
    try {
      await deny(ALICE)
      await service.endSessions!([ALICE, 'nobody@asso.example'], soon())
      for (const session of sessions) expect(await session.bye()).toMatch(/^\* BYE/)
      await expect(bystander.bye(300)).rejects.toThrow('no BYE')
    } finally {
      for (const session of [...sessions, bystander]) session.close()
    }
  })

  test('clients that come back at once do not survive', async () => {
    for (let round = 0; round < 3; round++) {
      let open = true
      const survivors: Imap[] = []
      const comingBack = async () => {
        while (open) {
          const client = await imap(dovecot.imapPort)
          const answer = await client.authenticate('PLAIN', ALICE, dovecot.password(ALICE))
          if (!answer.startsWith('OK')) return client.close()
          await client.idle()
          survivors.push(client)
          await client.bye(30_000)
          survivors.splice(survivors.indexOf(client), 1)
        }
      }
      const clients = Array.from({ length: 4 }, comingBack)
      while (survivors.length < 4) await sleep(10)
      await deny(ALICE)
      await service.endSessions!([ALICE], soon())
      await Promise.all(clients)
      open = false
      expect(survivors).toEqual([])
      await allow(ALICE)
      await restored(dovecot, 'PLAIN', ALICE, dovecot.password(ALICE))
    }
  })

  test('a mask is never sent: a name with a wildcard kicks nobody', async () => {
    const session = await idle(dovecot, 'PLAIN', ALICE, dovecot.password(ALICE))
    try {
      await service.endSessions!(['*', 'alice@*', '?lice@asso.example'], soon())
      await expect(session.bye(300)).rejects.toThrow('no BYE')
    } finally {
      session.close()
    }
  })

  test('many names at once are ended with the live one among them', async () => {
    const session = await idle(dovecot, 'PLAIN', ALICE, dovecot.password(ALICE))
    const names = Array.from({ length: 1200 }, (_, at) => `member${at}@asso.example`)
    await service.endSessions!([...names, ALICE], soon())
    expect(await session.bye()).toMatch(/^\* BYE/)
    session.close()
  })

  test('a token sign-in that waits for a slow answer survives the first kick and not the second', async () => {
    provider.delayMs = 1000
    const before = provider.introspections
    const client = await imap(dovecot.imapPort)
    const signedIn = client.authenticate('OAUTHBEARER', ALICE, token)
    while (provider.introspections === before) await sleep(5)

    await deny(ALICE)
    await service.endSessions!([ALICE], soon())
    const again = sleep(service.endSessionsAgainAfterMs ?? 0)
    expect(await signedIn, 'it had passed the deny file').toMatch(/^OK/)
    await client.idle()
    const ended = client.bye(15_000)
    await again
    await service.endSessions!([ALICE], soon())
    expect(await ended).toMatch(/^\* BYE/)
    expect(await tries('OAUTHBEARER', ALICE, token)).toBe(REFUSED)
    client.close()
  })

  test('no token sign-in can take longer than the second kick waits for', async () => {
    provider.delayMs = 20_000
    const from = performance.now()
    expect(await tries('XOAUTH2', ALICE, token)).toBe(UNAVAILABLE)
    // What is measured includes the half second by which Dovecot holds back each refusal.
    expect(performance.now() - from).toBeLessThan((service.endSessionsAgainAfterMs ?? 0) + 5000)
    expect(await dovecot.log()).toMatch(/Absolute request timeout expired \(Request queued \d+\.\d+ secs ago/)
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

  test("the kit's own proof gives what its page says", async () => {
    const readme = await readFile(join(dovecot.dir, 'kit/README.md'), 'utf8')
    const proof = shellBlocks(readme)
      .at(-2)
      ?.replaceAll('sudo ', '')
      .replace('doveadm ', `doveadm -c ${dovecot.dir}/dovecot.conf `)
    const run = promisify(execFile)('sh', ['-c', `${proof}`])
    expect((await run).stdout).toContain('code=user_disabled')
    expect(await dovecot.doveadm('auth', 'test', ALICE, 'x')).not.toContain('user_disabled')
    expect(await readdir(join(dovecot.config.folder, 'denied'))).toEqual([])
  })

  test('a wrong key is said to be wrong, and is not shown', async () => {
    const doveadmApiKey = `${dovecot.config.doveadmApiKey.slice(1)}x`
    const wrong = await openService({ ...dovecot.config, doveadmApiKey })
    for (const work of [() => wrong.check(soon()), () => wrong.endSessions!([ALICE], soon())]) {
      const error = await work().then(
        () => 'passed',
        (thrown: Error) => thrown,
      )
      expect(error).toMatchObject({ code: 'service_unavailable', detail: expect.stringContaining('doveadmApiKey') })
      const shown = JSON.stringify(error, Object.getOwnPropertyNames(error))
      for (const form of [doveadmApiKey, Buffer.from(doveadmApiKey).toString('base64')])
        expect(shown).not.toContain(form)
    }
  })

  test('what is not doveadm is not taken for it', async () => {
    for (const [status, body] of [
      [200, '<html>'],
      [200, '[]'],
      [200, '[["doveadmResponse",[],"7"]]'],
      [502, ''],
      [302, ''],
    ] as const) {
      const other = createServer((_request, response) => response.writeHead(status, { location: '/' }).end(body))
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
      const { port } = other.address() as { port: number }
      const lost = await openService({ ...dovecot.config, doveadmUrl: `http://127.0.0.1:${port}` })
      await expect(lost.endSessions!([ALICE], soon())).rejects.toMatchObject({ code: 'service_unavailable' })
      other.closeAllConnections()
      other.close()
    }
  })

  test('with Dovecot down the refusal is written, the kick is an error; back up, both hold', async () => {
    await dovecot.stop()
    await deny(ALICE)
    const down = { code: 'service_unavailable', detail: expect.stringContaining('ECONNREFUSED') }
    await expect(service.endSessions!([ALICE], soon())).rejects.toMatchObject(down)
    await expect(service.check(soon())).rejects.toMatchObject(down)
    await dovecot.start()
    await service.check(soon())
    await service.endSessions!([ALICE], soon())
    expect(await tries('PLAIN', ALICE, dovecot.password(ALICE))).toBe(REFUSED)
    expect(await tries('PLAIN', BOB, dovecot.password(BOB))).toBe('OK')
  })

  test('a signal that aborts ends the waiting', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    const waiting = await openService({ ...dovecot.config, doveadmUrl: `http://127.0.0.1:${port}` })
    const signal = AbortSignal.timeout(200)
    await expect(waiting.endSessions!([ALICE], signal)).rejects.toBe(
      await new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(signal.reason))
      }),
    )
    silent.closeAllConnections()
    silent.close()
  })
})

// ── Other installations ─────────────────────────────────────────────────────────────────────────────────────────────

test('over https, Dovecot asks only a provider whose certificate it trusts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ca-'))
  await chmod(folder, 0o755) // the certificates are read as Dovecot's own user
  const authority = await makeAuthority(folder)
  const provider = await startProvider(await authority.issue(['IP:127.0.0.1']))
  const started: Dovecot[] = []
  const trusting = async (caFile: string) => {
    const dovecot = await startDovecot({ logins: [ALICE], provider, caFile })
    started.push(dovecot)
    return dovecot
  }
  try {
    const { accessToken } = await provider.signIn(ALICE)
    expect(await attempt(await trusting(authority.caFile), 'XOAUTH2', ALICE, accessToken)).toBe('OK')
    const another = await makeAuthority(folder)
    expect(await attempt(await trusting(another.caFile), 'XOAUTH2', ALICE, accessToken)).toBe(UNAVAILABLE)
  } finally {
    for (const dovecot of started) await dovecot.remove()
    await provider.stop()
    await rm(folder, { recursive: true })
  }
})

test("beside the distribution's own files, the refusal comes first and the mechanisms are added", async () => {
  const dir = await mkdtemp(join(tmpdir(), 'stock-'))
  try {
    await copyFile('/usr/share/dovecot/dovecot.conf', join(dir, 'dovecot.conf'))
    await cp('/usr/share/dovecot/conf.d', join(dir, 'conf.d'), { recursive: true })
    const config = { folder: dir, doveadmUrl: 'http://127.0.0.1:8080', doveadmApiKey: 'x'.repeat(40) }
    const files = await plugin.kit!({ ...kitTarget(plugin, { config, options: { dovecot_dir: dir } }) })
    await mkdir(join(dir, 'dovecot-2.3'))
    for (const { path, content } of files.filter((file) => file.path.startsWith('dovecot-2.3/')))
      await writeFile(join(dir, path.replace('dovecot-2.3/', path.endsWith('.ext') ? '' : 'conf.d/')), content)
    const { stdout } = await promisify(execFile)('doveconf', ['-n', '-c', join(dir, 'dovecot.conf')])
    const drivers = [...stdout.matchAll(/^passdb \{\n([^}]*)\}/gm)].map(
      ([, block = '']) => /driver = (\S+)/.exec(block)?.[1],
    )
    expect(drivers).toEqual(['passwd-file', 'oauth2', 'pam'])
    expect(stdout).toMatch(/^passdb \{\n[^}]*deny = yes/m)
    expect(stdout).toMatch(/^auth_mechanisms = plain xoauth2 oauthbearer$/m)
  } finally {
    await rm(dir, { recursive: true })
  }
})
