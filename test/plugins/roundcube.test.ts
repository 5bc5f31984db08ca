// Roundcube's kit: what it writes, and what it refuses to write.
import { describe, expect, test } from 'vitest'
import plugin from '../../plugins/roundcube/index.ts'
import { AppError } from '../../src/domain/errors.ts'
import { kitContract, kitTarget } from '../contract/plugin.ts'

const options = { mail_host: 'mail.asso.example' }
const url = 'https://webmail.asso.example'

kitContract('roundcube', plugin, { url, options })

const configured = async (more: Record<string, string> = {}, at = url): Promise<string> => {
  const files = await plugin.kit!(kitTarget(plugin, { url: at, options: { ...options, ...more } }))
  return String(files.find(({ path }) => path === 'schedar.inc.php')?.content)
}

describe('what is written', () => {
  test('the mail server’s TLS ports, the single door, and no redirect unless asked for', async () => {
    const text = await configured()
    expect(text).toContain("$config['imap_host'] = 'ssl://mail.asso.example:993';")
    expect(text).toContain("$config['smtp_host'] = 'ssl://mail.asso.example:465';")
    expect(text).toContain("$config['schedar_single_door'] = true;")
    expect(text).toContain("$config['schedar_redirect'] = false;")
    expect(text).toContain("$config['use_https'] = true;")
    expect(text).not.toContain('cafile')
  })

  test('what differs on a machine', async () => {
    const text = await configured({
      imap: 'localhost:143',
      smtp: 'tls://mail.asso.example:587',
      ca_file: '/etc/ssl/asso.pem',
      single_door: 'no',
      redirect: 'yes',
    })
    expect(text).toContain("$config['imap_host'] = 'localhost:143';")
    expect(text).toContain("$config['smtp_host'] = 'tls://mail.asso.example:587';")
    expect(text.match(/'cafile' => '\/etc\/ssl\/asso\.pem'/g)).toHaveLength(2)
    expect(text).toContain("$config['schedar_single_door'] = false;")
    expect(text).toContain("$config['schedar_redirect'] = true;")
    expect(await configured({}, 'http://127.0.0.5')).not.toContain('use_https')
  })

  test('both languages of the page, and every language of the plugin, say the same things', async () => {
    const files = await plugin.kit!(kitTarget(plugin, { url, options }))
    const text = (path: string) => String(files.find((file) => file.path === path)?.content)
    const blocks = (path: string) => text(path).match(/```sh\n.*?```/gs)
    expect(blocks('LISEZMOI.md')).toEqual(blocks('README.md'))
    const labels = (language: string) =>
      [...text(`plugins/schedar/localization/${language}.inc`).matchAll(/^\$labels\['(\w+)'\]/gm)].map(
        ([, name]) => name,
      )
    const php = text('plugins/schedar/schedar.php')
    for (const language of ['fr_FR', 'nl_NL', 'de_DE']) expect(labels(language)).toEqual(labels('en_US'))
    for (const name of labels('en_US')) expect(php, name).toContain(`'${name}'`)
  })
})

describe('what is refused', () => {
  test.each<[string, Record<string, string>]>([
    ['mail_host', { mail_host: 'mail example' }],
    ['imap', { imap: 'mail.asso.example:143' }],
    ['imap', { imap: "x:1';system('id');'" }],
    ['smtp', { smtp: 'http://mail.asso.example:25' }],
    ['smtp', { smtp: '10.0.0.1:25' }],
    ['ca_file', { ca_file: "/etc/x'" }],
    ['single_door', { single_door: 'perhaps' }],
    ['colour', { colour: 'red' }],
  ])('%s: %j', async (field, more) => {
    await expect(configured(more)).rejects.toMatchObject({ code: 'invalid_value', field })
  })

  test('no mail server at all', async () => {
    const without = plugin.kit!(kitTarget(plugin, { url }))
    await expect(without).rejects.toThrow(AppError)
    await expect(without).rejects.toMatchObject({ code: 'required', field: 'mail_host' })
  })

  test('a client that is registered for another address', async () => {
    const target = kitTarget(plugin, { url, options })
    await expect(plugin.kit!({ ...target, url: 'https://elsewhere.example' })).rejects.toMatchObject({
      field: 'redirect_uris',
    })
  })
})

test('the client: of the mail service, excused from PKCE, its refresh tokens not rotated', () => {
  expect(plugin.client!(url)).toMatchObject({
    service: 'mail',
    withoutPkce: true,
    rotateRefreshToken: false,
    redirectUris: [`${url}/index.php/login/oauth`],
    tokenEndpointAuthMethod: 'client_secret_post',
  })
})
