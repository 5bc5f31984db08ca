// Several LDAP servers: the next one takes over when one is gone, silent or busy, and never because a password was wrong.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { accountOf, type Opened, type Overrides, openDirectory, soon } from '../support/ldap.ts'
import { caughtUp, people, type Slapd, startSlapd } from '../support/slapd.ts'

const RIGHT = 'correct horse battery'
const OLD = 'the password before that'
const unavailable = { code: 'directory_unavailable' }

let provider: Slapd
let replica: Slapd
let bob: ReturnType<typeof accountOf>
const all: Opened[] = []
beforeAll(async () => {
  provider = await startSlapd()
  bob = accountOf('bob', await provider.addPerson({ uid: 'bob', password: OLD }))
  replica = await startSlapd({ authority: provider.authority, replicaOf: { provider, every: '00:01:00:00' } })
  await caughtUp(replica, provider)
  // From here on the replica is behind: it shows who answered.
  await provider.change(provider.dn('bob'), 'replace', 'userPassword', RIGHT)
  await provider.change(provider.dn('bob'), 'replace', 'cn', 'Bob of the provider')
})
afterAll(async () => {
  await Promise.all(all.map(({ directory }) => directory.close()))
  await replica?.remove()
  await provider?.remove()
})

const open = async (more: Overrides = {}): Promise<Opened> => {
  const opened = await openDirectory(provider, {
    urls: [provider.ldap, replica.ldap],
    timeoutMs: 3000,
    connectTimeoutMs: 3000,
    ...more,
  })
  all.push(opened)
  return opened
}
const nameFrom = async ({ directory }: Opened, signal = soon()) => (await directory.find!('bob', signal))?.name
const FROM = { provider: 'Bob of the provider', replica: 'bob' }

async function whileFrozen<T>(server: Slapd, work: () => Promise<T>): Promise<T> {
  await server.freeze()
  try {
    return await work()
  } finally {
    server.thaw()
  }
}

describe('a server that is gone', () => {
  test('is replaced by the next, and comes back after a while', async () => {
    const opened = await open()
    expect(await nameFrom(opened)).toBe(FROM.provider)
    await provider.stop()
    try {
      expect(await nameFrom(opened)).toBe(FROM.replica)
      expect(await opened.directory.verify(bob, OLD, soon())).toBe('ok')
      await expect(opened.directory.check(soon()), 'one is enough').resolves.toBeUndefined()
    } finally {
      await provider.start()
    }
    expect(await nameFrom(opened), 'not asked again at once').toBe(FROM.replica)
    opened.later(11_000)
    expect(await nameFrom(opened)).toBe(FROM.provider)
    expect(opened.logged()).toMatch(/warn directory.server_down[\s\S]*info directory.server_back/)
  })

  test('all of them gone is an error that names each', async () => {
    const { directory } = await open({ urls: ['ldap://127.0.0.1:1', 'ldap://127.0.0.1:2'] })
    for (const work of [() => directory.find!('bob', soon()), () => directory.verify(bob, RIGHT, soon())])
      await expect(work()).rejects.toMatchObject({
        ...unavailable,
        detail: expect.stringMatching(/:1: .*ECONNREFUSED.*:2: .*ECONNREFUSED/),
      })
  })
})

describe('a silent server', () => {
  test('alone: an error within its time-out, for all who wait on the connection', async () => {
    const opened = await open({ urls: [provider.ldap], timeoutMs: 2000 })
    await nameFrom(opened)
    const works = () => [
      nameFrom(opened),
      nameFrom(opened),
      opened.directory.verify(bob, RIGHT, soon()),
      opened.directory.pretend('x', soon()),
    ]
    const answers = await whileFrozen(provider, () => Promise.allSettled(works()))
    for (const answer of answers) expect(answer).toMatchObject({ status: 'rejected', reason: unavailable })
    expect(await nameFrom(opened)).toBe(FROM.provider)
  })

  test('is replaced by the next, and asked no more while that one answers', async () => {
    const opened = await open()
    await nameFrom(opened)
    await whileFrozen(provider, async () => {
      expect(await nameFrom(opened)).toBe(FROM.replica)
      // Had it been asked again, its time-out would be longer than this patience.
      expect(await nameFrom(opened, soon(2500))).toBe(FROM.replica)
      expect(await opened.directory.verify(bob, OLD, soon(2500))).toBe('ok')
    })
  })

  test('is found out although the first to ask had no patience', async () => {
    const opened = await open()
    await nameFrom(opened)
    await whileFrozen(provider, async () => {
      await expect(nameFrom(opened, soon(100))).rejects.toMatchObject(unavailable)
      await expect
        .poll(() => nameFrom(opened, soon(1000)).catch(() => undefined), { timeout: 10_000 })
        .toBe(FROM.replica)
    })
  })

  test('costs one caller its time-out when it is tried again, not all of them', async () => {
    const opened = await open()
    await nameFrom(opened)
    await whileFrozen(provider, async () => {
      expect(await nameFrom(opened)).toBe(FROM.replica)
      opened.later(11_000)
      const tries = await Promise.allSettled(Array.from({ length: 6 }, () => nameFrom(opened, soon(2500))))
      expect(tries.filter(({ status }) => status === 'rejected')).toHaveLength(1)
    })
  })

  test('with a caller who has already left: nothing is tried', async () => {
    const { directory } = await open()
    await expect(directory.find!('bob', AbortSignal.abort())).rejects.toMatchObject(unavailable)
  })
})

describe('an answer is an answer', () => {
  test('a wrong password is not tried at the next server', async () => {
    const { directory } = await open()
    expect(await directory.verify(bob, OLD, soon()), 'the replica would take it').toBe('wrong')
    expect(await directory.verify(bob, RIGHT, soon())).toBe('ok')
  })

  test('nor is a refused service account', async () => {
    const { directory } = await open({ password: 'wrong' })
    const asked = directory.find!('bob', soon())
    await expect(asked).rejects.toMatchObject({
      ...unavailable,
      detail: `${provider.ldap} refuses the service account: LDAP result 49`,
    })
  })

  test('a referral for the base is a configuration error (result 10, for which ldapts has no class)', async () => {
    const referring = await startSlapd({ globals: ['referral ldap://127.0.0.1:1/'] })
    onTestFinished(() => referring.remove())
    const { directory, logged } = await openDirectory(referring, {
      urls: [referring.ldap, replica.ldap],
      people: { base: 'ou=people,dc=elsewhere' },
    })
    await expect(directory.find!('bob', soon())).rejects.toMatchObject({
      ...unavailable,
      detail: expect.stringContaining('LDAP result 10'),
    })
    expect(logged(), 'no other server is asked').toBe('')
    await directory.close()
  })
})

describe('"not now" (result 52)', () => {
  test('from a proxy whose own server is down: the next one is asked', async () => {
    const proxy = ['moduleload back_ldap', 'database ldap', `suffix "${people}"`, 'uri ldap://127.0.0.1:1/']
    const proxying = await startSlapd({ globals: proxy })
    onTestFinished(() => proxying.remove())
    await proxying.change(proxying.service.dn, 'replace', 'userPassword', provider.service.password)
    const opened = await open({ urls: [proxying.ldap, replica.ldap] })
    expect(await nameFrom(opened)).toBe(FROM.replica)
    expect(opened.logged()).toContain('LDAP result 52')
  })
})
