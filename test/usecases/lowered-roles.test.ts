// A role that is taken or lowered is told to the clients that keep rights of their own, whichever way it was lost; and
// nothing else is. What is told is what holds when it is sent.
import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Account, Client, Member, OutboxRow } from '../../src/ports.ts'
import { setAccountClosed, setGroups } from '../../src/usecases/accounts.ts'
import { handOver, removePerson, setPersonRole } from '../../src/usecases/association-people.ts'
import { setClientDisabled, setClientRole } from '../../src/usecases/clients.ts'
import { ensureKeys, openKey } from '../../src/usecases/keys.ts'
import { sendStatus } from '../../src/web/status-token.ts'
import * as make from '../contract/store-records.ts'
import { readJws } from '../support/jws.ts'
import { type Society, society } from '../support/people.ts'

let on: Society
let site: Server
let answers: number
let received: { method: string; type: string; token: string }[]
let member: Member
let spip: Client
let wiki: Client
const affiliations = { owner: 'webmestre', admin: 'admin', user: 'redacteur' }

beforeAll(async () => {
  on = await society()
  await ensureKeys(on.core)
  site = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const token = new URLSearchParams(body).get('status_token') ?? ''
    received.push({ method: request.method!, type: request.headers['content-type'] ?? '', token })
    response.writeHead(answers, { location: '/elsewhere' }).end()
  }).listen(0, '127.0.0.1')
  await once(site, 'listening')
})
afterAll(async () => {
  site.close()
  await on.on.close()
})

const store = () => on.on.first.store
const queued = async (): Promise<OutboxRow[]> =>
  (await store().outbox.pending({})).filter(({ effect }) => effect === 'status')
const told = async () => (await queued()).map(({ service, subject }) => `${service} ${subject}`)
const line = (client: Client, { id }: Account) => `logout/${client.clientId} ${id}`

beforeEach(async () => {
  received = []
  answers = 200
  await store().outbox.acknowledge((await store().outbox.pending({})).map(({ id }) => id))
  member = await on.association()
  const resource = make.resource(member)
  await store().resources.add(resource)
  const uri = `http://127.0.0.1:${(site.address() as { port: number }).port}/spip.php?action=schedar_statut`
  const more = { resourceId: resource.id, audience: 'listed', rolesOfAffiliation: affiliations } as const
  spip = make.client(on.organisation.id, { ...more, metadata: { schedar_status_uri: uri } })
  wiki = make.client(on.organisation.id, more)
  for (const client of [spip, wiki]) await store().clients.add(client)
})

const set = (subjectKind: 'account' | 'group', subject: string, role: string, remove = false) =>
  setClientRole(on.core)({ clientId: spip.clientId, subjectKind, subject, role, remove, actor: 'test' })

test('a role by name: given, nobody is told; taken, the client that keeps rights is', async () => {
  const alice = await on.person()
  await set('account', alice.id, 'admin')
  expect(await told()).toEqual([])
  await set('account', alice.id, 'admin', true)
  expect(await told()).toEqual([line(spip, alice)])
})

test('a role of a group: for each of its people, and for one who leaves it', async () => {
  const [alice, bob] = [await on.person(), await on.person()]
  for (const { id } of [alice, bob]) await store().people.setGroups(id, ['board'])
  await set('group', 'board', 'admin')
  await setGroups(on.core)({ accountId: alice.id, groups: ['choir'], actor: 'test' })
  expect(await told()).toEqual([line(spip, alice)])
  await set('group', 'board', 'admin', true)
  expect((await told()).toSorted()).toEqual([line(spip, alice), line(spip, bob)].toSorted())
})

test('a role by affiliation: lowered, handed over, removed, raised', async () => {
  const [owner, user] = [await on.one(member, 'owner'), await on.one(member, 'user')]
  const of = { memberId: member.id, actor: owner.id }
  await setPersonRole(on.core)({ ...of, accountId: user.id, role: 'admin' })
  // What changes is a role lost, and another one found: it is the client that knows which is the higher.
  expect(await told()).toEqual([line(spip, user)])
  await handOver(on.core)({ ...of, accountId: user.id })
  expect((await told()).slice(1).toSorted()).toEqual([line(spip, owner), line(spip, user)].toSorted())
  await removePerson(on.core)({ memberId: member.id, actor: user.id, accountId: owner.id })
  expect((await told()).slice(3)).toEqual([line(spip, owner)])
})

