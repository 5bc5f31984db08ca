// schedar.yaml: what it may say, what it says by default, and how it is told what is wrong, each mistake with its place.
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseConfig } from '../src/config.ts'
import type { AppError } from '../src/domain/errors.ts'
import { loadPlugin, pluginConfig } from '../src/plugins.ts'
import { resolveSecret, secretFile } from '../src/secrets.ts'

const failure = (work: () => unknown): AppError => {
  try {
    work()
  } catch (error) {
    return error as AppError
  }
  throw new Error('this was accepted')
}
const refusal = (text: string): string => {
  const { code, detail } = failure(() => parseConfig(text))
  expect(code).toBe('invalid_value')
  return detail!
}

describe('the defaults', () => {
  test('an empty file is a whole configuration', () => {
    const config = parseConfig('')
    expect(config).toMatchObject({
      issuer: 'http://localhost:3000',
      listen: { host: '127.0.0.1', port: 3000 },
      directory: { kind: 'own' },
      dues: { graceDays: 30 },
      guard: { share: 0.3, atLeast: 10 },
    })
    expect(parseConfig('# nothing but a comment\n')).toEqual(config)
  })

  test('the policy: who is in order has everything, who lapsed reads mail, who left has nothing', () => {
    const { access } = parseConfig('')
    expect(access.current).toEqual({ web: 'full', site: 'full', mail: 'full', list: 'full', hosting: 'full' })
    expect(access.lapsed).toMatchObject({ site: 'none', mail: 'restricted', hosting: 'full' })
    expect(Object.values(access.closed)).not.toContain('full')
  })

  test('one key of the policy changes nothing else', () => {
    const { access } = parseConfig('access: { lapsed: { mail: none } }')
    const { access: before } = parseConfig('')
    expect(access).toEqual({ ...before, lapsed: { ...before.lapsed, mail: 'none' } })
  })

  test('nobody changes it afterwards', () => {
    const config = parseConfig('') as { dues: { graceDays: number } }
    expect(() => Object.assign(config.dues, { graceDays: 1 })).toThrow(TypeError)
  })
})

describe('what is wrong is told with its place', () => {
  test.each([
    ['isuer: https://a.example', 'isuer: there is no such key'],
    ['listen: { prot: 80 }', 'listen.prot: there is no such key'],
    ['access: { lapsed: { mial: none } }', 'access.lapsed.mial: there is no such key'],
    ['access: { lapsed: { mail: sometimes } }', 'access.lapsed.mail: '],
    ['access: { expired: { mail: none } }', 'access.expired: there is no such key'],
    ['listen: { port: "3000" }', 'listen.port: '],
    ['listen: { port: 70000 }', 'listen.port: '],
    ['dues: { graceDays: -1 }', 'dues.graceDays: '],
    ['dues: { graceDays: 1.5 }', 'dues.graceDays: '],
    ['guard: { share: 30 }', 'guard.share: '],
    ['guard: { share: 0 }', 'guard.share: '],
    ['trustedProxies: [everybody]', 'trustedProxies.0: '],
    ['directory: { kind: nis }', 'directory.kind: '],
    ['services: { Mail: { plugin: dovecot } }', 'services.Mail: '],
    ['services: { mail: {} }', 'services.mail.plugin: '],
    ['nightly: every night', 'nightly: write a cron pattern'],
    ['nightly: 99 0 * * *', 'nightly: write a cron pattern'],
    ['mail: { url: "smtp://somebody@mail.example" }', 'mail.url: write smtp://host:port'],
    ['log: { level: chatty }', 'log.level: '],
    ['- a list', 'the file: '],
    ['just a sentence', 'the file: '],
    ['dues: { graceDays: 1 }\ndues: { graceDays: 2 }', 'Map keys must be unique'],
    ['listen: { port: 80', 'schedar.yaml: '],
    ['\tissuer: https://a.example', 'schedar.yaml: '],
  ])('%j', (text, told) => {
    expect(refusal(text)).toContain(told)
  })

  test('every mistake at once, each on its line', () => {
    expect(refusal('isuer: x\ndues: { graceDays: -1 }').split('\n')).toHaveLength(2)
  })

  test('a file that unfolds into a million entries is refused', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
    for (let at = 1; at < 8; at++) {
      const [now, before] = [String.fromCharCode(97 + at), String.fromCharCode(96 + at)]
      bomb.push(`${now}: &${now} [${Array(9).fill(`*${before}`).join(', ')}]`)
    }
    expect(() => parseConfig(bomb.join('\n'))).toThrow()
  })
})

