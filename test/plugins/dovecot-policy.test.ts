// Schedar's side of Dovecot's authentication policy: what it answers, what it passes on, and what it does with clients that
// are not Dovecot.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import plugin from '../../plugins/dovecot/index.ts'
import type { ServedDoors } from '../../src/plugin.ts'
import { atDoor, type TestDoors, testDoors } from '../support/door-host.ts'
import { freePort } from '../support/ports.ts'

const ALICE = 'alice@asso.example'
const WHY = 'Votre compte est suspendu : écrivez à bureau@asso.example.'

let config: DovecotConfig
let doors: TestDoors
let served: ServedDoors
let port: number
beforeEach(async () => {
  port = await freePort()
  config = {
    folder: '/nonexistent',
    doveadmUrl: 'http://127.0.0.1:9',
    doveadmApiKey: randomBytes(24).toString('hex'),
    introspectionTimeoutMs: 2000,
    policyUrl: `http://127.0.0.1:${port}`,
    policyKey: randomBytes(24).toString('hex'),
    policyTimeoutMs: 300,
  }
  doors = testDoors(tmpdir())
  served = await plugin.serve!(config, doors)
})
afterEach(() => served.close())

const ask = (command: string, question: unknown, key = config.policyKey) =>
  fetch(`${config.policyUrl}/?command=${command}`, {
    method: 'POST',
    headers: { 'x-schedar-key': key ?? '', 'content-type': 'application/json' },
    body: typeof question === 'string' ? question : JSON.stringify(question),
  })
const verdict = async (question: unknown) => (await ask('allow', question)).json()
const report = async (question: unknown) => {
  expect((await ask('report', question)).status).toBe(200)
  await sleep(50)
  return doors.facts.splice(0)
}
const question = { login: ALICE, remote: '192.0.2.7', mechanism: 'PLAIN', password: '' }
const GO_ON = { status: 0, msg: '' }

