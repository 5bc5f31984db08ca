// Signing in through LDAP, on a real slapd: who is meant, whether the password is right, and what a server that goes
// away does to both.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accountOf, everythingIn, type Opened, openDirectory, soon } from '../support/ldap.ts'
import { startRelay } from '../support/relay.ts'
import { policies, policyEntry, type Slapd, startSlapd } from '../support/slapd.ts'

const RIGHT = 'correct horse battery'

let slapd: Slapd
let opened: Opened
let keys: Record<string, string>
const verify = (username: string, password: string, key: string | null = keys[username] ?? null) =>
  opened.directory.verify(accountOf(username, key), password, soon())
const find = (typed: string) => opened.directory.find!(typed, soon())
/** Connections that slapd holds, the one that asks included. */
const connections = () =>
  slapd.admin(async (client) => {
    const { searchEntries } = await client.search('cn=Current,cn=Connections,cn=Monitor', {
      scope: 'base',
      attributes: ['+'],
    })
    return Number(searchEntries[0]?.monitorCounter)
  })

beforeAll(async () => {
  const ldif = [
    policyEntry('ageing', { pwdMaxAge: '1', pwdGraceAuthNLimit: '0' }),
    policyEntry('graceful', { pwdMaxAge: '1', pwdGraceAuthNLimit: '5' }),
    policyEntry('resetting', { pwdMustChange: 'TRUE' }),
    policyEntry('lenient', { pwdLockout: 'FALSE' }),
  ].join('')
  slapd = await startSlapd({ ldif, database: ['database monitor', 'access to * by * read'] })
  opened = await openDirectory(slapd)
  const add = async (uid: string, more: Record<string, string | string[]> = {}) => [
    uid,
    await slapd.addPerson({ uid, password: RIGHT, ...more }),
  ]
  const governed = (by: string) => ({ pwdPolicySubentry: `cn=${by},${policies}` })
  keys = Object.fromEntries([
    await add('bob', { mail: ['bob@asso.example', 'robert@asso.example'] }),
    await add('ann', { mail: 'ann@asso.example' }),
    await add('eve@asso.example', { mail: 'eve@elsewhere.example' }),
    await add('mallory', { mail: 'eve@asso.example' }),
    await add('lou'),
    await add('two words'),
    await add('pat', governed('lenient')),
    await add('aged', governed('ageing')),
    await add('graced', governed('graceful')),
    await add('reset', { pwdReset: 'TRUE' }),
    await add('reset2', { pwdReset: 'TRUE', ...governed('resetting') }),
    await add('barred', { pwdAccountLockedTime: '000001010000Z' }),
    await add('barred2', { pwdAccountLockedTime: '000001010000Z', ...governed('lenient') }),
    await add('ended', { pwdEndTime: '20200101000000Z' }),
  ])
})
afterAll(async () => {
  await opened?.directory.close()
  await slapd?.remove()
})

describe('who is meant', () => {
  test('by username and by any of the addresses, however they are written', async () => {
    for (const typed of ['bob', ' Bob ', 'ＢＯＢ', 'bob@asso.example', 'Robert@ASSO.example'])
      expect((await find(typed))?.key, typed).toBe(keys.bob)
  })

  test('two entries for one name are nobody', async () => {
    expect(await find('eve@asso.example')).toBeUndefined()
    expect((await find('eve@elsewhere.example'))?.username).toBe('eve@asso.example')
  })

  test('nothing typed becomes part of a filter or of a DN (attack 16)', async () => {
    const typed = [
      '*',
      'b*',
      '*)(uid=*',
      'bob)(objectClass=*',
      'bob)(|(uid=*',
      '\\2a',
      'bob\0',
      'uid=bob',
      slapd.dn('bob'),
      '',
      ' ',
      '\\',
      ')',
    ]
    for (const identifier of typed) {
      expect(await find(identifier), JSON.stringify(identifier)).toBeUndefined()
      expect(await verify(identifier, RIGHT, null), JSON.stringify(identifier)).toBe('wrong')
      expect(await verify('bob', RIGHT, identifier), JSON.stringify(identifier)).toBe('wrong')
    }
  })

  test("the server's matching rule does not decide who is meant", async () => {
    // slapd folds spaces (RFC 4518 §2.6.1), others fold accents: a throttle that counts by name would count two people.
    expect((await find('two words'))?.key).toBe(keys['two words'])
    expect(await find('two  words')).toBeUndefined()
    expect(await verify('two  words', RIGHT, null)).toBe('wrong')
  })
})