describe('the issuer', () => {
  test.each(['https://login.asso.example', 'http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:8080'])(
    '%s is one',
    (issuer) => {
      expect(parseConfig(`issuer: "${issuer}"`).issuer).toBe(issuer)
    },
  )

  test.each([
    'http://login.asso.example',
    'http://localhost.asso.example',
    'http://127.0.0.1.asso.example',
    'ftp://localhost',
    'https://asso.example/',
    'https://asso.example/login',
    'https://asso.example?a=b',
    'https://asso.example#a',
    'asso.example',
    '',
  ])('%j is none', (issuer) => {
    expect(refusal(`issuer: ${JSON.stringify(issuer)}`)).toContain('issuer: ')
  })
})

describe('secrets are referred to', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'schedar-config-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const secret = crypto.randomUUID()
  const write = (name: string, text: string, mode = 0o600): string => {
    writeFileSync(join(folder, name), text, { mode })
    chmodSync(join(folder, name), mode)
    return `file:${name}`
  }

  test('one that stands in the file is refused, and not repeated', () => {
    const told = refusal(`database: { password: ${secret} }`)
    expect(told).toContain('database.password: write file:/path/to/a/file or env:NAME')
    expect(told).not.toContain(secret)
  })

  test('from a file next to schedar.yaml, without its line end, and from the environment', () => {
    expect(resolveSecret(write('password', `${secret}\n`), 'database.password', {}, folder)).toBe(secret)
    expect(resolveSecret('env:PASSWORD', 'database.password', { PASSWORD: secret }, folder)).toBe(secret)
  })

  test.each([
    ['a file that is not there', () => 'file:none', 'cannot be read'],
    ['an empty file', () => write('empty', '\n'), 'holds nothing'],
    ['a file that everybody reads', () => write('open', secret, 0o644), 'chmod 600'],
    ['a name that the environment lacks', () => 'env:NONE', 'the environment has no NONE'],
  ])('%s', (_what, reference, told) => {
    const { detail } = failure(() => resolveSecret(reference(), 'mail.password', { OTHER: secret }, folder))
    expect(detail).toContain('mail.password: ')
    expect(detail).toContain(told)
    expect(detail).not.toContain(secret)
  })

  test('one that is made here is made once, for its owner alone', () => {
    const path = join(folder, 'deep', 'secret.key')
    expect(secretFile(path, () => 'first')).toBe('first')
    expect(secretFile(path, () => 'second')).toBe('first')
    expect(readFileSync(path, 'utf8')).toBe('first\n')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('a service’s own keys are as strict, and its secrets come in place of their references', async () => {
    const dovecot = await loadPlugin('dovecot')
    const given = { plugin: 'dovecot', folder: '/var/lib/schedar', doveadmUrl: 'http://127.0.0.1:8080' }
    const config = (more: Record<string, unknown>) =>
      pluginConfig('mail', dovecot, { ...given, ...more }, { KEY: secret }, folder)
    expect(config({ doveadmApiKey: 'env:KEY' })).toMatchObject({ doveadmApiKey: secret })
    expect(failure(() => config({ doveadmApiKey: 'env:KEY', foldr: '/' })).detail).toContain('services.mail.foldr')
    expect(failure(() => config({ doveadmApiKey: secret })).detail).not.toContain(secret)
    await expect(loadPlugin('../src')).rejects.toMatchObject({ code: 'not_found' })
  })
})
