// Dovecot's deny files and login names: what needs no Dovecot to be seen.
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import plugin from '../../plugins/dovecot/index.ts'
import { isLogin } from '../../plugins/dovecot/login.ts'
import { loginSubject, pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const denied = { denied: true } as const
const soon = () => AbortSignal.timeout(20_000)

const settings = (folder: string): DovecotConfig => ({
  folder,
  doveadmUrl: 'http://127.0.0.1:9',
  doveadmApiKey: randomBytes(24).toString('hex'),
  introspectionTimeoutMs: 2000,
  policyTimeoutMs: 500,
})

let dir: string
let logged: string[]
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'deny-'))
  await mkdir(join(dir, 'denied'))
  logged = []
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const open = (change: Partial<DovecotConfig> = {}) =>
  plugin.open!(
    { ...settings(dir), ...change },
    pluginHost(dir, (event) => logged.push(event)),
  )
const file = (name: string) => join(dir, 'denied', name)
const listed = async () => (await readdir(join(dir, 'denied'))).toSorted()
const observed = async (...names: string[]) => [...(await (await open()).observe(names, soon())).keys()].toSorted()

describe('deny files', () => {
  test('only access none is refused; mail that is read but not sent is still read', async () => {
    const { render } = await open()
    const subject = loginSubject(ALICE, { access: 'none' })
    expect(render(subject)).toEqual(denied)
    expect(render({ ...subject, access: 'restricted' })).toBeNull()
    expect(render({ ...subject, access: 'full' })).toBeNull()
  })

  test('a file is a line of a passwd-file, readable by all, and the same each time', async () => {
    const service = await open()
    await service.apply(new Map([[ALICE, denied]]), soon())
    const first = await readFile(file(ALICE), 'utf8')
    expect(first.split('\n')).toContain(`${ALICE}:`)
    expect((await stat(file(ALICE))).mode & 0o777).toBe(0o644)
    await service.apply(new Map([[ALICE, null]]), soon())
    await service.apply(new Map([[ALICE, denied]]), soon())
    expect(await readFile(file(ALICE), 'utf8')).toBe(first)
    expect(await listed()).toEqual([ALICE])
  })

  test('a file that refuses already is not written again', async () => {
    const service = await open()
    await service.apply(new Map([[ALICE, denied]]), soon())
    const before = await stat(file(ALICE))
    await service.apply(new Map([[ALICE, denied]]), soon())
    expect((await stat(file(ALICE))).ino).toBe(before.ino)
  })

  test.each([
    ['empty', ''],
    ['cut off', '# Written by Sche'],
    ['of another', `${BOB}:\n`],
    ['a comment', `# ${ALICE}:\n`],
  ])('a file that is %s refuses nobody, and is mended', async (_what, content) => {
    const service = await open()
    await writeFile(file(ALICE), content)
    expect(await observed(ALICE)).toEqual([])
    await service.apply(new Map([[ALICE, denied]]), soon())
    expect(await observed(ALICE)).toEqual([ALICE])
    await service.apply(new Map([[ALICE, null]]), soon())
    expect(await listed()).toEqual([])
  })

  test("an administrator's own file is seen, kept, and told of", async () => {
    const service = await open()
    await writeFile(file(ALICE), `${ALICE}:\n`)
    expect(await observed(ALICE)).toEqual([ALICE])
    expect(await Array.fromAsync(service.list!(soon()))).toEqual([])
    await service.apply(new Map([[ALICE, denied]]), soon())
    await service.apply(new Map([[ALICE, null]]), soon())
    expect(await readFile(file(ALICE), 'utf8')).toBe(`${ALICE}:\n`)
    expect(logged).toContain('dovecot.deny_file_not_ours')
  })

  test('what a killed run left half-written is swept', async () => {
    await writeFile(file('.new-1'), '# Wri')
    await (await open()).apply(new Map([[ALICE, denied]]), soon())
    expect(await listed()).toEqual([ALICE])
  })

  test('a folder that is missing, or is none, is an error and is not made', async () => {
    const unavailable = { code: 'service_unavailable', detail: expect.stringContaining(join(dir, 'denied')) }
    for (const breakIt of [() => undefined, () => writeFile(join(dir, 'denied'), '')]) {
      await rm(join(dir, 'denied'), { recursive: true, force: true })
      await breakIt()
      const service = await open()
      await expect(service.check(soon())).rejects.toMatchObject(unavailable)
      await expect(service.observe([ALICE], soon())).rejects.toMatchObject(unavailable)
      await expect(Array.fromAsync(service.list!(soon()))).rejects.toMatchObject(unavailable)
      await expect(service.apply(new Map([[ALICE, denied]]), soon())).rejects.toMatchObject(unavailable)
    }
    expect(await readFile(join(dir, 'denied'), 'utf8')).toBe('')
  })

  test('the files of another machine are left alone', async () => {
    const elsewhere = await open({ host: 'mx.elsewhere.example' })
    const refusal = { code: 'service_unavailable', detail: expect.stringContaining('mx.elsewhere.example') }
    await expect(elsewhere.apply(new Map([[ALICE, denied]]), soon())).rejects.toMatchObject(refusal)
    await expect(elsewhere.check(soon())).rejects.toMatchObject(refusal)
    expect(await listed()).toEqual([])
    await (await open({ host: hostname().toUpperCase() })).apply(new Map([[ALICE, denied]]), soon())
    expect(await listed()).toEqual([ALICE])
  })
})

