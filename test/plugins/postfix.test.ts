// Postfix's maps as text, names, rows, configuration and kit: what needs no Postfix to be seen.
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addresses } from '../../plugins/postfix/addresses.ts'
import { config, listenerOf } from '../../plugins/postfix/config.ts'
import plugin from '../../plugins/postfix/index.ts'
import { changedEntries, mapText, parseMap } from '../../plugins/postfix/map-text.ts'
import { isAddressKey, isLogin, isPlainAddress } from '../../plugins/postfix/names.ts'
import { isQueueId } from '../../plugins/postfix/postsuper.ts'
import { queueEntries } from '../../plugins/postfix/queue-list.ts'
import { refusedLogins } from '../../plugins/postfix/refused.ts'
import { suspendedQueue } from '../../plugins/postfix/suspended-queue.ts'
import { kitContract, kitTarget } from '../contract/kit.ts'
import { shellBlocks } from '../support/dovecot.ts'
import { addressSubject, loginSubject, pluginHost } from '../support/subjects.ts'

const FILE = '/var/lib/schedar-postfix/refused'
const ALICE = 'alice@asso.example'
const settings = (more: Record<string, unknown> = {}) => config.parse({ folder: '/var/lib/schedar-postfix', ...more })
const host = pluginHost('/var/lib/schedar')

describe('the text of a map', () => {
  const written = (text: string, entries: Record<string, string | null>) => {
    const parsed = parseMap(FILE, text)
    return mapText(FILE, parsed, changedEntries(parsed.ours, Object.entries(entries)))
  }

  test('a new one says whose it is, and what to do with it', () => {
    const text = written('', { b: '2 3', a: '1' })
    expect(text).toMatch(/^# Written by Schedar/)
    expect(text).toContain(`postmap lmdb:${FILE}`)
    expect(parseMap(FILE, text).ours).toEqual(
      new Map([
        ['a', '1'],
        ['b', '2 3'],
      ]),
    )
    expect(text.indexOf('\na 1\n')).toBeLessThan(text.indexOf('\nb 2 3\n'))
  })

  test('changes are put in their place, and none makes no new text', () => {
    const ours = new Map([
      ['a', '1'],
      ['c', '3'],
    ])
    expect([
      ...changedEntries(ours, [
        ['b', '2'],
        ['c', null],
      ]),
    ]).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
    expect([...changedEntries(ours, [['a', '2']])]).toEqual([
      ['a', '2'],
      ['c', '3'],
    ])
    expect(
      changedEntries(ours, [
        ['a', '1'],
        ['b', null],
      ]),
    ).toBe(ours)
  })

  test("lines of somebody else's stay where they are, with their continuations", () => {
    const by = '# mine\nroot@x OK\n  and more\n\n'
    const text = written(by, { a: '1' })
    expect(text.startsWith(by.trimEnd())).toBe(true)
    const after = `${text}# below\nZoe@x v\n`
    const parsed = parseMap(FILE, after)
    expect(parsed.foreign).toEqual(new Set(['root@x', 'zoe@x']))
    expect(mapText(FILE, parsed, parsed.ours)).toBe(after)
    expect(mapText(FILE, parsed, new Map())).toBe(after.replace('a 1\n', ''))
  })

  test.each([
    ['without its end', (text: string) => text.replace('# --- Schedar ends ---\n', '')],
    ['without its beginning', (text: string) => text.replace('# --- Schedar begins ---\n', '')],
    ['twice', (text: string) => text + text],
    ['the wrong way round', (text: string) => text.split('\n').toReversed().join('\n')],
    ['with a line below that would go on with ours', (text: string) => `${text}# x\n  OK\n`],
  ])('damaged: %s; then nothing is taken for ours', (_how, damage) => {
    expect(() => parseMap(FILE, damage(written('', { a: '1' })))).toThrow(
      expect.objectContaining({ code: 'service_unavailable', detail: expect.stringContaining(FILE) }),
    )
  })

  test('whatever stands around, what is written is read, and the rest kept', () => {
    const line = fc.string({ unit: 'grapheme-ascii', maxLength: 20 }).filter((text) => !/[\n\r]|Schedar/.test(text))
    const key = fc.stringMatching(/^[a-z0-9_][a-z0-9@.-]{0,10}$/)
    const value = fc.stringMatching(/^[A-Z][A-Za-z0-9 ,.]{0,20}[A-Za-z0-9]$/)
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.tuple(key, value)), (around, entries) => {
        const before = around.length > 0 ? `${around.join('\n')}\n` : ''
        const ours = new Map(entries)
        const text = mapText(FILE, parseMap(FILE, before), ours)
        const parsed = parseMap(FILE, text)
        expect(parsed.ours).toEqual(ours)
        if (before) expect(text.startsWith(before)).toBe(true)
        expect(mapText(FILE, parsed, new Map(ours))).toBe(text)
      }),
    )
  })
})

