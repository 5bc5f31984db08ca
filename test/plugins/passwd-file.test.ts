// The passwd-file plugin: what every plugin must keep, the lines as text, and the file among other people's hands.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import plugin, { type PasswdFileConfig } from '../../plugins/passwd-file/index.ts'
import { changed, type Entry, entriesIn, foreignIn, isLogin } from '../../plugins/passwd-file/lines.ts'
import { editFile } from '../../src/plugin-files.ts'
import { pluginContract } from '../contract/plugin.ts'
import { loginSubject, pluginHost } from '../support/subjects.ts'

const ALICE = 'alice@asso.example'
const BOB = 'bob@asso.example'
const full = { access: 'full' } as const
const restricted = { access: 'restricted' } as const
const soon = () => AbortSignal.timeout(20_000)
const openAt = (file: string, more: Partial<PasswdFileConfig> = {}, log = (_event: string) => {}) =>
  plugin.open!({ file, mode: '0640', ...more }, pluginHost(tmpdir(), log))
const FOREIGN =
  '# users of the old server\nroot:x:0:0::/root:/bin/sh\r\n\ncarol@asso.example:{CRYPT}!::::::\nno newline at the end'

pluginContract('passwd-file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'passwd-'))
  const file = join(folder, 'users')
  await writeFile(file, FOREIGN)
  const names = ['alice', 'bob', 'dora', "o'neil+tag", '0'].map((name) => `${name}@asso.example`)
  return {
    service: await openAt(file),
    subjects: {
      some: names.map((name) => loginSubject(name)),
      foreign: ['root', 'carol@asso.example'],
    },
    // Ours are those with our mark, and the comment with the revision.
    untouched: async () =>
      (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '' && !/:schedar=|^# schedar/.test(line)),
    close: () => rm(folder, { recursive: true }),
  }
})

describe('lines', () => {
  test('the file as an administrator sees it', () => {
    const first = changed('', new Map<string, Entry>([[ALICE, full]]))
    expect(first).toBe('# schedar revision 1\nalice@asso.example:*::::::schedar=full\n')
    const second = changed(
      `# mine\n${first}dora:x:1:1:::\n`,
      new Map([
        [BOB, restricted],
        [ALICE, null],
      ]),
    )
    expect(second).toBe('# mine\n# schedar revision 2\ndora:x:1:1:::\nbob@asso.example:*::::::schedar=restricted\n')
    expect(
      changed(
        second,
        new Map([
          [BOB, restricted],
          [ALICE, null],
        ]),
      ),
    ).toBe(second)
    expect(changed('', new Map([[ALICE, null]]))).toBe('')
  })

  test.each([
    ['with a password', `${ALICE}:{PLAIN}x::::::schedar=full`],
    ['with another access', `${ALICE}:*::::::schedar=all`],
    ['with more behind it', `${ALICE}:*::::::schedar=full nopassword`],
    ['saved by an editor that ends lines otherwise', `${ALICE}:*::::::schedar=full\r`],
    ['with a home', `${ALICE}:*::::/home/alice::schedar=full`],
  ])('a line of ours %s is no longer ours: it stays, and no second one is added', (_what, line) => {
    expect(entriesIn(line).size).toBe(0)
    expect([...foreignIn(line)]).toEqual([ALICE])
    for (const row of [full, restricted, null]) expect(changed(line, new Map([[ALICE, row]]))).toBe(line)
  })

  test('a line of ours that was copied becomes one again', () => {
    const line = `${ALICE}:*::::::schedar=full\n`
    expect(changed(line + line, new Map([[ALICE, full]]))).toBe(`${line}# schedar revision 1\n`)
    expect(entriesIn(changed(line + line, new Map([[ALICE, null]]))).size).toBe(0)
  })

  const bad = [
    '',
    ' ',
    'a b',
    'a:b',
    'a\nb',
    'a\r',
    '#a',
    '+a',
    '-a',
    '@admins',
    'zoé@asso.example',
    '\0',
    'a'.repeat(255),
  ]
  test.each(bad)('%j is no login', (name) => expect(isLogin(name)).toBe(false))
  test.each([ALICE, 'alice', "o'neil@x.example", 'a.b-c_d+tag@x.example', '%u', '*'])('%s is one', (name) =>
    expect(isLogin(name)).toBe(true),
  )

  const login = fc.stringMatching(/^[a-f0-9]{1,2}$/)
  const row = fc.constantFrom<Entry | null>(full, restricted, null)
  const line = fc.oneof(
    login.map((name) => `${name}:*::::::schedar=full`),
    login.map((name) => `${name}:x:1:1`),
    fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\n', ' ')),
    fc.nat(99).map((n) => `# schedar revision ${n}`),
  )
  const text = fc
    .tuple(fc.array(line, { maxLength: 12 }), fc.boolean())
    .map(([lines, end]) => lines.join('\n') + (end ? '\n' : ''))
  const foreignLines = (of: string) =>
    of
      .split('\n')
      .filter((one) => one !== '' && !/^[^:]+:\*::::::schedar=(full|restricted)$|^# schedar revision \d+$/.test(one))

  test('whatever the file holds: ours become what was asked, the others stay, a second time changes nothing', () => {
    fc.assert(
      fc.property(text, fc.dictionary(login, row), (before, dictionary) => {
        const changes = new Map(Object.entries(dictionary))
        const after = changed(before, changes)
        const foreign = foreignIn(before)
        expect(foreignLines(after)).toEqual(foreignLines(before))
        expect(changed(after, changes)).toBe(after)
        for (const [name, wanted] of changes)
          if (!foreign.has(name)) expect(entriesIn(after).get(name) ?? null).toEqual(wanted)
        for (const [name, held] of entriesIn(before))
          if (!changes.has(name) && !foreign.has(name)) expect(entriesIn(after).get(name)).toEqual(held)
      }),
      { numRuns: 2000 },
    )
  })

  test('no name that is accepted makes two lines, another line or a comment', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme-ascii', maxLength: 12 })),
        (name) => {
          if (!isLogin(name)) return
          expect([...entriesIn(changed('', new Map([[name, full]])))]).toEqual([[name, full]])
        },
      ),
      { numRuns: 5000 },
    )
  })
})

