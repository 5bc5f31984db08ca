// The queue of a suspended login in a real Postfix: held by what is on record, let go when it is restored, whatever is down
// or killed in between; through the helper as well as as root.
import { execFile, spawn } from 'node:child_process'
import { chmod, readdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PostfixConfig } from '../../plugins/postfix/config.ts'
import plugin from '../../plugins/postfix/index.ts'
import { helperScript } from '../../plugins/postfix/kit-helper.ts'
import { type Postsuper, postsuper } from '../../plugins/postfix/postsuper.ts'
import type { Row, Service } from '../../src/plugin.ts'
import { type Postfix, startPostfix } from '../support/postfix.ts'
import { smtp } from '../support/smtp.ts'
import { pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const held = { held: true }
const soon = () => AbortSignal.timeout(60_000)
const run = promisify(execFile)

let postfix: Postfix
/** What each login gave to Postfix, the newest first. */
const given = new Map<string, string[]>()
beforeAll(async () => {
  postfix = await startPostfix()
  // Handed in at port 25 without a sign-in: what matters here is the queue.
  await postfix.set(
    'smtpd_relay_restrictions=permit_mynetworks,reject',
    'smtpd_recipient_restrictions=permit_mynetworks,reject',
  )
})
afterAll(() => postfix?.remove())
beforeEach(async () => {
  given.clear()
  postfix.sink.mails.length = 0
  // Mail for this address waits: the other server puts it off.
  postfix.sink.replies.set('slow@example.net', '450 4.2.0 later')
})
afterEach(async () => {
  await postfix.command('postsuper', '-d', 'ALL')
  for (const name of await readdir(join(postfix.config.folder, 'held')))
    await unlink(join(postfix.config.folder, 'held', name))
})

/** Gives a message that stays in the queue; its id. */
async function give(login: string, subject = 'x'): Promise<string> {
  const client = await smtp(postfix.smtpPort)
  const reply = await client.send({ from: login, to: ['slow@example.net'], text: `Subject: ${subject}\r\n\r\nx` })
  client.close()
  const id = /queued as (\w+)/.exec(reply)?.[1] ?? reply
  given.set(login, [id, ...(given.get(login) ?? [])])
  return id
}
const places = async (): Promise<Record<string, string>> => {
  const lines = (await postfix.command('postqueue', '-j')).split('\n').filter(Boolean)
  return Object.fromEntries(lines.map((line) => JSON.parse(line)).map((entry) => [entry.queue_id, entry.queue_name]))
}
const place = async (id: string) => (await places())[id]
const open = (config: Partial<PostfixConfig> = {}): Promise<Service<never, Row>> =>
  plugin.parts!.queue!.open(
    { ...postfix.config, ...config },
    pluginHost(postfix.dir, () => undefined, { queueIdsOf: async (login) => given.get(login) ?? [] }),
  ) as Promise<Service<never, Row>>
const marker = (login: string) => readFile(join(postfix.config.folder, 'held', login), 'utf8').catch(() => undefined)

/** As systemd would: the script for each connection, with the socket as its standard input and output. */
async function startHelper(): Promise<{ path: string; close(): void }> {
  const script = join(postfix.dir, 'schedar-postsuper')
  await writeFile(script, helperScript(postfix.config.configDir))
  await chmod(script, 0o755)
  const path = join(postfix.dir, 'helper.sock')
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    const child = spawn(script, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.on('error', () => undefined)
    socket.on('error', () => undefined)
    socket.pipe(child.stdin)
    child.stdout.pipe(socket)
  }).listen(path)
  await new Promise((resolve) => server.once('listening', resolve))
  return { path, close: () => void server.close() }
}

