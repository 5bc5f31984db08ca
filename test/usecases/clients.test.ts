import { beforeEach, describe, expect, test } from 'vitest'
import type { Plugin } from '../../src/plugin.ts'
import type { Organisation } from '../../src/ports.ts'
import { HOUSE_CLIENT } from '../../src/provider-service.ts'
import {
  addClient,
  kitOf,
  type NewClient,
  renewClient,
  secretContext,
  setClientDisabled,
  setClientRole,
} from '../../src/usecases/clients.ts'
import * as make from '../contract/store-records.ts'
import { type Stage, setUp, stage } from '../support/stage.ts'

let on: Stage
let organisation: Organisation
beforeEach(async () => {
  on = await stage(['files'])
  organisation = await setUp(on)
  return () => on.close()
})
const core = () => on.first.core
const store = () => on.first.store
const CB = 'https://wiki.example/cb'
const add = (more: Partial<NewClient> = {}) =>
  addClient(core())({
    kind: 'other',
    name: 'Wiki',
    url: 'https://wiki.example/',
    plugin: undefined,
    redirectUris: [CB],
    actor: 'test',
    ...more,
  })
const queued = async () => (await store().outbox.pending({ service: 'provider' })).map(({ subject }) => subject)

describe('registering a client', () => {
  test('its metadata, its secret (sealed), and who may go there', async () => {
    const { client, clientSecret } = await add()
    expect(client).toMatchObject({
      organisationId: organisation.id,
      service: 'web',
      party: 'first',
      audience: 'members',
      secondFactor: false,
      resourceId: null,
      disabledAt: null,
    })
    expect(client.metadata).toMatchObject({
      client_uri: 'https://wiki.example',
      redirect_uris: [CB],
      post_logout_redirect_uris: ['https://wiki.example', 'https://wiki.example/'],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
    })
    expect(JSON.stringify(client)).not.toContain(clientSecret)
    expect(core().vault.open(client.sealedSecret!, secretContext(client.clientId))).toBe(clientSecret)
    expect(clientSecret.length).toBeGreaterThanOrEqual(43)
    expect(await store().clients.get(client.clientId)).toEqual(client)
    expect(JSON.stringify(await store().audit.list({ subjectId: client.clientId }))).not.toContain(clientSecret)
  })

  test('of a member’s site: only the listed, unless it is said otherwise', async () => {
    const { member } = await make.people(store())
    const site = make.resource(member)
    await store().resources.add(site)
    expect((await add({ site })).client).toMatchObject({ resourceId: site.id, service: 'site', audience: 'listed' })
    expect((await add({ site, audience: 'members' })).client.audience).toBe('members')
  })

  test.each([
    'https://wiki.example/cb',
    'https://wiki.example:8443/a/b?c=d&e=%20',
    'http://localhost:3000/cb',
    'http://127.0.0.2/cb',
    'http://[::1]:8080/cb',
  ])('an address that may be: %s', async (uri) => {
    expect((await add({ redirectUris: [uri] })).client.metadata.redirect_uris).toEqual([uri])
  })

  test.each([
    ['plain http', 'http://wiki.example/cb'],
    ['another scheme', 'javascript:alert(1)'],
    ['another scheme', 'ftp://wiki.example/cb'],
    ['an app’s own scheme', 'org.example.app:/cb'],
    ['a fragment', 'https://wiki.example/cb#x'],
    ['an empty fragment', 'https://wiki.example/cb#'],
    ['a user', 'https://eve@wiki.example/cb'],
    ['a user and a password', 'https://eve:x@wiki.example/cb'],
    ['a password alone', 'https://:x@wiki.example/cb'],
    ['any host', 'https://*.wiki.example/cb'],
    ['any path', 'https://wiki.example/*'],
    ['a space before it', ' https://wiki.example/cb'],
    ['a line end after it', 'https://wiki.example/cb\n'],
    ['a line end within', 'https://wiki.exa\nmple/cb'],
    ['a tab within', 'https://wiki.example/\tcb'],
    ['a backslash', 'https://wiki.example\\@eve.example/cb'],
    ['a slash too few', 'https:/wiki.example/cb'],
    ['no slashes', 'https:wiki.example/cb'],
    ['no host', 'https:///cb'],
    ['no scheme', 'wiki.example/cb'],
    ['a relative one', '/cb'],
    ['nothing', ''],
    ['like loopback', 'http://localhost.eve.example/cb'],
    ['like loopback', 'http://127.0.0.1.eve.example/cb'],
    ['a zero byte', 'https://wiki.example/\u0000cb'],
  ])('an address that may not be: %s, %j', async (_, uri) => {
    await expect(add({ redirectUris: [uri] })).rejects.toMatchObject({ code: 'invalid_value', field: 'redirect_uri' })
    await expect(add({ redirectUris: [CB, uri] })).rejects.toMatchObject({ field: 'redirect_uri' })
    if (uri !== '') await expect(add({ url: uri })).rejects.toMatchObject({ code: 'invalid_value', field: 'url' })
  })

  test('a plugin’s addresses are held to the same rules', async () => {
    const plugin = (uris: Partial<ReturnType<NonNullable<Plugin['client']>>>): Plugin => ({
      summary: 'x',
      client: (url) => ({
        redirectUris: [`${url}/cb`],
        postLogoutRedirectUris: [],
        tokenEndpointAuthMethod: 'client_secret_post',
        ...uris,
      }),
    })
    const { client } = await add({
      plugin: plugin({ backchannelLogoutUri: 'https://wiki.example/out', rotateRefreshToken: false }),
    })
    expect(client.metadata).toMatchObject({
      redirect_uris: [CB],
      backchannel_logout_uri: 'https://wiki.example/out',
      backchannel_logout_session_required: true,
      schedar_rotate: false,
    })
    await expect(add({ plugin: plugin({ backchannelLogoutUri: 'http://wiki.example/out' }) })).rejects.toMatchObject({
      field: 'backchannel_logout_uri',
    })
    await expect(add({ plugin: plugin({ postLogoutRedirectUris: ['/x'] }) })).rejects.toMatchObject({
      field: 'post_logout_redirect_uri',
    })
    const machine = await add({ plugin: plugin({ redirectUris: [] }), redirectUris: [] })
    expect(machine.client.metadata).toMatchObject({ response_types: [], grant_types: ['client_credentials'] })
    // A plugin that says nothing of clients: as without one.
    await expect(add({ plugin: { summary: 'x' }, redirectUris: [] })).rejects.toMatchObject({ code: 'required' })
  })

  test.each(['', ' ', '-x', 'a b', 'é', 'x'.repeat(65), 'a/b', 'a:b'])('no client_id «%s»', async (clientId) => {
    await expect(add({ clientId })).rejects.toMatchObject({ code: 'invalid_value', field: 'clientId' })
  })

  test('a client_id is taken once; the house’s own never', async () => {
    await add({ clientId: 'wiki' })
    await expect(add({ clientId: 'wiki' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(add({ clientId: HOUSE_CLIENT })).rejects.toMatchObject({ code: 'conflict' })
    const ids = await Promise.all(Array.from({ length: 30 }, async () => (await add()).client.clientId))
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
    await expect(add({ name: ' ' })).rejects.toMatchObject({ code: 'invalid_value', field: 'name' })
    await expect(add({ redirectUris: [] })).rejects.toMatchObject({ code: 'required' })
  })
})

describe('roles', () => {
  test('of an account and of a group; whoever may lose something by it is looked at', async () => {
    const { client } = await add({ audience: 'listed' })
    const { clientId } = client
    const [ada, bo] = [await on.person(), await on.person()]
    await store().people.setGroups(bo.id, ['équipe'])
    const role = (subjectKind: 'account' | 'group', subject: string, remove = false) =>
      setClientRole(core())({ clientId, subjectKind, subject, role: 'editor', remove, actor: 'test' })
    await role('account', ada.id)
    await role('group', 'équipe')
    expect(await store().clients.rolesOn(clientId)).toHaveLength(2)
    await on.first.reconciler.drain()
    await role('account', ada.id, true)
    expect(await queued()).toEqual([ada.id])
    await on.first.reconciler.drain()
    await role('group', 'équipe', true)
    expect(await queued()).toEqual([bo.id])
    expect(await store().clients.rolesOn(clientId)).toEqual([])
    expect((await store().audit.list({ subjectId: clientId })).map(({ action }) => action)).toEqual([
      'client.added',
      'client.role_set',
      'client.role_set',
      'client.role_removed',
      'client.role_removed',
    ])
  })

  test('of nobody, at no client, or of no name', async () => {
    const { client } = await add()
    const set = (more: object) =>
      setClientRole(core())({
        clientId: client.clientId,
        subjectKind: 'group',
        subject: 'g',
        role: 'r',
        actor: 'test',
        ...more,
      })
    await expect(set({ clientId: 'none' })).rejects.toMatchObject({ code: 'not_found' })
    await expect(set({ subjectKind: 'account', subject: make.id() })).rejects.toMatchObject({ code: 'not_found' })
    for (const role of ['', 'a b', 'x'.repeat(33)])
      await expect(set({ role })).rejects.toMatchObject({ code: 'invalid_value', field: 'role' })
    for (const subject of ['', 'x'.repeat(101)])
      await expect(set({ subject })).rejects.toMatchObject({ code: 'invalid_value', field: 'subject' })
    // One whose account is gone can still be taken off the list.
    await set({ subjectKind: 'account', subject: make.id(), remove: true })
  })
})

test('switched off and on: nobody gets in while it is off, and sessions there are looked at', async () => {
  const { client } = await add()
  const { account, member } = await make.people(store())
  await store().standings.put(make.standing(member.id))
  const { clientId } = client
  await store().clients.setRole({ clientId, subjectKind: 'account', subject: account.id, role: 'x' })
  const access = async () => (await on.first.doors.access(account.id, clientId)).access
  const off = (disabled: boolean) => setClientDisabled(core())({ clientId, disabled, actor: 'test' })
  expect(await access()).toBe('full')
  await off(true)
  expect(await access()).toBe('none')
  expect(await queued()).toEqual([account.id])
  const since = (await store().clients.get(clientId))!.disabledAt
  on.clock.advance(1000)
  await off(true)
  expect((await store().clients.get(clientId))!.disabledAt).toBe(since)
  await off(false)
  expect(await access()).toBe('full')
  expect((await store().audit.list({ subjectId: clientId })).map(({ action }) => action)).toEqual([
    'client.added',
    'client.disabled',
    'client.enabled',
  ])
  await expect(setClientDisabled(core())({ clientId: 'none', disabled: true, actor: 'test' })).rejects.toMatchObject({
    code: 'not_found',
  })
})

test('a kit made anew brings the addresses that an older registration does not name, and changes none', async () => {
  const older: Plugin = {
    summary: 'x',
    client: (url) => ({
      redirectUris: [`${url}/cb`],
      postLogoutRedirectUris: [],
      backchannelLogoutUri: `${url}/old`,
      tokenEndpointAuthMethod: 'client_secret_basic',
    }),
  }
  const plugin: Plugin = {
    summary: 'x',
    client: (url) => ({
      ...older.client!(url),
      redirectUris: [`${url}/elsewhere`],
      backchannelLogoutUri: `${url}/new`,
      statusUri: `${url}/status`,
      withoutPkce: true,
    }),
  }
  const { client } = await add({ plugin: older })
  const { clientId } = client
  const renew = (by: Plugin) => renewClient(core())({ clientId, plugin: by, actor: 'test' })
  await renew(older)
  await renew({ summary: 'x' })
  expect(await store().clients.get(clientId)).toEqual(client)
  for (const _ of ['once', 'again']) await renew(plugin)
  expect(await store().clients.get(clientId)).toEqual({
    ...client,
    metadata: { ...client.metadata, schedar_status_uri: 'https://wiki.example/status' },
  })
  expect(await store().audit.list({ subjectId: clientId, action: 'client.renewed' })).toMatchObject([
    { actor: 'test', payload: { added: ['schedar_status_uri'] } },
  ])
})

test('a kit is filled in with what was registered', async () => {
  const { client, clientSecret } = await add()
  let target: unknown
  const plugin: Plugin = {
    summary: 'x',
    kit: (given) => {
      target = given
      return [{ path: 'a', content: 'b' }]
    },
  }
  expect(await kitOf(core())(client, plugin, { colour: 'red' })).toEqual([{ path: 'a', content: 'b' }])
  expect(target).toMatchObject({
    issuer: core().config.issuer,
    associationName: organisation.name,
    url: 'https://wiki.example',
    client: { clientId: client.clientId, clientSecret, redirectUris: [CB] },
    options: { colour: 'red' },
  })
  await expect(kitOf(core())(client, { summary: 'x' }, {})).rejects.toMatchObject({ code: 'invalid_value' })
})