describe('names', () => {
  const never = [
    '',
    ' ',
    'a b',
    'a\tb',
    'a\nb',
    '#a@x.example',
    'Alice@asso.example',
    'zoé@asso.example',
    'a,b@x.example',
    '"a"@x.example',
    'a@x.example\0',
    '-',
    '@',
  ]

  test.each(never.map((name) => [name]))('%j is neither a login nor an address', (name) => {
    expect([isLogin(name), isAddressKey(name), isPlainAddress(name)]).toEqual([false, false, false])
  })

  test('logins, addresses and the addresses of a site', () => {
    for (const name of [ALICE, 'site42.example', "o'neil@asso.example", '0@x.example'])
      expect(isLogin(name), name).toBe(true)
    for (const name of [ALICE, 'a+b@x.example', '@site42.example']) expect(isAddressKey(name), name).toBe(true)
    for (const name of [
      'site42.example',
      '@',
      '@a',
      '@a b.example',
      'a%b@x.example',
      'a!b@x.example',
      'a/b@x.example',
      '|cmd@x.example',
      `${'a'.repeat(65)}@x.example`,
    ])
      expect(isAddressKey(name), name).toBe(false)
    expect(isPlainAddress('@site42.example')).toBe(false)
  })

  test('no name that is accepted is a comment, a second word, or another line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (name) => {
        if (!isLogin(name) && !isAddressKey(name)) return
        expect(name).toMatch(/^[^#\s"][^\s"]*$/)
        expect(name).toBe(name.toLowerCase())
      }),
      { numRuns: 3000 },
    )
  })

  test('a queue id is an id, and never everything', () => {
    for (const id of ['4jY56t6dH8z1SVyD', '3C5F8A1234', 'ABCDEF']) expect(isQueueId(id), id).toBe(true)
    for (const id of [
      '',
      'ALL',
      '-',
      '-h',
      'all',
      '../../x',
      'ABCDEF\n',
      '4jY56t6dH8z1SVyD ALL',
      'aeiouaeiouaeiou',
      'x'.repeat(100),
    ])
      expect(isQueueId(id), id).toBe(false)
  })
})

describe('what is rendered', () => {
  test('a login: refused unless it may send', () => {
    const { render } = refusedLogins(settings({ refusal: 'Not now' }), host)
    expect(render(loginSubject(ALICE))).toBeNull()
    for (const more of [{ access: 'none' as const }, { access: 'restricted' as const }, { maySend: false }])
      expect(render(loginSubject(ALICE, more))).toEqual({ refused: 'REJECT 5.7.1 Not now' })
  })

  test('its queue: held only while it is suspended', () => {
    const { render } = suspendedQueue(settings(), host)
    expect(render(loginSubject(ALICE, { access: 'none' }))).toEqual({ held: true })
    for (const more of [{}, { access: 'restricted' as const }, { maySend: false }])
      expect(render(loginSubject(ALICE, more))).toBeNull()
  })

  test('an address', () => {
    const { render } = addresses(settings(), host)
    expect(render(addressSubject(ALICE, { senders: ['b', 'a'] }))).toEqual({ mailboxes: 'schedar', senders: 'a, b' })
    expect(
      render(addressSubject(ALICE, { delivery: { targets: ['a@x.example', 'b@x.example'] }, senders: [] })),
    ).toEqual({
      aliases: 'a@x.example, b@x.example',
    })
    expect(render(addressSubject('@s.example', { delivery: null, senders: ['s.example'] }))).toEqual({
      senders: 's.example',
    })
    expect(render(addressSubject(ALICE, { delivery: { targets: [] }, senders: [] }))).toBeNull()
    expect(render(addressSubject(ALICE, { access: 'restricted' }))).toEqual(render(addressSubject(ALICE)))
  })

  test('of a suspended mailbox mail is delivered, or put off; nobody writes as it', () => {
    const subject = addressSubject(ALICE, { access: 'none' })
    expect(addresses(settings(), host).render(subject)).toEqual({ mailboxes: 'schedar' })
    const row = addresses(settings({ incoming: 'defer' }), host).render(subject)
    expect(row).toEqual({ mailboxes: 'schedar', incoming: expect.stringMatching(/^450 4\.2\.1 /) })
    const site = addressSubject('@s.example', { delivery: null, access: 'none' })
    expect(addresses(settings({ incoming: 'defer' }), host).render(site)).toBeNull()
  })
})

test('what postqueue says, whatever stands between', () => {
  const entry = {
    queue_name: 'hold',
    queue_id: 'ABCDEF1',
    arrival_time: 1,
    message_size: 2,
    forced_expire: false,
    sender: '',
    recipients: [{ address: 'a@b' }],
  }
  const output = `postqueue: warning: Mail system is down\n${JSON.stringify(entry)}\n{"queue_id": 3}\n{cut`
  expect([...queueEntries(output).keys()]).toEqual(['ABCDEF1'])
})

