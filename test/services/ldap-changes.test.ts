// Reading everyone from a real slapd, page by page, and finding what changed since.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { accountOf, collect, type Opened, openDirectory, soon } from '../support/ldap.ts'
import { groups, type Slapd, startSlapd, suffix } from '../support/slapd.ts'

const CROWD = 700
const crowd = Array.from(
  { length: CROWD },
  (_, n) =>
    `dn: uid=crowd${n},ou=crowd,${suffix}\nobjectClass: inetOrgPerson\nuid: crowd${n}\ncn: Crowd ${n}\nsn: ${n}\n`,
)
const crowdBase = `dn: ou=crowd,${suffix}\nobjectClass: organizationalUnit\n`

let slapd: Slapd
let opened: Opened
beforeAll(async () => {
  slapd = await startSlapd({
    ldif: [crowdBase, ...crowd].join('\n'),
    database: ['database monitor', 'access to * by * read'],
  })
  opened = await openDirectory(slapd)
  for (const uid of ['zoe', 'min']) await slapd.addPerson({ uid })
})
afterAll(async () => {
  await opened?.directory.close()
  await slapd?.remove()
})

describe('everyone', () => {
  const inCrowd = { people: { base: `ou=crowd,${suffix}` } }

  test('page by page, far beyond the size limit of slapd, two readers at once', async () => {
    const { directory } = await openDirectory(slapd, { ...inCrowd, pageSize: 50 })
    const readers = [collect(directory.entries!(soon())), collect(directory.entries!(soon()))]
    // slapd keeps one paged search per connection: on a shared one the second reader would get result 53.
    for (const read of await Promise.all(readers)) expect(new Set(read.map(({ key }) => key)).size).toBe(CROWD)
    await directory.close()
  })

  test('a reader who stops early leaves no connection behind', async () => {
    const count = async () => Number((await slapd.read('cn=Current,cn=Connections,cn=Monitor')).monitorCounter)
    const { directory } = await openDirectory(slapd, inCrowd)
    const before = await count()
    for await (const _ of directory.entries!(soon())) break
    await expect.poll(count, { timeout: 10_000 }).toBe(before)
    await directory.close()
  })

  test('cut by a size limit is an error with its cure: it counts over all pages', async () => {
    const limited = await startSlapd({
      limits: 'size=20',
      ldif: [crowdBase, ...crowd.slice(0, 60)].join('\n'),
    })
    onTestFinished(() => limited.remove())
    const { directory } = await openDirectory(limited, { ...inCrowd, pageSize: 10 })
    await expect(collect(directory.entries!(soon()))).rejects.toMatchObject({
      code: 'directory_unavailable',
      detail: expect.stringMatching(/result 4,.*limits/),
    })
    await directory.close()
  })

  test('a server that falls silent in the middle is an error, not an end', async () => {
    const { directory } = await openDirectory(slapd, { ...inCrowd, pageSize: 50, timeoutMs: 500 })
    const reading = async () => {
      for await (const { username } of directory.entries!(soon())) if (username === 'crowd60') await slapd.freeze()
    }
    try {
      await expect(reading()).rejects.toMatchObject({ code: 'directory_unavailable' })
    } finally {
      slapd.thaw()
    }
    await directory.close()
  })
})

describe('changes', () => {
  const mark = () => opened.directory.mark!(soon())
  const since = async (from: string | undefined) =>
    (await collect(opened.directory.changedSince!(from!, soon()))).map(({ username }) => username)

  test('move the mark; to look for them does not, though with lastbind every bind is a change', async () => {
    const before = await mark()
    const key = await slapd.addPerson({ uid: 'signer', password: 'correct horse battery' })
    const after = await mark()
    expect(after).not.toBe(before)
    expect(await since(before)).toContain('signer')
    expect(await mark()).toBe(after)
    expect(await opened.directory.verify(accountOf('signer', key), 'correct horse battery', soon())).toBe('ok')
    expect(await mark(), 'a sign-in is one').not.toBe(after)
    expect(await since(after)).toEqual(['signer'])
  })

  test('are told for the people they touched', async () => {
    const before = await mark()
    await slapd.change(slapd.dn('min'), 'replace', 'cn', 'Minimal')
    await slapd.addPerson({ uid: 'newcomer' })
    const told = await since(before)
    expect(told).toEqual(expect.arrayContaining(['min', 'newcomer']))
    expect(told).not.toContain('zoe')
  })

  test('of a group: everyone is told, since memberOf moves no entryCSN', async () => {
    const before = await mark()
    const { entryCSN } = await slapd.read(slapd.dn('min'))
    await slapd.admin((client) =>
      client.add(`cn=editors,${groups}`, { objectClass: 'groupOfNames', cn: 'editors', member: slapd.dn('min') }),
    )
    expect((await slapd.read(slapd.dn('min'))).entryCSN, 'the trap').toBe(entryCSN)
    expect(await since(before)).toEqual(expect.arrayContaining(['min', 'zoe']))
    expect((await opened.directory.find!('min', soon()))?.groups).toEqual(['editors'])
    const after = await mark()
    await slapd.change(slapd.dn('newcomer'), 'replace', 'cn', 'New')
    expect(await since(after), 'once').not.toContain('zoe')
  })

  test("since another server's mark, or one that cannot be read: everyone", async () => {
    const [, csn] = (await mark())!.split(' ')
    for (const foreign of [`ldap://127.0.0.1:1 ${csn}`, 'nonsense', '']) expect(await since(foreign)).toContain('zoe')
  })

  test('of deleted entries are not told, and take no other request along', async () => {
    const before = await mark()
    await slapd.admin((client) => client.del(slapd.dn('newcomer')))
    const [told, ...found] = await Promise.all([
      since(before),
      ...Array.from({ length: 10 }, () => opened.directory.find!('zoe', soon())),
    ])
    expect(told).not.toContain('newcomer')
    expect(found.every((entry) => entry?.username === 'zoe')).toBe(true)
  })

  test('are without a mark where slapd keeps none', async () => {
    const { directory } = await openDirectory(slapd, { people: { base: 'cn=Monitor' } })
    expect(await directory.mark!(soon())).toBeUndefined()
    await directory.close()
  })
})
