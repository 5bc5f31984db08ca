// The configuration of the plugin for Dovecot, and its kit.
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { DovecotConfig } from '../../plugins/dovecot/config.ts'
import plugin from '../../plugins/dovecot/index.ts'
import { kitContract, kitTarget } from '../contract/plugin.ts'
import { pluginHost } from '../support/subjects.ts'

const settings = (folder: string): DovecotConfig => ({
  folder,
  doveadmUrl: 'http://127.0.0.1:9',
  doveadmApiKey: randomBytes(24).toString('hex'),
  introspectionTimeoutMs: 2000,
  mailHome: '/var/vmail/{domain}/{local}',
  policyUrl: 'http://127.0.0.1:8081',
  policyKey: randomBytes(24).toString('hex'),
  policyTimeoutMs: 500,
})
const open = (change: Partial<DovecotConfig> = {}) =>
  plugin.open!({ ...settings('/nonexistent'), ...change }, pluginHost('/nonexistent'))

describe('configuration', () => {
  const wrong = (change: Record<string, unknown>) => plugin.config!.safeParse({ ...settings('/var/lib/x'), ...change })

  test('every key says what it is', () => {
    for (const [key, schema] of Object.entries(plugin.config!.shape)) expect(schema.description, key).toBeTruthy()
  })

  test('the key of doveadm never travels over a network', () => {
    for (const doveadmUrl of [
      'http://mail.asso.example:8080',
      'http://10.0.0.1:8080',
      'https://127.0.0.1:8080',
      'http://u:p@127.0.0.1:8080',
      'http://127.0.0.1',
      'http://127.0.0.1:8080/doveadm',
      'http://127.0.0.1.asso.example:8080',
      'nonsense',
    ])
      expect(wrong({ doveadmUrl }).success, doveadmUrl).toBe(false)
    for (const doveadmUrl of ['http://127.0.0.1:8080', 'http://127.0.0.2:8080/', 'http://[::1]:8080'])
      expect(wrong({ doveadmUrl }).success, doveadmUrl).toBe(true)
  })

  test('a folder is absolute and means the same to Dovecot', () => {
    for (const folder of ['denied', '/', '/a b', '/a/../b', '/a/%u', '/a/$x', '/a/"b"', '/a/.b', ''])
      expect(wrong({ folder }).success, folder).toBe(false)
  })

  test('passwords and answers travel on loopback alone', () => {
    for (const [key, scheme] of [
      ['policyUrl', 'http'],
      ['imapUrl', 'imap'],
    ]) {
      for (const url of [`${scheme}://mail.asso.example:143`, `${scheme}://10.0.0.1:143`, `${scheme}s://127.0.0.1:143`])
        expect(wrong({ [key!]: url }).success, url).toBe(false)
      expect(wrong({ [key!]: `${scheme}://127.0.0.1:143` }).success).toBe(true)
    }
  })

  test('two mailboxes are never in one folder, and the path is plain', () => {
    for (const mailHome of [
      '/var/vmail',
      '/var/vmail/{local}',
      '/var/vmail/{domain}',
      'vmail/{address}',
      '/v/{address}/{x}',
    ])
      expect(wrong({ mailHome }).success, mailHome).toBe(false)
    for (const mailHome of ['/var/vmail/{address}', '/srv/{domain}/mail/{local}'])
      expect(wrong({ mailHome }).success, mailHome).toBe(true)
  })

  test('a key that is too short, or not plain, is refused without being shown', async () => {
    for (const doveadmApiKey of ['shortsecret', `${'s3cret'.repeat(6)}\n`, `${'s3cret'.repeat(6)} # x`]) {
      const error: unknown = await open({ doveadmApiKey }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'invalid_value', field: 'doveadmApiKey' })
      expect(String(error)).not.toContain(doveadmApiKey.slice(0, 6))
    }
  })

  test('sessions are ended again once the longest introspection is over', async () => {
    expect((await open({ introspectionTimeoutMs: 3000 })).endSessionsAgainAfterMs).toBe(3500)
  })
})

const config = settings('/var/lib/schedar-dovecot')
kitContract('dovecot', plugin, { url: 'https://mail.asso.example', config })

describe('kit', () => {
  type Wanted = { issuer?: string; secret?: string; options?: Record<string, string>; config?: Record<string, unknown> }
  const kit = async ({ issuer, secret, ...wanted }: Wanted = {}) => {
    const target = kitTarget(plugin, { config, ...wanted })
    if (secret !== undefined) target.client.clientSecret = secret
    const files = await plugin.kit!({ ...target, issuer: issuer ?? target.issuer })
    return (path: string) => String(files.find((entry) => entry.path === path)?.content)
  }
  const refusal = (wanted: Wanted) =>
    kit(wanted).then(
      () => 'accepted',
      (error: { code: string }) => error.code,
    )

  test('a site without https is not asked for certificates, one with https is', async () => {
    const oauth = async (issuer: string) => (await kit({ issuer }))('dovecot-2.3/schedar-oauth2.conf.ext')
    expect(await oauth('https://id.asso.example')).toContain('tls_ca_cert_file = /etc/ssl/certs/ca-certificates.crt')
    expect(await oauth('http://127.0.0.1:3000')).not.toContain('tls_ca')
    expect(await oauth('https://id.asso.example/oidc/')).toContain(
      '= https://id.asso.example/oidc/token/introspection\n',
    )
  })

  test('needs the service in schedar.yaml', async () => {
    const target = kitTarget(plugin)
    expect(() => plugin.kit!(target)).toThrow(expect.objectContaining({ code: 'required' }))
  })

  test('without a door and without folders for mail, Dovecot is left to its own', async () => {
    const { policyUrl: _url, policyKey: _key, mailHome: _home, ...least } = config
    const file = await kit({ config: least })
    for (const version of ['2.3', '2.4']) {
      expect(file(`dovecot-${version}/00-schedar.conf`)).not.toContain('userdb')
      expect(file(`dovecot-${version}/99-schedar.conf`)).not.toMatch(/policy|quota/)
      expect(file(`dovecot-${version}/schedar-secrets.conf.ext`)).not.toContain('policy')
    }
    expect(file('README.md')).not.toContain('useradd')
  })

  test('nothing that Dovecot would read as more than a value gets in', async () => {
    for (const secret of ['a b', 'a#b', 'a\nssl = no', '<secret', '$x', '"q"', ''])
      expect(await refusal({ secret }), secret).toBe('invalid_value')
    expect(await refusal({ issuer: 'https://id.asso.example/\nssl=no' })).toBe('invalid_value')
    expect(await refusal({ options: { dovecot_dir: '/etc/dovecot\n' } })).toBe('invalid_value')
    expect(await refusal({ options: { group: 'a; rm -rf' } })).toBe('invalid_value')
    expect(await refusal({ options: { no_such_option: 'x' } })).toBe('invalid_value')
    expect(await refusal({ config: { ...config, folder: '/a/%u' } })).toBe('invalid_value')
  })

  test('a wrong value is named without being shown', async () => {
    const secret = 'very secret #'
    const error: unknown = await kit({ secret }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ field: 'client_secret' })
    expect(JSON.stringify(error) + String(error)).not.toContain(secret)
  })
})
