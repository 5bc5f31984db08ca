// What the Apache kit writes, and what it refuses to write.
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import apache from '../../plugins/apache/index.ts'
import type { KitFile, KitTarget } from '../../src/plugin.ts'

function targetOf(url: string, options: Record<string, string> = {}): KitTarget {
  const { redirectUris, postLogoutRedirectUris, backchannelLogoutUri } = apache.client!(url)
  return {
    issuer: 'https://id.asso.example',
    associationName: "L'Asso & <b>Cie</b>\nInclude /etc/passwd",
    url,
    client: {
      clientId: 'wiki.asso',
      clientSecret: randomBytes(24).toString('base64url'),
      redirectUris,
      postLogoutRedirectUris,
      backchannelLogoutUri,
    },
    options,
    random: (bytes) => randomBytes(bytes).toString('base64url'),
  }
}

describe('the kit', () => {
  test('a passphrase is made for each kit', async () => {
    const passphrase = async () =>
      (await apache.kit!(targetOf('https://wiki.example'))).find(({ secret }) => secret)!.content
    expect(await passphrase()).not.toBe(await passphrase())
  })

  test('require lines are written for roles and groups', async () => {
    const [{ content }] = (await apache.kit!(
      targetOf('https://wiki.example', { require: 'roles:editor,groups:board', protect: '/admin/' }),
    )) as [KitFile]
    expect(content).toMatch(
      /<Location "\/admin\/">[^<]*Require claim roles:editor\n {2}Require claim groups:board\n<\/Location>/,
    )
    expect(content).toContain('AuthzSendForbiddenOnFailure On')
    expect(content).not.toMatch(/^Include \/etc\/passwd/m)
  })

  test.each([
    ['client_secret', { client: { ...targetOf('https://wiki.example').client, clientSecret: 'exec:/bin/sh' } }],
    ['client_secret', { client: { ...targetOf('https://wiki.example').client, clientSecret: 'a"\nInclude /x' } }],
    ['issuer', { issuer: ['https://id.example/$', '{HOME}'].join('') }],
    ['require', { options: { require: 'all granted' } }],
    ['protect', { options: { protect: '/">' } }],
    ['dir', { options: { dir: '/etc/a b' } }],
    ['other', { options: { other: '1' } }],
  ])('%s that a configuration cannot hold is refused', async (field, changes) => {
    await expect(async () =>
      apache.kit!({ ...targetOf('https://wiki.example'), ...(changes as Partial<KitTarget>) }),
    ).rejects.toMatchObject({ code: 'invalid_value', field })
  })
})
