// The hook for closed sites: what every plugin must keep, programs that misbehave, and the example of the documentation with
// the system's own usermod, chage and crontab, in a mount namespace of its own. Needs root, util-linux, passwd, cron and procps.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import plugin from '../../plugins/site-hook/index.ts'
import { pluginContract } from '../contract/plugin.ts'
import { pluginHost, siteSubject } from '../support/subjects.ts'

const run = promisify(execFile)
const soon = () => AbortSignal.timeout(60_000)
const EXAMPLE = resolve('docs/examples/schedar-site-hook')
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'site-hook-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const program = async (name: string, lines: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 })
  return path
}
const openWith = (settings: Record<string, unknown>) => plugin.open!(plugin.config!.parse(settings), pluginHost(folder))
const changes = (access: 'none' | 'full', ...names: string[]) =>
  new Map(names.map((name) => [name, access === 'none' ? ({ closed: true } as const) : null]))

pluginContract('site-hook', async () => {
  const closed = join(folder, 'closed')
  const live = join(folder, 'live')
  for (const path of [closed, live]) await mkdir(path)
  const small = `case $1 in
    check) [ -d ${closed} ] ;;
    state) if [ -e "${closed}/$2" ]; then echo closed; else echo open; fi ;;
    close) : > "${closed}/$2" ;;
    open) rm -f "${closed}/$2" ;;
    end) rm -f "${live}/$2" ;;
    esac`
  return {
    service: await openWith({ run: await program('small', small) }),
    subjects: { some: ['a.example', 'www.b.example', 'c', 'xn--vlo-bma.example'].map((name) => siteSubject(name)) },
    live: async ({ name }) => {
      await writeFile(join(live, name), '')
      const ended = (async () => {
        while ((await readdir(live)).includes(name)) await new Promise((done) => setTimeout(done, 20))
      })()
      return { ended, close: () => void rm(join(live, name), { force: true }) }
    },
    close: async () => {},
  }
})

describe('a program', () => {
  test('gets the verb and the site as arguments, JSON, a fixed environment, and no shell', async () => {
    const seen = join(folder, 'seen')
    const service = await openWith({
      run: await program(
        'tells',
        `{ printf '%s|' "$#" "$@"; pwd; cat; env | sort | cut -d= -f1 | tr '\\n' ' '; } > ${seen}`,
      ),
    })
    await service.apply(changes('none', 'a.example'), soon())
    const [first, json, env] = (await readFile(seen, 'utf8')).split('\n')
    expect(first).toBe('2|close|a.example|/')
    expect(JSON.parse(json!)).toEqual({ version: 1, verb: 'close', site: 'a.example' })
    expect(env!.trim().split(' ')).toEqual(['LC_ALL', 'PATH', 'PWD'])
  })

  test.each([
    '-x',
    '--help',
    '../a',
    'a b',
    'a;reboot',
    '$(reboot)',
    'A.example',
    'a\nb',
    '',
    'a..b',
    'é',
    'x'.repeat(300),
  ])('%j is no site: it is refused, and the others are told', async (name) => {
    const told = join(folder, 'told')
    await rm(told, { force: true })
    const service = await openWith({ run: await program('notes', `echo "$@" >> ${told}`) })
    await expect(service.apply(changes('none', name, 'b.example'), soon())).rejects.toMatchObject({
      code: 'invalid_value',
    })
    await service.endSessions!([name], soon())
    expect(await readFile(told, 'utf8')).toBe('close b.example\n')
  })

  test.each([
    ['an exit code', 'echo "no such\u0007 user" >&2; exit 3', /close a\.example: no such +user$/],
    ['an exit code without a word', 'exit 75', /ended with exit code 75/],
    ['a signal', 'kill -9 $$', /ended with exit code -1/],
    ['a full disk', 'echo "write: No space left on device" >&2; exit 1', /No space left/],
    ['too long a time', 'sleep 60', /gave no answer in 1 s/],
    ['too long a time, what it started too', 'sleep 60 & wait', /gave no answer in 1 s/],
    ['a program that is none', undefined, /ENOENT/],
  ])('%s is an error with its words, and the next site is told all the same', async (_what, lines, says) => {
    const told = join(folder, 'others')
    await rm(told, { force: true })
    const path =
      lines === undefined
        ? join(folder, 'none')
        : await program('fails', `[ "$2" = a.example ] || { echo "$2" >> ${told}; exit 0; }\n${lines}`)
    const service = await openWith({ run: path, timeoutSeconds: 1, atOnce: 1 })
    const error = await service
      .apply(changes('none', 'a.example', 'b.example'), soon())
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ detail: expect.stringMatching(says) })
    expect((error as { code: string }).code).toBe(_what === 'a full disk' ? 'storage_full' : 'service_unavailable')
    if (lines !== undefined) expect(await readFile(told, 'utf8')).toBe('b.example\n')
  })

  test('that leaves something running is over when it ends', async () => {
    const service = await openWith({ run: await program('leaves', 'sleep 30 & echo open'), timeoutSeconds: 5 })
    const begun = performance.now()
    expect((await service.observe(['a.example'], soon())).size).toBe(0)
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  test('that says neither open nor closed is not believed', async () => {
    const service = await openWith({ run: await program('babbles', 'echo perhaps') })
    await expect(service.observe(['a.example'], soon())).rejects.toMatchObject({
      detail: expect.stringMatching(/"perhaps", neither open nor closed/),
    })
  })

  test('that everybody may change is not run by check', async () => {
    const path = await program('open-to-all', 'exit 0')
    await run('chmod', ['0777', path])
    await expect((await openWith({ run: path })).check(soon())).rejects.toMatchObject({
      detail: expect.stringMatching(/chmod 0755/),
    })
  })

  test.each([
    [{}],
    [{ run: 'relative' }],
    [{ run: '/a b' }],
    [{ run: '/a', socket: '/b' }],
    [{ run: '/a', timeoutSeconds: 0 }],
  ])('%j in schedar.yaml is refused', (given) => {
    expect(plugin.config!.safeParse(given).success).toBe(false)
  })
})

