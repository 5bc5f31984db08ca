// The passwd-file as a real Dovecot reads it, and when things go wrong on the machine: killed, a full disk, a folder that may
// not be written, several writers. Needs dovecot-core, and mount(8) and setpriv(1) of util-linux in a namespace of their own.
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { entriesIn } from '../../plugins/passwd-file/lines.ts'
import type { Child } from '../support/child.ts'
import { type Dovecot, startDovecot } from '../support/dovecot.ts'
import { batch, members, openPasswdFile, runChild } from '../support/passwd-file-child.ts'

const soon = () => AbortSignal.timeout(60_000)
const asRoot = process.getuid?.() === 0

describe('Dovecot', () => {
  let dovecot: Dovecot
  let file: string
  beforeAll(async () => {
    const client = { clientId: 'dovecot', clientSecret: 'x'.repeat(40) }
    dovecot = await startDovecot({ logins: ['alice@asso.example'], provider: { issuer: 'http://127.0.0.1:9', client } })
    file = join(dovecot.dir, 'allowed')
    await writeFile(file, '')
    // As docs/services/passwd-file.md says.
    await writeFile(
      join(dovecot.dir, 'conf.d/10-auth.conf'),
      `auth_mechanisms = plain
passdb {
  driver = passwd-file
  args = username_format=%Lu ${file}
}
userdb {
  driver = passwd-file
  args = username_format=%Lu ${file}
  default_fields = uid=5000 gid=5000 home=${dovecot.dir}/mail/%Lu
}
`,
    )
    await dovecot.start()
  })
  afterAll(() => dovecot.remove())

  /** Dovecot looks at a file again after a second at most. */
  const expectKnown = (login: string, known: boolean) =>
    expect.poll(async () => (await dovecot.doveadm('user', login)).includes('home\t'), { timeout: 5_000 }).toBe(known)

  test('knows who is in the file and nobody else', async () => {
    const service = await openPasswdFile(file, { mode: '0644' })
    await expectKnown('alice@asso.example', false)
    await service.apply(batch(['alice@asso.example']), soon())
    await expectKnown('alice@asso.example', true)
    await service.apply(new Map([['alice@asso.example', { access: 'restricted' }]]), soon())
    // Names of one length, within one second: to Dovecot, size and second alone would be the same.
    for (const [gone, come] of [
      ['alice', 'bobby'],
      ['bobby', 'carol'],
      ['carol', 'alice'],
    ]) {
      await service.apply(batch([`${gone}@asso.example`]), soon())
      await expectKnown(`${gone}@asso.example`, true)
      const swap = new Map([
        [`${gone}@asso.example`, null],
        [`${come}@asso.example`, { access: 'full' as const }],
      ])
      await service.apply(swap, soon())
      await expectKnown(`${come}@asso.example`, true)
      await expectKnown(`${gone}@asso.example`, false)
    }
  })

  test('as a list of passwords it lets nobody in', async () => {
    const service = await openPasswdFile(file, { mode: '0644' })
    await service.apply(batch(['alice@asso.example']), soon())
    for (const password of ['', '*', 'x', 'schedar=full'])
      expect(await dovecot.doveadm('auth', 'test', 'alice@asso.example', password)).not.toContain('auth succeeded')
  })
})