for (const way of ['as root', 'through the helper'] as const)
  describe(way, () => {
    let helper: Awaited<ReturnType<typeof startHelper>> | undefined
    let service: Service<never, Row>
    beforeAll(async () => {
      helper = way === 'as root' ? undefined : await startHelper()
      service = await open(helper ? { helper: helper.path } : {})
    })
    afterAll(() => helper?.close())
    const suspend = (...logins: string[]) => service.apply(new Map(logins.map((login) => [login, held])), soon())
    const restore = (...logins: string[]) => service.apply(new Map(logins.map((login) => [login, null])), soon())
    const observed = async (...logins: string[]) => Object.fromEntries(await service.observe(logins, soon()))

    test('what is queued of the suspended is held, and nobody else’s; restored, it goes out', async () => {
      await service.check(soon())
      const [one, two, other] = [await give(ALICE, 'one'), await give(ALICE, 'two'), await give(BOB)]
      await suspend(ALICE)
      expect([await place(one), await place(two)]).toEqual(['hold', 'hold'])
      expect(await place(other)).not.toBe('hold')
      expect(await observed(ALICE, BOB)).toEqual({ [ALICE]: held })
      postfix.sink.replies.clear()
      await sleep(300)
      const hers = () => postfix.sink.mails.filter(({ from }) => from === ALICE).length
      expect(hers()).toBe(0)
      await restore(ALICE)
      await expect.poll(hers, { timeout: 20_000 }).toBe(2)
      expect(await observed(ALICE, BOB)).toEqual({})
    })

    test('a burst that was held before stays held', async () => {
      const [burst, other] = [await give(ALICE), await give(ALICE)]
      await postfix.command('postsuper', '-h', burst)
      await suspend(ALICE)
      expect([await place(burst), await place(other)]).toEqual(['hold', 'hold'])
      await restore(ALICE)
      expect(await place(burst)).toBe('hold')
      expect(await place(other)).not.toBe('hold')
    })

    test('suspended twice, killed in between, given more meanwhile: all of it is held, all of it let go', async () => {
      const one = await give(ALICE)
      await suspend(ALICE)
      const two = await give(ALICE)
      expect(await observed(ALICE), 'one that came later is seen').toEqual({ [ALICE]: { held: false } })
      await service.endSessions!([ALICE, BOB], soon())
      expect([await place(one), await place(two)]).toEqual(['hold', 'hold'])
      await suspend(ALICE)
      expect(await observed(ALICE)).toEqual({ [ALICE]: held })
      expect((await marker(ALICE))?.split('\n')).toEqual(expect.arrayContaining([one, two]))
      expect(await marker(BOB)).toBeUndefined()
      // Killed after the marker was written and before anything was held.
      await postfix.command('postsuper', '-H', one)
      await suspend(ALICE)
      expect(await place(one)).toBe('hold')
      await restore(ALICE)
      expect([await place(one), await place(two)]).not.toContain('hold')
    })

    test('ids that are gone, and names that are none, hold nobody up', async () => {
      const id = await give(ALICE)
      given.set(ALICE, [id, '4ZZZZZZZZZzZZZZ', 'ALL', '-h', '../../etc/passwd'])
      const wanted = new Map([
        ['a b', held],
        [ALICE, held],
      ])
      await expect(service.apply(wanted, soon())).rejects.toMatchObject({ code: 'invalid_value' })
      expect(await place(id)).toBe('hold')
      await postfix.command('postsuper', '-d', id)
      await suspend(ALICE)
      await restore(ALICE)
      expect(await places()).toEqual({})
    })

    test('a hundred messages at once', async () => {
      for (let at = 0; at < 30; at++) await give(ALICE)
      await suspend(ALICE)
      expect(Object.values(await places())).toEqual(Array(30).fill('hold'))
      await restore(ALICE)
      expect(Object.values(await places())).not.toContain('hold')
    })

    test('with Postfix down it is held all the same, and let go; it goes out when Postfix is back', async () => {
      const id = await give(ALICE)
      await postfix.stop()
      try {
        // The first time it may still speak to a process that is ending.
        await suspend(ALICE).catch(() => suspend(ALICE))
        expect(await observed(ALICE)).toEqual({ [ALICE]: held })
      } finally {
        await postfix.start()
      }
      expect(await place(id)).toBe('hold')
      await postfix.stop()
      try {
        await restore(ALICE).catch(() => restore(ALICE))
      } finally {
        await postfix.start()
      }
      expect(await place(id)).not.toBe('hold')
    })

    test('headers are shown, never a body', async () => {
      const id = await give(ALICE, 'seen')
      const shown = await plugin.queue!(
        { ...postfix.config, ...(helper && { helper: helper.path }) },
        pluginHost(postfix.dir),
      ).messages([id], soon())
      expect(shown).toMatchObject([{ queueId: id, subject: 'seen', sender: ALICE }])
    })
  })