describe('the example of the documentation', () => {
  let inside: ChildProcess
  let hook: string
  let socket: Server
  const SITE = 'velo.example'
  /** In the namespace: its /etc, /var/www and crontabs are copies. */
  const there = async (...argv: string[]): Promise<string> =>
    (await run('nsenter', ['-t', String(inside.pid), '-m', '--', ...argv])).stdout
  const shadow = async (user: string): Promise<{ locked: boolean; ends: string }> => {
    const fields = (await there('getent', 'shadow', user)).trim().split(':')
    return { locked: fields[1]!.startsWith('!'), ends: fields[7]! }
  }
  const crontab = (user: string) => there('crontab', '-u', user, '-l').catch(() => 'none')
  const service = (more = {}) => openWith({ run: hook, ...more })

  beforeAll(async () => {
    const copy = join(folder, 'machine')
    for (const name of ['etc', 'www', 'cron', 'lib']) await mkdir(join(copy, name), { recursive: true })
    const setUp = `set -e
cp -a /etc/. ${copy}/etc/
mount --bind ${copy}/etc /etc
mount --bind ${copy}/www /var/www
mount --bind ${copy}/cron /var/spool/cron/crontabs
mount --bind ${copy}/lib /var/lib
mkdir -m 0700 /var/lib/schedar-site-hook
useradd -M -u 4201 -e 2099-12-31 velo
useradd -M -u 4202 jardin
echo 'velo:x' | chpasswd -e
mkdir /var/www/${SITE} /var/www/jardin.example /var/www/system.example
chown velo /var/www/${SITE}
chown www-data /var/www/system.example
mkdir -p /etc/schedar
echo 'jardin.example jardin' > /etc/schedar/site-users
echo 'evil.example root' >> /etc/schedar/site-users
echo '5 4 * * * true' | crontab -u velo -
echo ready
exec sleep 600`
    inside = spawn('unshare', ['--mount', 'sh', '-c', setUp], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise<void>((done, failed) => {
      inside.stdout!.once('data', () => done())
      inside.once('exit', (code) => failed(new Error(`the namespace could not be set up: ${code}`)))
    })
    hook = await program('in-namespace', `exec nsenter -t ${inside.pid} -m -- ${EXAMPLE} "$@"`)
    // What systemd does: the script, for each connection, with the socket as its input and output.
    socket = createServer({ allowHalfOpen: true }, (connection) => {
      const child = spawn('nsenter', ['-t', String(inside.pid), '-m', '--', EXAMPLE])
      connection.pipe(child.stdin)
      child.stdout.pipe(connection)
      connection.on('error', () => undefined)
      child.stdin.on('error', () => undefined)
    })
    await new Promise<void>((done) => socket.listen(join(folder, 'hook.sock'), done))
  })
  afterAll(async () => {
    socket?.close()
    inside?.kill('SIGKILL')
  })

  test('locks the password, ends the account and puts the crontab away; then all is as it was', async () => {
    const before = { shadow: await shadow('velo'), crontab: await crontab('velo') }
    expect(before).toEqual({ shadow: { locked: false, ends: '47481' }, crontab: '5 4 * * * true\n' })
    const opened = await service()
    await opened.check(soon())
    for (let twice = 0; twice < 2; twice++) {
      await opened.apply(changes('none', SITE), soon())
      expect(await shadow('velo')).toEqual({ locked: true, ends: '0' })
      expect(await crontab('velo')).toBe('none')
    }
    expect([...(await opened.observe([SITE, 'jardin.example'], soon())).keys()]).toEqual([SITE])
    for (let twice = 0; twice < 2; twice++) await opened.apply(changes('full', SITE), soon())
    expect({ shadow: await shadow('velo'), crontab: await crontab('velo') }).toEqual(before)
    expect((await opened.observe([SITE], soon())).size).toBe(0)
  })

  test('a user who could not sign in before cannot afterwards; a file names another one', async () => {
    const before = await shadow('jardin')
    expect(before).toEqual({ locked: true, ends: '' })
    const opened = await service()
    await opened.apply(changes('none', 'jardin.example'), soon())
    expect(await shadow('jardin')).toEqual({ locked: true, ends: '0' })
    await opened.apply(changes('full', 'jardin.example'), soon())
    expect(await shadow('jardin')).toEqual(before)
  })

  test('what the site’s user has running is ended, and nobody else’s', async () => {
    const sleeper = (user: string) =>
      spawn('nsenter', [
        '-t',
        String(inside.pid),
        '-m',
        '--',
        'setpriv',
        '--reuid',
        user,
        '--clear-groups',
        'sleep',
        '300',
      ])
    const [velo, jardin] = [sleeper('4201'), sleeper('4202')]
    const ended = new Promise((done) => velo.once('exit', (_code, signal) => done(signal)))
    let others = 'running'
    jardin.once('exit', () => {
      others = 'ended'
    })
    const owner = async (child: ChildProcess) =>
      (await readFile(`/proc/${child.pid}/status`, 'utf8')).match(/^Uid:\s+(\d+)/m)?.[1]
    await expect.poll(() => Promise.all([velo, jardin].map(owner)), { timeout: 10_000 }).toEqual(['4201', '4202'])
    await (await service()).endSessions!([SITE, 'none.example'], soon())
    expect([await ended, others]).toEqual(['SIGKILL', 'running'])
    jardin.kill('SIGKILL')
  })

  test.each(['system.example', 'evil.example', 'none.example'])(
    '%s has no user of its own: it is closed without touching anybody',
    async (site) => {
      const everybody = () => there('sh', '-c', 'cat /etc/shadow /etc/passwd')
      const before = await everybody()
      const opened = await service()
      await opened.apply(changes('none', site), soon())
      await opened.endSessions!([site], soon())
      expect((await opened.observe([site], soon())).has(site)).toBe(true)
      await opened.apply(changes('full', site), soon())
      expect((await opened.observe([site], soon())).size).toBe(0)
      expect(await everybody()).toBe(before)
    },
  )

  test('cut off at any place, closing again and opening bring all back', async () => {
    const before = { shadow: await shadow('velo'), crontab: await crontab('velo') }
    const opened = await service()
    for (const ms of [5, 15, 30, 60, 120]) {
      await opened.apply(changes('none', SITE), AbortSignal.timeout(ms)).catch(() => undefined)
      await opened.apply(changes('none', SITE), soon())
      expect(await shadow('velo')).toEqual({ locked: true, ends: '0' })
      await opened.apply(changes('full', SITE), AbortSignal.timeout(ms)).catch(() => undefined)
      await opened.apply(changes('full', SITE), soon())
      expect({ shadow: await shadow('velo'), crontab: await crontab('velo') }, `after ${ms} ms`).toEqual(before)
    }
  })

  test('behind a socket a program need not read what it is told', async () => {
    // Never read: closing resets the connection, as when systemd's child ends early.
    const deaf = createServer({ pauseOnConnect: true }, (connection) => {
      setTimeout(() => connection.write('exit 0\n', () => connection.destroy()), 100)
    })
    await new Promise<void>((done) => deaf.listen(join(folder, 'deaf.sock'), done))
    try {
      await (await openWith({ socket: join(folder, 'deaf.sock') })).check(soon())
    } finally {
      deaf.close()
    }
  })

  test('behind a socket it does the same, and says the same', async () => {
    const opened = await openWith({ socket: join(folder, 'hook.sock') })
    await opened.check(soon())
    await opened.apply(changes('none', SITE), soon())
    expect([...(await opened.observe([SITE], soon())).keys()]).toEqual([SITE])
    expect(await shadow('velo')).toEqual({ locked: true, ends: '0' })
    await opened.apply(changes('full', SITE), soon())
    await there('rm', '-r', '/var/lib/schedar-site-hook')
    await expect(opened.check(soon())).rejects.toMatchObject({ detail: expect.stringMatching(/there is no folder/) })
    const nobody = await openWith({ socket: join(folder, 'no.sock') })
    await expect(nobody.check(soon())).rejects.toMatchObject({ code: 'service_unavailable' })
  })
})
