// How soon live sessions at a real Dovecot end, which sign-ins survive the first kick, and what is said when doveadm cannot be
// reached.
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import plugin from '../../plugins/dovecot/index.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { type Imap, imap, type Mechanism, mechanisms } from '../support/imap.ts'
import { startProvider, type TestProvider } from '../support/introspection-provider.ts'
import { attempt, idle, REFUSED, restored, UNAVAILABLE } from '../support/mail-sign-in.ts'
import { pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const denied = { denied: true } as const
const soon = () => AbortSignal.timeout(30_000)

const openService = (config: DovecotConfig) => plugin.open!(config, pluginHost(config.folder))

describe('with live sessions', () => {
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
