// Changing and resetting passwords by RFC 3062 on a real slapd: it hashes, its policy is asked, and after a change the
// provider alone is believed until the replicas have had time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accountOf, everythingIn, type Opened, openDirectory, soon } from '../support/ldap.ts'
import { caughtUp, policies, policyEntry, type Slapd, startSlapd } from '../support/slapd.ts'

const RIGHT = 'correct horse battery'
const NEXT = 'quite another one'

let slapd: Slapd
let opened: Opened
let count = 0
beforeAll(async () => {
  const ldif = [
    policyEntry('young', { pwdMinAge: '3600' }),
    policyEntry('fixed', { pwdAllowUserChange: 'FALSE' }),
    policyEntry('ageing', { pwdMaxAge: '1', pwdGraceAuthNLimit: '0' }),
  ].join('')
  slapd = await startSlapd({ ldif })
  opened = await openDirectory(slapd)
})
afterAll(async () => {
  await opened?.directory.close()
  await slapd?.remove()
})

const someone = async (more: Record<string, string> = {}) => {
  const uid = `person${++count}`
  return accountOf(uid, await slapd.addPerson({ uid, password: RIGHT, ...more }))
}
const governed = (by: string) => ({ pwdPolicySubentry: `cn=${by},${policies}` })
type Someone = Awaited<ReturnType<typeof someone>>
const verify = (account: Someone, password: string) => opened.directory.verify(account, password, soon())
const set = (account: Someone, password: string, current?: string) =>
  opened.directory.setPassword(account, password, soon(), current)
const refused = (reason: string) => ({ code: 'password_refused', field: 'password', params: { reason } })

describe('a new password', () => {
  test('by the person with the old one, or without it', async () => {
    const account = await someone()
    await set(account, NEXT, RIGHT)
    expect(await verify(account, NEXT)).toBe('ok')
    expect(await verify(account, RIGHT)).toBe('wrong')
    await set(account, 'and a third passphrase')
    expect(await verify(account, 'and a third passphrase')).toBe('ok')
    const { userPassword } = await slapd.read(slapd.dn(account.username))
    expect(userPassword, 'slapd hashes').toMatch(/^\{ARGON2\}\$argon2/)
  })

  test('is refused when too short or used before, by either way', async () => {
    const account = await someone()
    await set(account, NEXT, RIGHT)
    for (const current of [NEXT, undefined]) {
      await expect(set(account, 'short', current)).rejects.toMatchObject(refused('too_short'))
      await expect(set(account, RIGHT, current)).rejects.toMatchObject(refused('in_history'))
      await expect(set(account, NEXT, current)).rejects.toMatchObject(refused('in_history'))
    }
    expect(await verify(account, NEXT)).toBe('ok')
  })

  test('is refused as quality when it is a hash that the server cannot judge', async () => {
    const account = await someone()
    await expect(set(account, '{SSHA}abcdefghijklmnop', RIGHT)).rejects.toMatchObject(refused('quality'))
  })

  test('is refused to a person whose last change is too young or who may not change it', async () => {
    await expect(set(await someone(governed('young')), NEXT, RIGHT)).rejects.toMatchObject(refused('too_young'))
    await expect(set(await someone(governed('fixed')), NEXT, RIGHT)).rejects.toMatchObject(refused('not_allowed'))
  })

  test('ends a reset', async () => {
    const account = await someone({ pwdReset: 'TRUE' })
    expect(await verify(account, RIGHT)).toBe('must_change')
    await set(account, NEXT, RIGHT)
    expect(await verify(account, NEXT)).toBe('ok')
  })

  test('replaces an expired one by a reset only', async () => {
    const account = await someone(governed('ageing'))
    await new Promise((resolve) => setTimeout(resolve, 2100))
    await expect(set(account, NEXT, RIGHT)).rejects.toMatchObject(refused('expired'))
    await expect(set(account, NEXT, 'guess')).rejects.toMatchObject({ code: 'sign_in_failed', field: 'current' })
    await set(account, NEXT)
    expect(await verify(account, NEXT)).toBe('ok')
  })

  test('for nobody is not found', async () => {
    await expect(set(accountOf('nobody', null), NEXT)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('stands in no error and no log', async () => {
    const account = await someone()
    const errors = [
      await set(account, 'short!!', 'guess!!').catch((error) => error),
      await set(account, 'short!!').catch((error) => error),
    ]
    for (const text of [...errors.map(everythingIn), opened.logged()]) expect(text).not.toMatch(/short!!|guess!!/)
  })

  test('is not set when whoever asked has given up before the server answered', async () => {
    const account = await someone()
    await opened.directory.find!(account.username, soon())
    await slapd.freeze()
    const change = opened.directory.setPassword(account, NEXT, AbortSignal.timeout(100))
    try {
      await expect(change).rejects.toMatchObject({ code: 'directory_unavailable' })
    } finally {
      slapd.thaw()
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(await verify(account, RIGHT)).toBe('ok')
  })
})

describe('provider and replica', () => {
  let replica: Slapd
  let both: Opened
  beforeAll(async () => {
    // It copies when it starts, and then stays behind for an hour.
    replica = await startSlapd({ authority: slapd.authority, replicaOf: { provider: slapd, every: '00:01:00:00' } })
    await caughtUp(replica, slapd)
    both = await openDirectory(slapd, { urls: [slapd.ldap, replica.ldap], replicationMs: 60_000 })
  })
  afterAll(async () => {
    await both?.directory.close()
    await replica?.remove()
  })
  test('after a change the old password is nowhere right, though the replica still takes it', async () => {
    const [account, other] = [await someone(), await someone()]
    await replica.restart()
    await caughtUp(replica, slapd)
    await both.directory.setPassword(account, NEXT, soon(), RIGHT)
    await slapd.stop()
    try {
      const check = (who: typeof account, password: string) => both.directory.verify(who, password, soon())
      await expect(check(account, RIGHT)).rejects.toMatchObject({ code: 'directory_unavailable' })
      expect(await check(other, RIGHT), 'the replica answers for the others').toBe('ok')
      await expect(both.directory.setPassword(other, NEXT, soon()), 'nothing is written there').rejects.toMatchObject({
        code: 'directory_unavailable',
        detail: expect.stringMatching(new RegExp(`^set a password: ${slapd.ldap}: .*ECONNREFUSED[^;]*$`)),
      })
      both.later(61_000)
      expect(await check(account, RIGHT), 'after replicationMs it is believed').toBe('ok')
    } finally {
      await slapd.start()
    }
    both.later(61_000)
    expect(await both.directory.verify(account, RIGHT, soon())).toBe('wrong')
  })
})