describe('the helper', () => {
  let helper: Awaited<ReturnType<typeof startHelper>>
  let ask: Postsuper
  beforeAll(async () => {
    helper = await startHelper()
    ask = postsuper({ configDir: '/nonexistent', helper: helper.path })
  })
  afterAll(() => helper.close())
  const script = (input: string) => {
    const child = run(join(postfix.dir, 'schedar-postsuper'))
    child.child.stdin?.end(input)
    return child.then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    )
  }

  test.each([
    ['', 'no verb'],
    ['\n', 'unknown verb'],
    ['flush\n', 'unknown verb'],
    ['list; id\n', 'unknown verb'],
    ['purge\nALL\n', 'no queue id'],
    ['hold\n-d\n', 'no queue id'],
    ['purge\nABCDEF1\nALL\n', 'no queue id'],
    ['purge\n../../x\n', 'no queue id'],
    ['purge\nABCDEF1 ALL\n', 'no queue id'],
    ['purge\n$(id)ABCDEF\n', 'no queue id'],
    ['purge\n*\n', 'no queue id'],
    [`purge\n${'A'.repeat(31)}\n`, 'no queue id'],
    ['headers\nABCDEF1\nABCDEF2\n', 'of one message'],
    ['headers\n', 'of one message'],
  ])('refuses %j: %s', async (input, why) => {
    const id = await give(ALICE)
    expect(await script(input)).toMatch(new RegExp(`^schedar-postsuper: refused: .*${why}`))
    await expect.poll(() => place(id)).toBeDefined() // one that changes queues just now is not listed
  })

  test('that is not there, or ends without a word, is an error that names it', async () => {
    const unavailable = (detail: RegExp) => ({ code: 'service_unavailable', detail: expect.stringMatching(detail) })
    const gone = postsuper({ configDir: '/nonexistent', helper: join(postfix.dir, 'none.sock') })
    await expect(gone('list', [], soon())).rejects.toMatchObject(unavailable(/none\.sock .*ENOENT/))
    for (const answer of ['', 'schedar-postsuper: exit code 1\n', 'schedar-postsuper: done\nmore\n']) {
      const path = join(postfix.dir, 'other.sock')
      const other = createServer((socket) => socket.resume().end(answer)).listen(path)
      await new Promise((resolve) => other.once('listening', resolve))
      const lost = postsuper({ configDir: '/nonexistent', helper: path })
      await expect(lost('list', [], soon())).rejects.toMatchObject(unavailable(/could not list/))
      await new Promise((resolve) => other.close(resolve))
    }
  })

  test('a signal that aborts ends the waiting', async () => {
    const path = join(postfix.dir, 'silent.sock')
    const silent = createServer(() => undefined).listen(path)
    await new Promise((resolve) => silent.once('listening', resolve))
    const signal = AbortSignal.timeout(200)
    await expect(postsuper({ configDir: '/nonexistent', helper: path })('list', [], signal)).rejects.toMatchObject({
      name: 'TimeoutError',
    })
    silent.close()
  })

  test('nothing to do is not asked', async () => {
    expect(await postsuper({ configDir: '/nonexistent', helper: '/nonexistent' })('purge', ['ALL', '-'], soon())).toBe(
      '',
    )
    expect(await ask('list', [], soon())).toEqual(expect.any(String))
  })
})

test('short queue ids, and a missing folder, are found by check', async () => {
  const service = await open()
  await postfix.set('enable_long_queue_ids=no')
  await expect(service.check(soon())).rejects.toMatchObject({
    detail: expect.stringContaining('enable_long_queue_ids'),
  })
  await postfix.set('enable_long_queue_ids=yes')
  await service.check(soon())
  const lost = await open({ folder: join(postfix.dir, 'none') })
  await expect(lost.check(soon())).rejects.toMatchObject({ code: 'service_unavailable' })
})
