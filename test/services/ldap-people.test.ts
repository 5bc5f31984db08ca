// Reading people from a real slapd, and adding them: what an entry says, and what names it.
import { Attribute, type BerWriter, Change, Control, EqualityFilter, BerWriter as Writer } from 'ldapts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resultCode } from '../../adapters/ldap/result.ts'
import { accountOf, collect, type Opened, openDirectory, soon } from '../support/ldap.ts'
import { groups, people, type Slapd, startSlapd, suffix } from '../support/slapd.ts'

let slapd: Slapd
let opened: Opened
beforeAll(async () => {
  slapd = await startSlapd()
  opened = await openDirectory(slapd)
})
afterAll(async () => {
  await opened?.directory.close()
  await slapd?.remove()
})
const find = (typed: string, { directory } = opened) => directory.find!(typed, soon())
const group = (cn: string, base: string, ...members: string[]) =>
  slapd.admin((client) =>
    client.add(`cn=${cn},${base}`, { objectClass: 'groupOfNames', cn, member: members.map(slapd.dn) }),
  )

describe('an entry', () => {
  test('as the core knows it', async () => {
    const key = await slapd.addPerson({
      uid: ['Zoe', 'zoe.alias'][0]!,
      cn: 'Zoé Van Damme',
      sn: 'Van Damme',
      givenName: 'Zoé',
      mail: ['Zoe@Asso.Example'],
      preferredLanguage: 'sv, nl-BE;q=0.8, en;q=0.5',
    })
    await slapd.admin((client) => client.add(`ou=teams,${groups}`, { objectClass: 'organizationalUnit' }))
    await group('Wiki', groups, 'Zoe')
    await group('nested', `ou=teams,${groups}`, 'Zoe')
    expect(await find('zoe')).toEqual({
      key,
      username: 'zoe',
      name: 'Zoé Van Damme',
      givenName: 'Zoé',
      familyName: 'Van Damme',
      email: 'zoe@asso.example',
      emailVerified: false,
      locale: 'nl',
      groups: ['wiki'],
      disabled: false,
    })
  })

  test('without a groups base: groups by their whole DN, so that none passes for another', async () => {
    const whole = await openDirectory(slapd, { people: { groupsBase: undefined } })
    expect((await find('zoe', whole))?.groups).toEqual([`cn=nested,ou=teams,${groups}`, `cn=wiki,${groups}`])
    await whole.directory.close()
  })

  test('with little in it', async () => {
    await slapd.addPerson({ uid: 'min', cn: 'Min', sn: 'Min', mail: 'not an address', preferredLanguage: 'eo' })
    expect(await find('min')).toMatchObject({ name: 'Min', givenName: '', email: null, locale: null, groups: [] })
  })

  test('of several usernames the one that names it', async () => {
    await slapd.addPerson({ uid: 'zz-named' })
    await slapd.change(slapd.dn('zz-named'), 'add', 'uid', 'aa-alias')
    expect((await find('aa-alias'))?.username).toBe('zz-named')
  })

  test('outside the filter for people is nobody', async () => {
    const staff = await openDirectory(slapd, {
      people: { filter: '(&(objectClass=inetOrgPerson)(employeeType=staff))' },
    })
    await slapd.addPerson({ uid: 'employed', employeeType: 'staff' })
    expect(await find('min', staff)).toBeUndefined()
    expect((await find('employed', staff))?.username).toBe('employed')
    expect(await staff.directory.verify(accountOf('min', null), 'x', soon())).toBe('wrong')
    await staff.directory.close()
  })

  test('referrals among the people are not followed', async () => {
    await slapd.admin((client) =>
      client.add(`cn=away,${people}`, {
        objectClass: ['referral', 'extensibleObject'],
        cn: 'away',
        ref: 'ldap://127.0.0.1:1/dc=away',
      }),
    )
    expect((await find('zoe'))?.username).toBe('zoe')
    expect((await collect(opened.directory.entries!(soon()))).length).toBeGreaterThan(2)
    expect(opened.logged()).toContain('directory.referral_ignored')
  })
})

describe('adding somebody', () => {
  const add = (username: string, more = {}, { directory } = opened) =>
    directory.add!(accountOf(username, null, more), soon())

  test('gives the key of an entry that can be found and given a password', async () => {
    const account = accountOf('new.person', null, {
      name: 'New Person',
      givenName: 'New',
      familyName: 'Person',
      email: 'new@asso.example',
      locale: 'de',
    })
    const key = await opened.directory.add!(account, soon())
    expect(await find('new.person')).toMatchObject({
      key,
      name: 'New Person',
      givenName: 'New',
      familyName: 'Person',
      email: 'new@asso.example',
      locale: 'de',
    })
    await opened.directory.setPassword({ ...account, directoryKey: key }, 'a first passphrase', soon())
    expect(await opened.directory.verify({ ...account, directoryKey: key }, 'a first passphrase', soon())).toBe('ok')
  })

  test('with nothing but a username', async () => {
    await add('bare', { name: '', givenName: '', familyName: '' })
    expect(await find('bare')).toMatchObject({ name: 'bare', familyName: 'bare' })
  })

  test('escapes what names the entry (attack 16)', async () => {
    const byName = await openDirectory(slapd, { create: { objectClasses: ['inetOrgPerson'], rdn: 'cn' } })
    const names = [
      'Smith, John+uid=admin',
      `x,ou=groups,${suffix}`,
      '#1 "quoted" <a;b=c>\\',
      ' spaces ',
      'zéro\u0000byte',
      'line\nbreak',
      'slash\\ ',
    ]
    for (const [n, name] of names.entries()) {
      const username = `escaped${n}`
      await add(username, { name }, byName)
      const { searchEntries } = await slapd.admin((client) =>
        client.search(people, { scope: 'one', filter: new EqualityFilter({ attribute: 'uid', value: username }) }),
      )
      expect(searchEntries, name).toHaveLength(1)
      expect([searchEntries[0]!.cn].flat(), 'one name only').toEqual([name])
    }
    await byName.directory.close()
  })

  test('refuses a username or an address that is there', async () => {
    await expect(add('zoe')).rejects.toMatchObject({ code: 'username_taken', field: 'username' })
    await expect(add('aa-alias')).rejects.toMatchObject({ code: 'username_taken', field: 'username' })
    await expect(add('another', { email: 'zoe@asso.example' })).rejects.toMatchObject({
      code: 'conflict',
      field: 'email',
    })
  })

  test('is not offered unless it is configured', async () => {
    const reading = await openDirectory(slapd, { create: undefined })
    expect(reading.directory.add).toBeUndefined()
  })
})

describe('result codes without a class in ldapts', () => {
  /** RFC 4528: do it only if the entry matches. */
  class Assertion extends Control {
    constructor() {
      super('1.3.6.1.1.12', { critical: true })
    }
    override writeControl(writer: BerWriter) {
      const filter = new Writer()
      filter.startSequence(0xa3)
      new EqualityFilter({ attribute: 'cn', value: 'somebody else' }).writeFilter(filter)
      filter.endSequence()
      writer.writeBuffer(filter.buffer, 0x04)
    }
  }

  test('are read by their number: 122 assertionFailed', async () => {
    const change = new Change({ operation: 'replace', modification: new Attribute({ type: 'cn', values: ['X'] }) })
    const error = await slapd
      .admin((client) => client.modify(slapd.dn('min'), change, new Assertion()))
      .catch((reason) => reason)
    expect(error.name).toBe('UnknownStatusCodeError')
    expect(resultCode(error)).toBe(122)
  })
})