describe('login names', () => {
  const bad = [
    '',
    '.',
    '..',
    '../up',
    'a/b',
    '/etc/passwd',
    `${ALICE}/..`,
    'a\0b',
    '.hidden',
    '.new-1',
    'a..b@asso.example',
    'Alice@asso.example',
    'zoé@asso.example',
    'a b',
    'a:b',
    'a\nb:',
    '#a',
    '%u',
    'a%25',
    '*',
    'al?ce@asso.example',
    `${'a'.repeat(255)}`,
  ]

  test.each(bad.map((name) => [name]))('%j is refused, and the rest of the batch is applied', async (name) => {
    const service = await open()
    const before = (await readdir(dir)).toSorted()
    const refusal = { code: 'invalid_value', field: 'login' }
    await expect(
      service.apply(
        new Map([
          [name, denied],
          [ALICE, denied],
        ]),
        soon(),
      ),
    ).rejects.toMatchObject(refusal)
    expect(await listed()).toEqual([ALICE])
    await expect(
      service.apply(
        new Map([
          [name, null],
          [ALICE, null],
        ]),
        soon(),
      ),
    ).rejects.toMatchObject(refusal)
    expect(await listed()).toEqual([])
    expect(await observed(name)).toEqual([])
    expect((await readdir(dir)).filter((entry) => !['lock', 'logins'].includes(entry)).toSorted()).toEqual(before)
    expect((await readdir(join(dir, 'logins'))).filter((entry) => !/^[0-9a-f]{2}$/.test(entry))).toEqual([])
  })

  test.each([['alice'], [ALICE], ['a.b-c_d+tag@asso.example'], ["o'neil@asso.example"], ['0@x.example']])(
    '%s is a login',
    async (name) => {
      await (await open()).apply(new Map([[name, denied]]), soon())
      expect(await listed()).toEqual([name])
      expect(await observed(name)).toEqual([name])
    },
  )

  test('no name that is accepted leaves the folder, matches another name or is a comment', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme-ascii', maxLength: 12 })),
        (name) => {
          if (!isLogin(name)) return
          expect(join('/f/denied', name)).toBe(`/f/denied/${name}`)
          expect(name).toBe(name.toLowerCase())
          expect(name).not.toMatch(/^[.#]|[/*?%:\s\0]/)
        },
      ),
      { numRuns: 5000 },
    )
  })

  test('a temporary file that is a link out of the folder is not written through', async () => {
    await writeFile(join(dir, 'outside'), 'kept')
    await symlink(join(dir, 'outside'), file('.new-1'))
    await (await open()).apply(new Map([[ALICE, denied]]), soon())
    expect(await readFile(join(dir, 'outside'), 'utf8')).toBe('kept')
  })
})