describe('verdicts', () => {
  test('ok and wrong, by key and by name', async () => {
    expect(await verify('bob', RIGHT)).toBe('ok')
    expect(await verify('bob', 'something else')).toBe('wrong')
    expect(await verify('bob', RIGHT, null)).toBe('ok')
    expect(await verify('renamed here', RIGHT, keys.bob)).toBe('ok')
    expect(await verify('bob', RIGHT, '00000000-0000-1000-8000-000000000000')).toBe('wrong')
  })

  test('locked after three tries, also for the right password, and free again when the lock is gone', async () => {
    for (const _ of [1, 2, 3]) expect(await verify('lou', 'guess')).toBe('wrong')
    expect(await verify('lou', 'guess')).toBe('locked')
    expect(await verify('lou', RIGHT)).toBe('locked')
    await slapd.change(slapd.dn('lou'), 'delete', 'pwdAccountLockedTime')
    expect(await verify('lou', RIGHT)).toBe('ok')
  })

  test('many at once get their own verdict: a policy control serves one request', async () => {
    const tries = ['barred', 'bob', 'ann', 'barred', 'bob', 'reset'].map((name) => verify(name, RIGHT))
    expect(await Promise.all(tries)).toEqual(['locked', 'ok', 'ok', 'locked', 'ok', 'must_change'])
  })

  test('expired without grace, must_change within it', async () => {
    await new Promise((resolve) => setTimeout(resolve, 2100))
    expect(await verify('aged', RIGHT)).toBe('expired')
    expect(await verify('aged', 'guess')).toBe('wrong')
    expect(await verify('graced', RIGHT)).toBe('must_change')
  })

  test('a reset password must be changed, whether the server says so (pwdMustChange) or only the entry does', async () => {
    expect(await verify('reset', RIGHT)).toBe('must_change')
    expect(await verify('reset2', RIGHT)).toBe('must_change')
    expect(await verify('reset', 'guess')).toBe('wrong')
  })

  test('locked for good or past its end: locked, also where the policy knows no lock', async () => {
    for (const name of ['barred', 'barred2', 'ended']) expect(await verify(name, RIGHT), name).toBe('locked')
    for (const name of ['barred', 'barred2', 'ended']) expect((await find(name))?.disabled, name).toBe(true)
    expect((await find('bob'))?.disabled).toBe(false)
  })

  test('an empty password is refused before the network (attack 17)', async () => {
    const nowhere = await openDirectory(slapd, { urls: ['ldap://127.0.0.1:1'] })
    expect(await nowhere.directory.verify(accountOf('bob', keys.bob!), '', soon())).toBe('wrong')
    await nowhere.directory.pretend('', soon())
    await expect(nowhere.directory.verify(accountOf('bob', keys.bob!), 'x', soon())).rejects.toMatchObject({
      code: 'directory_unavailable',
    })
  })
})

describe('time tells nothing', () => {
  const lastBind = async () => (await slapd.read(slapd.service.dn)).pwdLastSuccess
  /** True if the work made slapd check a hash: only a successful bind of the service account shows from outside. */
  const spends = async (work: () => Promise<unknown>) => {
    const before = await lastBind()
    await new Promise((resolve) => setTimeout(resolve, 1100)) // pwdLastSuccess counts whole seconds
    await work()
    return (await lastBind()) !== before
  }

  test('to pretend, or an account without an entry, costs a real check on the server', async () => {
    await find('bob')
    expect(await spends(() => opened.directory.pretend('guess', soon()))).toBe(true)
    expect(await spends(() => verify('nobody', 'guess'))).toBe(true)
  })

  test('so does a locked account, which slapd refuses without a look at the password', async () => {
    expect(await spends(() => verify('barred', 'guess'))).toBe(true)
    expect(await spends(() => verify('ann', 'guess')), 'a wrong password costs its own').toBe(false)
  })

  test('however often: the service account is never locked by it', async () => {
    for (let n = 0; n < 8; n++) await opened.directory.pretend(`guess ${n}`, soon())
    expect(await verify('ann', RIGHT)).toBe('ok')
  })
})