describe('what is answered', () => {
  test('who has no access is told why; everybody else goes on, Dovecot decides', async () => {
    doors.logins.set(ALICE, atDoor({ access: 'none', why: `${WHY}\r\nA002 OK` }))
    expect(await verdict(question)).toEqual({ status: -1, msg: `${WHY} A002 OK` })
    expect(await verdict({ ...question, login: ALICE.toUpperCase() })).toMatchObject({ status: -1 })
    for (const access of ['restricted', 'full'] as const) {
      doors.logins.set(ALICE, atDoor({ access, maySend: false, why: 'not sending' }))
      expect(await verdict(question)).toEqual(GO_ON)
    }
    expect(await verdict({ ...question, login: 'nobody@asso.example' })).toEqual(GO_ON)
  })

  test('who guessed too often waits; a token is no guess', async () => {
    const asked: string[] = []
    doors.mayTry = async (login, address, former) => {
      asked.push(`${login} ${address} ${former}`)
      return false
    }
    expect(await verdict(question)).toEqual({ status: -1, msg: '' })
    expect(await verdict({ ...question, mechanism: 'XOAUTH2' })).toEqual(GO_ON)
    expect(await verdict({ ...question, former: 'listed' })).toEqual({ status: -1, msg: '' })
    expect(asked, 'a kit that does not say whose is careful').toEqual([
      `${ALICE} 192.0.2.7 everybody`,
      `${ALICE} 192.0.2.7 listed`,
    ])
  })

  test('in time, whatever happens: Dovecot goes on by its files', async () => {
    doors.logins.set(ALICE, atDoor({ access: 'none', why: WHY }))
    for (const trouble of [() => Promise.reject(new Error('the database is gone')), () => sleep(5000)]) {
      doors.trouble = trouble
      const from = performance.now()
      expect(await verdict(question)).toEqual(GO_ON)
      expect(performance.now() - from).toBeLessThan(2000)
    }
    expect(doors.events).toContain('dovecot.policy_failed')
  })

  test('in one write', async () => {
    const body = JSON.stringify(question)
    const client = connect(port, '127.0.0.1')
    const pieces: string[] = []
    client.on('data', (data) => pieces.push(String(data)))
    for (let n = 1; n <= 20; n++) {
      client.write(
        `POST /?command=allow HTTP/1.1\r\nHost: x\r\nX-Schedar-Key: ${config.policyKey}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      while (pieces.length < n) await sleep(1)
    }
    expect(pieces).toHaveLength(20)
    for (const piece of pieces) expect(piece).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n\{"status":0,"msg":""\}$/)
    client.destroy()
  })
})

describe('what is passed on', () => {
  test('which app password was used, and which try failed', async () => {
    expect(await report({ ...question, password: 'id-1', success: true, policy_reject: false })).toEqual([
      { kind: 'password_used', id: 'id-1' },
    ])
    expect(await report({ ...question, success: false, policy_reject: false })).toEqual([
      { kind: 'sign_in_failed', login: ALICE, address: '192.0.2.7', former: 'everybody' },
    ])
  })

  test('nothing of a token, of a former password that was right, of what we refused ourselves', async () => {
    expect(await report({ ...question, mechanism: 'OAUTHBEARER', success: false })).toEqual([])
    expect(await report({ ...question, success: true })).toEqual([])
    expect(await report({ ...question, success: false, policy_reject: true })).toEqual([])
    doors.logins.set(ALICE, atDoor({ access: 'none', why: WHY }))
    expect(await report({ ...question, success: false }), 'the deny file did').toEqual([])
  })

  test('nothing of the check’s own sign-ins', async () => {
    doors.mayTry = async () => false
    const login = 'open.schedar-check@schedar.invalid'
    expect(await verdict({ ...question, login })).toEqual(GO_ON)
    expect(await report({ ...question, login, password: 'check', success: true })).toEqual([])
    expect(await report({ ...question, login, success: false })).toEqual([])
  })

  test('a report that cannot be written is logged, and Dovecot is not kept', async () => {
    doors.trouble = () => Promise.reject(new Error('the disk is full'))
    expect(await report({ ...question, password: 'id-1', success: true })).toEqual([])
    expect(doors.events).toContain('dovecot.report_failed')
  })
})

describe('clients that are not Dovecot', () => {
  /** What comes back to these bytes until the server hangs up, or the time is over. */
  const raw = (send: (client: Socket) => void, ms = 8000): Promise<{ text: string; closed: boolean }> =>
    new Promise((resolve) => {
      const client = connect(port, '127.0.0.1')
      let text = ''
      const done = (closed: boolean) => {
        clearTimeout(timer)
        client.destroy()
        resolve({ text, closed })
      }
      const timer = setTimeout(() => done(false), ms)
      client.on('data', (data) => {
        text += data
      })
      client.on('error', () => undefined)
      client.on('close', () => done(true))
      client.on('connect', () => send(client))
    })

  test('without the key nothing is read, and nothing is known', async () => {
    doors.logins.set(ALICE, atDoor({ access: 'none', why: WHY }))
    for (const key of ['', 'x', `${config.policyKey}x`]) {
      const answer = await ask('allow', question, key)
      expect([answer.status, await answer.text()]).toEqual([401, '{}'])
    }
    const { text, closed } = await raw((client) =>
      client.write('POST /?command=allow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n'),
    )
    expect(text).toMatch(/^HTTP\/1\.1 401 /)
    expect(closed).toBe(true)
  })

  test('rubbish is refused', async () => {
    for (const body of ['', '{', '[]', '{"login":7}', '\0\0\0', JSON.stringify({ login: 'x'.repeat(400) })])
      expect((await ask('allow', body)).status, body).toBe(400)
    expect((await ask('else', question)).status).toBe(400)
    expect(
      (await fetch(String(config.policyUrl), { headers: { 'x-schedar-key': String(config.policyKey) } })).status,
    ).toBe(405)
    expect((await raw((client) => client.write('\x16\x03\x01 hello\r\n\r\n'))).closed).toBe(true)
    expect(doors.facts).toEqual([])
  })

  test('a megabyte is refused, said or not', async () => {
    const big = JSON.stringify({ ...question, more: 'x'.repeat(1_000_000) })
    expect((await ask('allow', big).catch(() => ({ status: 413 }))).status).toBe(413)
    const head = `POST /?command=allow HTTP/1.1\r\nHost: x\r\nX-Schedar-Key: ${config.policyKey}\r\n`
    const { closed } = await raw((client) => {
      client.write(`${head}Transfer-Encoding: chunked\r\n\r\n`)
      for (let n = 0; n < 100; n++) client.write(`2710\r\n${'x'.repeat(10_000)}\r\n`)
    })
    expect(closed).toBe(true)
    expect(await verdict(question)).toEqual(GO_ON)
  })

  test('a thousand that say nothing, or half a request, are hung up on; then Dovecot is answered again', async () => {
    const half = `POST /?command=allow HTTP/1.1\r\nX-Schedar-Key: ${config.policyKey}\r\nContent-Length: 99\r\n\r\n{"login":`
    const all = Array.from({ length: 1000 }, (_, n) => raw((client) => void (n % 2 && client.write(half)), 30_000))
    const [first] = all
    await first
    await expect.poll(() => verdict(question).catch(String), { timeout: 30_000 }).toEqual(GO_ON)
    expect((await Promise.all(all)).every(({ closed }) => closed)).toBe(true)
  }, 60_000)

  test('a slow one is hung up on, and keeps nobody waiting', async () => {
    const slow = raw((client) =>
      client.write(`POST /?command=allow HTTP/1.1\r\nX-Schedar-Key: ${config.policyKey}\r\n`),
    )
    expect(await verdict(question)).toEqual(GO_ON)
    expect((await slow).closed).toBe(true)
  })
})

describe('listening', () => {
  test('a port that somebody else took is an error with the address', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const policyUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    await expect(plugin.serve!({ ...config, policyUrl }, doors)).rejects.toMatchObject({
      code: 'service_unavailable',
      detail: expect.stringContaining(`${policyUrl} cannot be listened at (EADDRINUSE)`),
    })
    other.close()
  })

  test('a second instance on the machine shares the port: the one that stays goes on answering', async () => {
    const second = await plugin.serve!(config, doors)
    for (let n = 0; n < 20; n++) expect(await verdict(question)).toEqual(GO_ON)
    await served.close()
    // A connection that was kept to the one that went fails once.
    await expect.poll(() => verdict(question).catch(String)).toEqual(GO_ON)
    for (let n = 0; n < 20; n++) expect(await verdict(question)).toEqual(GO_ON)
    await second.close()
  })

  test('nothing listens without an address, or on another machine than Dovecot’s', async () => {
    expect(served.addresses).toEqual([config.policyUrl])
    for (const other of [{ policyUrl: undefined }, { host: 'mx.elsewhere.example' }]) {
      const none = await plugin.serve!({ ...config, ...other }, doors)
      expect(none.addresses).toEqual([])
      await none.close()
    }
  })

  test('a key that is short or missing is refused, without being shown', async () => {
    for (const policyKey of [undefined, 'short-secret'])
      await expect(plugin.serve!({ ...config, policyKey }, doors)).rejects.toMatchObject({
        code: 'invalid_value',
        field: 'policyKey',
        detail: expect.not.stringContaining('short-secret'),
      })
  })

  test('closed, it answers nobody', async () => {
    await served.close()
    await expect(verdict(question)).rejects.toThrow()
  })
})