test('an account that is closed; and a client that is off is told nothing', async () => {
  const alice = await on.one(member, 'user')
  await setAccountClosed(on.core)({ accountId: alice.id, closed: true, reason: 'Essai', actor: 'test' })
  expect(await told()).toEqual([line(spip, alice)])
  const bob = await on.one(member, 'user')
  await setClientDisabled(on.core)({ clientId: spip.clientId, disabled: true, actor: 'test' })
  await setAccountClosed(on.core)({ accountId: bob.id, closed: true, reason: 'Essai', actor: 'test' })
  expect(await told()).toEqual([line(spip, alice)])
  await sendStatus(on.core, { clientId: spip.clientId, accountId: alice.id }, new AbortController().signal)
  expect(received).toEqual([])
})

const send = (client: Client, { id }: { id: string }) =>
  sendStatus(on.core, { clientId: client.clientId, accountId: id }, new AbortController().signal)

test('one POST of a token of its own type, signed with the published key, says the roles of now', async () => {
  const alice = await on.one(member, 'owner')
  await send(spip, alice)
  expect(received).toHaveLength(1)
  expect(received[0]).toMatchObject({ method: 'POST', type: expect.stringContaining('x-www-form-urlencoded') })
  const { token } = received[0]!
  const { header, payload } = readJws(token)
  const key = (await store().keys.list()).find(({ kid }) => kid === header.kid)!
  expect(header).toEqual({ alg: 'ES256', typ: 'schedar-status+jwt', kid: key.kid })
  const now = Math.floor(on.core.clock.now() / 1000)
  expect(payload).toEqual({
    iss: on.core.config.issuer,
    aud: spip.clientId,
    sub: alice.id,
    iat: now,
    exp: now + 120,
    jti: expect.stringMatching(/^[\w-]{22}$/),
    events: { 'urn:schedar:event:status': { roles: ['webmestre'] } },
  })
  const [head, body, signature] = token.split('.') as [string, string, string]
  const { kty, crv, x, y } = openKey(on.core, key)
  const publicKey = createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' })
  const good = verify(
    'sha256',
    Buffer.from(`${head}.${body}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  expect(good).toBe(true)

  const rolesIn = (n: number) => readJws(received[n]!.token).payload.events
  await send(spip, { id: 'nobody' })
  await store().accounts.update({ ...alice, state: 'closed' })
  await send(spip, alice)
  expect([rolesIn(1), rolesIn(2)]).toEqual(Array(2).fill({ 'urn:schedar:event:status': { roles: [] } }))
  // A client without rights of its own is told nothing.
  await send(wiki, alice)
  expect(received).toHaveLength(3)
})

test('what the client does not acknowledge, a redirect included, is an error to try again', async () => {
  const alice = await on.one(member, 'owner')
  for (const status of [302, 400, 503]) {
    answers = status
    await expect(send(spip, alice)).rejects.toMatchObject({ code: 'service_unavailable' })
  }
  expect(received).toHaveLength(3)
})

test('the queue sends it with the client’s logouts, again until it is taken', async () => {
  const alice = await on.person()
  await set('account', alice.id, 'admin')
  await set('account', alice.id, 'admin', true)
  const calls: string[] = []
  let down = true
  const instance = await on.on.open({
    owner: 'two',
    sendStatus: async (clientId, accountId) => {
      calls.push(`${clientId} ${accountId}`)
      if (down) throw new Error('status 503')
    },
  })
  await instance.reconciler.drain()
  expect(await queued()).toMatchObject([{ tries: 1, lastError: 'status 503', dueAt: on.core.clock.now() + 250 }])
  down = false
  on.on.clock.advance(250)
  await instance.reconciler.drain()
  expect(await queued()).toEqual([])
  expect(calls).toEqual(Array(2).fill(`${spip.clientId} ${alice.id}`))
})
