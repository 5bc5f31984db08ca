// The policy server and clients that are not Postfix: rubbish, floods, silence, strangers. It answers those that ask, in time.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { config } from '../../plugins/postfix/config.ts'
import { admittedUsers, ownerIn } from '../../plugins/postfix/peers.ts'
import { policy } from '../../plugins/postfix/policy.ts'
import { type PolicyServerOptions, startPolicyServer } from '../../plugins/postfix/policy-server.ts'
import { testDoors } from '../support/door-host.ts'

describe('the server', () => {
  let server: Server | undefined
  const sockets: Socket[] = []
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    server?.close()
  })
  const errors: unknown[] = []
  const listen = async (more: Partial<PolicyServerOptions> = {}) => {
    errors.length = 0
    server = await startPolicyServer({
      listener: { address: '127.0.0.1', port: 0 },
      decide: async (asked) => `DUNNO ${asked.get('n') ?? ''}`,
      otherwise: 'OTHERWISE',
      timeoutMs: 300,
      admits: async () => true,
      onError: (error) => errors.push(error),
      ...more,
    })
  }
  const client = async () => {
    const socket = connect((server!.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8')
    sockets.push(socket)
    let text = ''
    let closed = false
    const chunks: string[] = []
    socket.on('data', (chunk: string) => {
      text += chunk
      chunks.push(chunk)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => (closed = true))
    await once(socket, 'connect')
    return { socket, chunks, read: () => text, isClosed: () => closed }
  }

  test('answers each request in order, each in one write', async () => {
    await listen({ decide: (asked) => sleep(asked.get('n') === '1' ? 50 : 0, `DUNNO ${asked.get('n')}`) })
    const { socket, read } = await client()
    socket.write('request=smtpd_access_policy\nn=1\n\nn=2\n')
    socket.write('\nn=3\n\n')
    await expect.poll(read).toBe('action=DUNNO 1\n\naction=DUNNO 2\n\naction=DUNNO 3\n\n')
    const alone = await client()
    alone.socket.write('n=1\n\n')
    await expect.poll(() => alone.chunks).toEqual(['action=DUNNO 1\n\n'])
  })

  test('a request in many small pieces, with UTF-8 cut in two', async () => {
    await listen({ decide: async (asked) => asked.get('sender') ?? '' })
    const { socket, read } = await client()
    for (const octet of Buffer.from('sender=zoé@x\na=b=c\n\n')) {
      socket.write(Buffer.from([octet]))
      await sleep(1)
    }
    await expect.poll(read).toBe('action=zoé@x\n\n')
  })

  test('what throws, and what is slow, gets the other answer in time', async () => {
    for (const decide of [() => Promise.reject(new Error('no')), () => new Promise<string>(() => undefined)]) {
      await listen({ decide })
      const { socket, read } = await client()
      socket.write('a=b\n\n')
      await expect.poll(read).toBe('action=OTHERWISE\n\n')
      expect(errors).toHaveLength(1)
      server!.close()
    }
  })

  test('who is not admitted is closed on, and decides nothing', async () => {
    let asked = 0
    const decide = async () => {
      asked++
      return 'DUNNO'
    }
    await listen({ admits: async () => false, decide })
    const { socket, read, isClosed } = await client()
    socket.write('a=b\n\n')
    await expect.poll(isClosed).toBe(true)
    expect([read(), asked]).toEqual(['', 0])
  })

  test('a megabyte without an end is cut off, and the others are served', async () => {
    await listen()
    const rubbish = await client()
    rubbish.socket.write('x'.repeat(1024 * 1024))
    const other = await client()
    other.socket.write('n=1\n\n')
    await expect.poll(other.read).toBe('action=DUNNO 1\n\n')
    await expect.poll(rubbish.isClosed).toBe(true)
    expect(rubbish.read()).toBe('')
  })

  test('rubbish with ends is answered like any request that says nothing', async () => {
    await listen({
      decide: policy(config.parse({ folder: '/var/lib/x' }), testDoors('/var/lib/y'), { mayWriteAs: async () => true }),
    })
    const { socket, read } = await client()
    socket.write('\n\n=\n\n\0\xff\n\nrequest\n\n')
    await expect.poll(read).toMatch(/^(action=DUNNO\n\n)+$/)
  })

  test('a request that is not whole in time is cut off, however it trickles', async () => {
    await listen({ requestMs: 200 })
    const { socket, isClosed } = await client()
    const trickle = setInterval(() => socket.write('a'), 20)
    await expect.poll(isClosed).toBe(true)
    clearInterval(trickle)
    const quiet = await client()
    await sleep(400)
    expect(quiet.isClosed(), 'one that has begun nothing stays').toBe(false)
  })

  test('a client that closes its half still gets its answer', async () => {
    await listen({ decide: () => sleep(50, 'DUNNO') })
    const { socket, read, isClosed } = await client()
    socket.end('a=b\n\n')
    await expect.poll(read).toBe('action=DUNNO\n\n')
    await expect.poll(isClosed).toBe(true)
  })

  test('a client that goes away in the middle disturbs nobody', async () => {
    await listen({ decide: () => sleep(50, 'DUNNO') })
    for (let at = 0; at < 50; at++) {
      const { socket } = await client()
      socket.write('a=b\n\n')
      at % 2 ? socket.destroy() : socket.resetAndDestroy()
    }
    const { socket, read } = await client()
    socket.write('a=b\n\n')
    await expect.poll(read).toBe('action=DUNNO\n\n')
  })

  test('of thousands of connections the first two thousand are served', async () => {
    await listen()
    const all: Awaited<ReturnType<typeof client>>[] = []
    for (let at = 0; at < 2100; at += 100) all.push(...(await Promise.all(Array.from({ length: 100 }, client))))
    for (const { socket } of all) socket.write('n=1\n\n')
    await expect.poll(() => all.filter(({ read }) => read() !== '').length, { timeout: 15_000 }).toBeGreaterThan(1900)
    await expect.poll(() => all.filter(({ isClosed }) => isClosed()).length).toBeGreaterThanOrEqual(100)
  })

  test('two processes of one user share the port', async () => {
    await listen()
    const { port } = server!.address() as AddressInfo
    const second = await startPolicyServer({
      listener: { address: '127.0.0.1', port },
      decide: async () => 'DUNNO',
      otherwise: '',
      timeoutMs: 300,
      admits: async () => true,
      onError: () => undefined,
    })
    second.close()
  })
})

describe('who asks', () => {
  test('the owner stands in the row of the connection, while it is established', () => {
    const row = (state: string, uid: number) =>
      `   1: 0100007F:9C40 0100007F:2738 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 12345 1 0 20 4 30 10 -1\n`
    const [peer, here] = [
      { address: '127.0.0.1', port: 40000 },
      { address: '127.0.0.1', port: 10040 },
    ]
    expect(ownerIn(row('01', 104), peer, here)).toBe(104)
    expect(ownerIn(row('01', 0), { ...peer, address: '::ffff:127.0.0.1' }, here)).toBe(0)
    expect(ownerIn(row('04', 0), peer, here), 'closed by its program: shown as of root').toBeUndefined()
    expect(ownerIn(row('01', 104), here, peer)).toBeUndefined()
    expect(ownerIn(row('01', 104), { ...peer, port: 40001 }, here)).toBeUndefined()
    expect(ownerIn('', peer, here)).toBeUndefined()
  })

  test('a connection of ours is of us, and one that is closed is of nobody', async () => {
    const seen: { address: string; port: number }[] = []
    const server = createServer((socket) => {
      seen.push({ address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const mine = process.getuid!()
    const socket = connect(port, '127.0.0.1')
    await expect.poll(() => seen.length).toBe(1)
    const here = { address: '127.0.0.1', port }
    expect(await admittedUsers(here, [mine])(seen[0]!)).toBe(true)
    expect(await admittedUsers(here, [mine + 1])(seen[0]!)).toBe(false)
    socket.destroy()
    await expect.poll(() => admittedUsers(here, [0, mine])(seen[0]!)).toBe(false)
    server.close()
  })
})