describe('the file', () => {
  let dir: string
  let file: string
  let logged: string[]
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'passwd-'))
    file = join(dir, 'users')
    logged = []
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))
  const open = (more: Partial<PasswdFileConfig> = {}) => openAt(file, more, (event) => logged.push(event))
  const text = () => readFile(file, 'utf8')

  test.each([
    ['0600', 0o600],
    ['0640', 0o640],
    ['0644', 0o644],
  ] as const)('has mode %s, whatever it had', async (mode, expected) => {
    await writeFile(file, '')
    await chmod(file, 0o666)
    await (await open({ mode })).apply(new Map([[ALICE, full]]), soon())
    expect((await stat(file)).mode & 0o777).toBe(expected)
  })

  test('has the owner and group that are asked for', async () => {
    const [uid, gid] = process.getuid!() === 0 ? [4242, 4243] : [process.getuid!(), process.getgid!()]
    await (await open({ uid, gid })).apply(new Map([[ALICE, full]]), soon())
    expect(await stat(file)).toMatchObject({ uid, gid })
  })

  test('is not written again when nothing of it changes; the lock and the file are all that is there', async () => {
    const service = await open()
    await service.apply(new Map([[ALICE, full]]), soon())
    const { ino } = await stat(file)
    await service.apply(
      new Map([
        [ALICE, full],
        [BOB, null],
      ]),
      soon(),
    )
    await service.check(soon())
    expect((await stat(file)).ino).toBe(ino)
    expect((await readdir(dir)).toSorted()).toEqual(['users', 'users.lock'])
  })

  test('is dated a second later with each change: readers take one of the same size and second for unchanged', async () => {
    const service = await open()
    const seconds = async () => Math.floor((await stat(file)).mtimeMs / 1000)
    await service.apply(new Map([[ALICE, full]]), soon())
    for (const [gone, come] of [
      ['alice', 'clare'],
      ['clare', 'alice'],
    ]) {
      const before = await seconds()
      const { size } = await stat(file)
      const swap = new Map([
        [`${gone}@asso.example`, null],
        [`${come}@asso.example`, full],
      ])
      await service.apply(swap, soon())
      expect((await stat(file)).size).toBe(size)
      expect(await seconds()).toBeGreaterThan(before)
    }
  })

  test('somebody else’s line for a login: kept, told of, and the rest of the batch is applied', async () => {
    await writeFile(file, `${ALICE}:{PLAIN}x\n`)
    const service = await open()
    const refusal = { code: 'invalid_value', field: 'login', detail: expect.stringContaining(ALICE) }
    await expect(
      service.apply(
        new Map([
          [ALICE, full],
          [BOB, full],
        ]),
        soon(),
      ),
    ).rejects.toMatchObject(refusal)
    expect([...(await service.observe([ALICE, BOB], soon())).keys()]).toEqual([BOB])
    await service.apply(
      new Map([
        [ALICE, null],
        [BOB, null],
      ]),
      soon(),
    )
    expect(logged).toEqual(['passwd_file.line_not_ours'])
    expect(await text()).toBe(`${ALICE}:{PLAIN}x\n# schedar revision 2\n`)
  })

  test('a name that cannot be a line is refused, and the rest of the batch is applied', async () => {
    const service = await open()
    const refusal = { code: 'invalid_value', field: 'login' }
    await expect(
      service.apply(
        new Map([
          ['a:b\nroot:', full],
          [ALICE, full],
        ]),
        soon(),
      ),
    ).rejects.toMatchObject(refusal)
    expect(await text()).toBe(`# schedar revision 1\n${ALICE}:*::::::schedar=full\n`)
  })

  test('what a killed run left half-written is in nobody’s way; a link in its place is not written through', async () => {
    for (const plant of [
      () => writeFile(join(dir, '.new-users'), 'half'),
      () => symlink(join(dir, 'outside'), join(dir, '.new-users')),
    ]) {
      await writeFile(join(dir, 'outside'), 'kept')
      await plant()
      await (await open()).apply(new Map([[ALICE, full]]), soon())
      expect(entriesIn(await text()).has(ALICE)).toBe(true)
      expect((await readdir(dir)).toSorted()).toEqual(['outside', 'users', 'users.lock'])
      expect(await readFile(join(dir, 'outside'), 'utf8')).toBe('kept')
      await rm(file)
    }
  })

  test('an edit that somebody saved meanwhile is not written over', async () => {
    await writeFile(file, 'one\n')
    let edits = 0
    const { writeFileSync } = await import('node:fs')
    await editFile(file, { mode: 0o600 }, (before) => {
      if (++edits <= 3) writeFileSync(file, `${before}edit ${edits}\n`)
      return `${before}ours\n`
    })
    expect(await text()).toBe('one\nedit 1\nedit 2\nedit 3\nours\n')
    const always = editFile(file, { mode: 0o600 }, (before) => {
      writeFileSync(file, `${before}.`)
      return `${before}ours\n`
    })
    await expect(always).rejects.toMatchObject({ code: 'service_unavailable', detail: expect.stringContaining(file) })
    expect((await readdir(dir)).toSorted()).toEqual(['users'])
  })

  test('a folder that is missing, a folder or a link in the place of the file', async () => {
    const refusal = { code: 'service_unavailable', detail: expect.stringContaining(dir) }
    const refuses = async (more: Partial<PasswdFileConfig> = {}) => {
      const service = await open(more)
      await expect(service.apply(new Map([[ALICE, full]]), soon())).rejects.toMatchObject(refusal)
    }
    const nowhere = await open({ file: join(dir, 'none', 'users') })
    await expect(nowhere.check(soon())).rejects.toMatchObject(refusal)
    await expect(nowhere.apply(new Map([[ALICE, full]]), soon())).rejects.toMatchObject(refusal)
    expect(await readdir(dir)).toEqual([])
    await mkdir(file)
    await refuses()
    await expect((await open()).check(soon())).rejects.toMatchObject(refusal)
    await rm(file, { recursive: true })
    await writeFile(join(dir, 'outside'), 'kept')
    await symlink(join(dir, 'outside'), file)
    await refuses()
    expect(await readFile(join(dir, 'outside'), 'utf8')).toBe('kept')
  })

  test('the file of another machine is left alone', async () => {
    const elsewhere = await open({ host: 'ftp.elsewhere.example' })
    const refusal = { code: 'service_unavailable', detail: expect.stringContaining('ftp.elsewhere.example') }
    await expect(elsewhere.apply(new Map([[ALICE, full]]), soon())).rejects.toMatchObject(refusal)
    await expect(elsewhere.check(soon())).rejects.toMatchObject(refusal)
    expect(await readdir(dir)).toEqual([])
    await (await open({ host: hostname().toUpperCase() })).apply(new Map([[ALICE, full]]), soon())
  })
})

describe('configuration', () => {
  const parse = (more: Record<string, unknown>) => plugin.config!.safeParse({ file: '/var/lib/schedar/users', ...more })

  test('every key says what it is', () => {
    for (const [key, schema] of Object.entries(plugin.config!.shape)) expect(schema.description, key).toBeTruthy()
  })

  test('a path is absolute and plain, a mode gives nobody else the right to write', () => {
    for (const file of ['users', '/', '/a/', '/a/../b', '/a//b', '']) expect(parse({ file }).success, file).toBe(false)
    for (const mode of ['0666', '0660', '640', 0o640, '4755']) expect(parse({ mode }).success, String(mode)).toBe(false)
    for (const id of [-1, 1.5, 'www-data']) expect(parse({ uid: id }).success, String(id)).toBe(false)
    expect(parse({}).data).toEqual({ file: '/var/lib/schedar/users', mode: '0640' })
  })
})