describe('configuration', () => {
  const accepts = (more: Record<string, unknown>) => config.safeParse({ folder: '/var/lib/x', ...more }).success

  test('every key says what it is', () => {
    const said = (shape: Record<string, { description?: string | undefined; shape?: unknown }>) => {
      for (const [key, schema] of Object.entries(shape)) expect(schema.description, key).toBeTruthy()
    }
    said(config.shape)
  })

  test('paths, sentences and addresses mean themselves in main.cf', () => {
    for (const folder of ['maps', '/', '/a b', '/a/../b', '/a,b', '/a/$x', '/a/{x}', '', '/a\n/b'])
      expect(accepts({ folder }), folder).toBe(false)
    for (const refusal of ['', 'a\nb', 'é', 'a $x', 'a {b}', 'x'.repeat(300)])
      expect(accepts({ refusal }), refusal).toBe(false)
    for (const policy of [
      '10040',
      'localhost:1',
      '0.0.0.0:1',
      '10.0.0.1:1',
      '127.0.0.1:0',
      '127.0.0.1:65536',
      '127.0.0.999:1',
      '127.0.0.1:1 x',
    ])
      expect(accepts({ policy }), policy).toBe(false)
    expect(listenerOf({ policy: '127.0.0.5:10040' })).toEqual({ address: '127.0.0.5', port: 10_040 })
    expect(accepts({ limits: { login: { messagesPerHour: 0 } } })).toBe(false)
    expect(settings().limits).toMatchObject({
      login: { messagesPerHour: 100, recipientsPerHour: 300 },
      site: { messagesPerHour: 50 },
      member: { messagesPerHour: 500 },
    })
  })
})

const kitConfig = { folder: '/var/lib/schedar-postfix', helper: '/run/schedar-postsuper.sock' }
kitContract('postfix', plugin, { url: 'https://mail.asso.example', config: kitConfig })

describe('kit', () => {
  const kit = async (more: Record<string, unknown> = {}, options: Record<string, string> = {}) => {
    const files = await plugin.kit!(
      kitTarget(plugin, { url: 'https://mail.asso.example', config: { ...kitConfig, ...more }, options }),
    )
    return (path: string) => String(files.find((file) => file.path === path)?.content ?? '')
  }

  test('open or closed when Schedar cannot be asked', async () => {
    expect((await kit())('main.cf.both')).toContain('default_action=DUNNO')
    expect((await kit({ inDoubt: 'refuse' }))('main.cf.both')).toContain('{ default_action = 451 4.3.0 ')
    expect((await kit({ answerTimeoutMs: 2500 }))('main.cf.both')).toContain('timeout=4s')
  })

  test('without a helper it says that Schedar must be root', async () => {
    const file = await kit({ helper: undefined })
    expect(file('helper/schedar-postsuper')).toBe('')
    expect(file('README.md')).toContain('must run as root')
  })

  test('needs the service in schedar.yaml, and nothing that Postfix would read as more than a value', async () => {
    expect(() => plugin.kit!(kitTarget(plugin))).toThrow(expect.objectContaining({ code: 'required' }))
    for (const options of [
      { user: 'a b' },
      { hostname: 'x' },
      { hostname: 'a.b\nc' },
      { tls_cert: '/a b' },
      { submission: 'x y' },
      { no_such: 'x' },
    ] as Record<string, string>[])
      await expect(kit({}, options)).rejects.toMatchObject({ code: 'invalid_value' })
  })
})

test("the example unit lets Schedar run Postfix's commands", async () => {
  const unit = await readFile('docs/examples/schedar.service', 'utf8')
  // They ask for the machine's addresses (getifaddrs(3)) and end where they may not.
  expect(/^RestrictAddressFamilies=(.*)$/m.exec(unit)?.[1]?.split(' ')).toContain('AF_NETLINK')
  expect(unit).toContain(`-${kitConfig.folder}`)
})

test("the page's commands are the kit's, with Debian's paths", async () => {
  const files = await plugin.kit!(kitTarget(plugin, { url: 'https://mx.asso.example', config: kitConfig }))
  const readme = shellBlocks(String(files.find(({ path }) => path === 'README.md')?.content)).join('')
  const page = await readFile('docs/services/postfix.md', 'utf8')
  const install = page.slice(page.indexOf('## 4. Installing it'), page.indexOf('## 5. The proof'))
  expect(shellBlocks(install).slice(1).join('')).toBe(readme)
  for (const key of Object.keys(config.shape)) expect(page, `${key} is explained`).toContain(`| \`${key}\``)
  const { login, site, member } = settings().limits
  for (const key of Object.keys(login) as (keyof typeof login)[])
    expect(page.replace(/ +/g, ' ')).toContain(`| \`${key}\` | ${login[key]} | ${site[key]} | ${member[key]} |`)
})