describe('on the machine', () => {
  let dir: string
  let file: string
  const children: Child[] = []
  const child: typeof runChild = (...args) => {
    const started = runChild(...args)
    children.push(started)
    return started
  }
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'passwd-'))
    file = join(dir, 'users')
  })
  afterEach(async () => {
    for (const { process } of children.splice(0)) process.kill('SIGKILL')
    await rm(dir, { recursive: true, force: true })
  })
  const text = () => readFile(file, 'utf8')

  test('killed at any instant, between the writing and the renaming too: the file is whole, and what was reported is in it', async () => {
    await writeFile(file, 'root:x:0:0\n')
    let known: string[] = []
    for (const after of [1, 5, 12, 3, 20, 8]) {
      const victim = child('batches', dir)
      const reported: string[] = []
      while (reported.length < after) reported.push((await victim.next()) as string)
      victim.process.kill('SIGKILL')
      await victim.exited
      const found = await text()
      expect(found.endsWith('\n') && found.startsWith('root:x:0:0\n')).toBe(true)
      for (const line of found.trimEnd().split('\n'))
        expect(line).toMatch(/^root:x:0:0$|^# schedar revision \d+$|^member\d+@asso\.example:\*::::::schedar=full$/)
      for (const name of [...known, ...reported]) expect([...entriesIn(found).keys()]).toContain(name)
      known = [...entriesIn(found).keys()]
    }
    // The lock went with its holder, and what was left half-written is in nobody's way.
    await writeFile(join(dir, '.new-users'), 'half')
    await (await openPasswdFile(file)).apply(batch(members(100)), soon())
    expect(entriesIn(await text()).size).toBe(100)
    expect((await readdir(dir)).toSorted()).toEqual(['users', 'users.lock'])
  })

  test('a full disk is said to be full, the file stays as it was, and later all is applied', async () => {
    const mountpoint = join(dir, 'small')
    await mkdir(mountpoint)
    const inside = `mount -t tmpfs -o size=512k tmpfs ${mountpoint} && exec "$@"`
    const namespace = asRoot ? ['unshare', '--mount'] : ['unshare', '--mount', '--map-root-user']
    const starved = child('full', mountpoint, { before: [...namespace, 'sh', '-c', inside, 'sh'] })
    const refusal = { code: 'storage_full', detail: expect.stringContaining(mountpoint), held: 1 }
    expect(await starved.next()).toEqual(refusal)
    expect(await starved.next()).toEqual({ code: 'done', held: 2001 })
  })

  test('a folder that may not be written is an error with its path', async () => {
    const readOnly = ['sh', '-c', `chmod 0500 ${dir} && exec "$@"`, 'sh']
    const withoutPower = asRoot ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : []
    const powerless = child('one', dir, { before: [...readOnly, ...withoutPower] })
    const refusal = { code: 'service_unavailable', detail: expect.stringMatching(`${dir}.*EACCES`) }
    expect(await powerless.next(), 'check').toEqual(refusal)
    expect(await powerless.next(), 'apply').toEqual(refusal)
    await chmod(dir, 0o700)
    expect(await readdir(dir)).toEqual([])
  })

  test('whatever the umask, the mode is the one that is asked for', async () => {
    const strict = child('one', dir, { umask: '077' })
    expect([await strict.next(), await strict.next()]).toEqual([{ code: 'done' }, { code: 'done' }])
    expect((await stat(file)).mode & 0o777).toBe(0o640)
  })

  test('two processes write at once and somebody adds lines of their own: nothing is lost', async () => {
    await writeFile(file, '')
    const others = [child('batches', dir), child('one', dir)]
    const reported: string[] = []
    const service = await openPasswdFile(file)
    for (let at = 0; at < 40; at++) {
      reported.push((await others[0]!.next()) as string)
      await service.apply(batch([`mine${at}@asso.example`]), soon())
    }
    others[0]!.process.kill('SIGKILL')
    await others[0]!.exited
    expect([await others[1]!.next(), await others[1]!.next()]).toEqual([{ code: 'done' }, { code: 'done' }])
    await appendFile(file, 'dora:x:1:1\n')
    await service.apply(batch(['last@asso.example']), soon())
    const found = await text()
    const held = entriesIn(found)
    for (const name of [...reported, 'alice@asso.example', 'last@asso.example'])
      expect([...held.keys()]).toContain(name)
    for (let at = 0; at < 40; at++) expect(held.has(`mine${at}@asso.example`)).toBe(true)
    expect(found.split('\n')).toContain('dora:x:1:1')
  })
})