describe('connections', () => {
  test('searches share one, a sign-in has its own and leaves none behind', async () => {
    await find('bob')
    const before = await connections()
    await Promise.all(Array.from({ length: 40 }, () => find('bob')))
    expect(await connections()).toBe(before)
    await Promise.all(Array.from({ length: 5 }, (_, n) => verify('pat', n % 2 ? RIGHT : 'guess')))
    await opened.directory.pretend('guess', soon())
    await expect.poll(connections, { timeout: 10_000 }).toBe(before)
  })

  test('a refused sign-in leaves the search connection bound', async () => {
    expect(await verify('pat', 'guess')).toBe('wrong')
    expect((await find('bob'))?.key).toBe(keys.bob)
  })

  test('a restart is invisible, also to many at once', async () => {
    await find('bob')
    await slapd.restart()
    const found = await Promise.all(Array.from({ length: 20 }, () => find('bob')))
    expect(found.map((entry) => entry?.key)).toEqual(Array(20).fill(keys.bob))
    await slapd.restart()
    expect(await verify('bob', RIGHT)).toBe('ok')
  })

  test('a connection that dies at its next use is replaced unseen', async () => {
    // A firewall that forgot it: the reset comes as the answer to the next request.
    const relay = await startRelay(slapd, (near, far, n) => {
      let requests = 0
      near.on('data', (request) => (n === 1 && ++requests > 2 ? near.resetAndDestroy() : far.write(request)))
      far.pipe(near)
    })
    const { directory } = await openDirectory(slapd, { urls: [`ldap://127.0.0.1:${relay.port}`] })
    expect((await directory.find!('bob', soon()))?.key).toBe(keys.bob)
    expect((await directory.find!('bob', soon()))?.key).toBe(keys.bob)
    expect(relay.connections()).toBe(2)
    await directory.close()
    relay.close()
  })

  test('a stopped server is an error, never "no such user" or "wrong"', async () => {
    await slapd.stop()
    try {
      const works = [
        () => find('bob'),
        () => find('nobody'),
        () => verify('bob', RIGHT),
        () => verify('pat', 'guess'),
        () => opened.directory.pretend('x', soon()),
        () => opened.directory.check(soon()),
      ]
      for (const work of works) await expect(work()).rejects.toMatchObject({ code: 'directory_unavailable' })
    } finally {
      await slapd.start()
    }
    expect((await find('bob'))?.key).toBe(keys.bob)
  })

  test('a closed directory says so', async () => {
    const { directory } = await openDirectory(slapd)
    await directory.check(soon())
    await directory.close()
    await expect(directory.find!('bob', soon())).rejects.toMatchObject({ code: 'directory_unavailable' })
  })
})

describe('the service account', () => {
  test('with a wrong password: an error that names it, without the secret, and not one try per request (attack 18)', async () => {
    const secret = 'a-secret-that-is-wrong'
    const wrong = await openDirectory(slapd, { password: secret })
    const failures = async () => [(await slapd.read(slapd.service.dn)).pwdFailureTime ?? []].flat().length
    const before = await failures()
    for (const work of [
      () => wrong.directory.find!('bob', soon()),
      () => wrong.directory.verify(accountOf('bob', keys.bob!), 'my own password', soon()),
      () => wrong.directory.check(soon()),
    ]) {
      const error = await work().then(
        () => undefined,
        (reason) => reason,
      )
      expect(error).toMatchObject({ code: 'directory_unavailable', detail: expect.stringContaining('LDAP result 49') })
      for (const text of [everythingIn(error), wrong.logged()]) {
        expect(text).not.toContain(secret)
        expect(text).not.toContain('my own password')
      }
    }
    expect((await failures()) - before).toBe(1)
  })

  test('without the right to see anybody: an error, not an empty directory', async () => {
    const blind = await openDirectory(slapd, { people: { base: 'ou=nowhere,dc=asso,dc=example' } })
    const works = [
      () => blind.directory.find!('bob', soon()),
      () => blind.directory.verify(accountOf('bob', keys.bob!), RIGHT, soon()),
      () => blind.directory.check(soon()),
    ]
    for (const work of works)
      await expect(work()).rejects.toMatchObject({
        code: 'directory_unavailable',
        detail: expect.stringContaining('may not read it'),
      })
  })
})
