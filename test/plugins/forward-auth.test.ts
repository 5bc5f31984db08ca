// What the forward-auth kit writes, and what it refuses to write.
import { describe, expect, test } from 'vitest'
import forwardAuth from '../../plugins/forward-auth/index.ts'
import type { KitTarget } from '../../src/plugin.ts'
import { kitContract, kitTarget } from '../contract/kit.ts'

kitContract('forward-auth', forwardAuth)
kitContract('forward-auth, with rules', forwardAuth, {
  options: { paths: '/admin/=admin', schedar: 'http://127.0.0.1:3000' },
})

const target = (options: Record<string, string> = {}, changes: Partial<KitTarget> = {}): KitTarget => ({
  ...kitTarget(forwardAuth, { options }),
  ...changes,
})
const fileOf = async (made: KitTarget, name: RegExp): Promise<string> =>
  String((await forwardAuth.kit!(made)).find(({ path }) => name.test(path))!.content)

describe('the kit', () => {
  test('asks Schedar by its public address with its certificate looked at, or on the machine without', async () => {
    expect(await fileOf(target(), /http\.conf$/)).toContain('server id.asso.example:443;')
    expect(await fileOf(target(), /proxy\.conf$/)).toMatch(/proxy_ssl_verify on;[\s\S]*proxy_ssl_trusted_certificate/)
    const near = target({ schedar: 'http://127.0.0.1:3000' })
    expect(await fileOf(near, /http\.conf$/)).toContain('server 127.0.0.1:3000;')
    expect(await fileOf(near, /proxy\.conf$/)).not.toContain('proxy_ssl')
    // Either way Schedar answers to its own name only.
    for (const one of [target(), near]) expect(await fileOf(one, /proxy\.conf$/)).toContain('Host "id.asso.example"')
  })
  test('its cookie is the one that Schedar sets', async () => {
    expect(await fileOf(target(), /http\.conf$/)).toContain('__Host-schedar_session_kit-client=')
  })
  test('OpenID Connect Core §4: whoever touches the tile is signed in at once', () => {
    expect(forwardAuth.client!('https://stats.example').signInUri!('https://id.example')).toBe(
      'https://stats.example/schedar/sign-in?iss=https%3A%2F%2Fid.example&target_link_uri=https%3A%2F%2Fstats.example%2F',
    )
  })
  test.each([
    ['url', { url: 'https://id.asso.example' }],
    ['url', { url: 'https://id.asso.example:8443' }],
    ['url', { url: 'https://site.example/part' }],
    ['client_secret', { client: { ...target().client, clientSecret: 'a"; }' } }],
    ['client_secret', { client: { ...target().client, clientSecret: '{env.HOME}' } }],
    ['client_id', { client: { ...target().client, clientId: 'a b' } }],
    ['schedar', { options: { schedar: 'http://127.0.0.1:3000/x' } }],
    ['schedar', { options: { schedar: 'unix:/run/x' } }],
    ['paths', { options: { paths: '/admin/="; }' } }],
    ['paths', { options: { paths: 'admin' } }],
    ['nginx_dir', { options: { nginx_dir: '/etc/a b' } }],
    ['caddy_dir', { options: { caddy_dir: 'x' } }],
    ['other', { options: { other: '1' } }],
  ])('%s that would not hold is refused', async (field, changes) => {
    await expect(async () => forwardAuth.kit!(target({}, changes as Partial<KitTarget>))).rejects.toMatchObject({
      code: 'invalid_value',
      field,
    })
  })
  test('a part of a host is refused at registration', () => {
    expect(() => forwardAuth.client!('https://site.example/part')).toThrow(expect.objectContaining({ field: 'url' }))
  })
})
