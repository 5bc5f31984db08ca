// The store's contract: all or nothing, whoever else reads and writes meanwhile.
import { expect, test } from 'vitest'
import type { Stores } from '../../src/ports.ts'
import type { Opened } from './store.ts'
import * as make from './store-records.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export function storeTransactions(opened: Opened): void {
  const store = () => opened.store
  const set = (name: string, value: string) => store().settings.set(name, value)
  const get = (name: string) => store().settings.get(name)

  test('what it returns and throws comes through, and a broken rule is the house’s own', async () => {
    expect(await store().transaction(async () => 7)).toBe(7)
    const error = new Error('mine')
    await expect(store().transaction(() => Promise.reject(error))).rejects.toBe(error)
    const account = make.account()
    const twice = store().transaction(async ({ accounts }) => {
      await accounts.add(account)
      await accounts.add({ ...account, id: make.id() })
    })
    await expect(twice).rejects.toMatchObject({ code: 'conflict' })
    expect(await store().accounts.get(account.id)).toBeUndefined()
  })

  test('rolled back, nothing of it is left in any store', async () => {
    const { org, account, member } = await make.people(store())
    const [name, service, digest] = [make.word(), make.word(), make.digest()]
    const other = make.account()
    const site = make.resource(member)
    const client = make.client(org.id)
    const failed = store().transaction(async (stores) => {
      await stores.settings.set(name, '1')
      await stores.accounts.add(other)
      await stores.accounts.update({ ...account, name: 'changed' })
      await stores.people.setStaffRoles(account.id, ['admin'], 'test', make.NOW)
      await stores.people.setGroups(account.id, ['g'])
      await stores.people.disaffiliate(account.id, member.id)
      await stores.members.update({ ...member, name: 'changed' })
      await stores.standings.addTerm(make.term(member.id))
      await stores.standings.put(make.standing(member.id))
      await stores.overrides.add(make.override({ accountId: account.id }))
      await stores.resources.add(site)
      await stores.clients.add(client)
      await stores.credentials.setPassword(account.id, 'phc', make.NOW)
      await stores.tickets.add(digest, { kind: 'setup', accountId: null, createdAt: 1, expiresAt: 2, usedAt: null })
      await stores.throttle.take(digest, 1, 10, 1000, 0)
      await stores.consents.put(account.id, client.clientId, ['openid'], make.NOW)
      await stores.outbox.add([make.outboxRow(service, 'a')])
      await stores.keys.add(make.signingKey({ kid: name }))
      await stores.sessions.signOut(account.id, make.NOW)
      // Within it everything is there.
      expect(await stores.settings.get(name)).toBe('1')
      expect((await stores.access.account(other.id))?.username).toBe(other.username)
      expect(await stores.subjects.get('site', site.name)).toBeDefined()
      throw new Error('rolled back')
    })
    await expect(failed).rejects.toThrow('rolled back')
    expect(await get(name)).toBeUndefined()
    expect(await store().accounts.get(other.id)).toBeUndefined()
    expect(await store().accounts.get(account.id)).toEqual(account)
    expect(await store().people.staffRoles(account.id)).toEqual([])
    expect(await store().people.groups(account.id)).toEqual([])
    expect(await store().people.affiliationsOf(account.id)).toHaveLength(1)
    expect(await store().members.get(member.id)).toEqual(member)
    expect(await store().standings.terms(member.id)).toEqual([])
    expect(await store().standings.get(member.id)).toBeUndefined()
    expect(await store().overrides.open({ accountId: account.id })).toEqual([])
    expect(await store().resources.get(site.id)).toBeUndefined()
    expect(await store().clients.get(client.clientId)).toBeUndefined()
    expect(await store().credentials.password(account.id)).toBeUndefined()
    expect(await store().tickets.get(digest)).toBeUndefined()
    expect((await store().throttle.peek(digest, 10, 0)).remaining).toBe(10)
    expect(await store().consents.list(account.id)).toEqual([])
    expect(await store().outbox.pending({ service })).toEqual([])
    expect((await store().keys.list()).map(({ kid }) => kid)).not.toContain(name)
  })

  test('while one is open, others see nothing of it; their own writes are theirs, whatever becomes of it', async () => {
    const { account } = await make.people(store())
    const [inside, outside] = [make.word(), make.word()]
    let opened_ = () => {}
    let close = () => {}
    const isOpen = new Promise<void>((resolve) => (opened_ = resolve))
    const mayClose = new Promise<void>((resolve) => (close = resolve))
    const failing = store().transaction(async (stores) => {
      await stores.settings.set(inside, '1')
      await stores.overrides.add(make.override({ accountId: account.id }))
      opened_()
      await mayClose
      throw new Error('rolled back')
    })
    failing.catch(() => {})
    await isOpen
    const seen = Promise.all([
      get(inside),
      store().access.account(account.id),
      store().overrides.open({ accountId: account.id }),
      set(outside, 'kept'),
      store().transaction(async (stores) => {
        await stores.settings.set(`${outside}.2`, 'kept too')
        return stores.settings.get(inside)
      }),
    ])
    await pause(30)
    close()
    await expect(failing).rejects.toThrow('rolled back')
    const [plain, facts, overrides, , nested] = await seen
    expect(plain).toBeUndefined()
    expect(facts!.overrides).toEqual([])
    expect(overrides).toEqual([])
    expect(nested).toBeUndefined()
    expect([await get(outside), await get(`${outside}.2`)]).toEqual(['kept', 'kept too'])
  })

  test('two at once that count up one after the other lose nothing', async () => {
    // The audit's head is locked by its append: what follows it in a transaction is alone.
    const name = make.word()
    const count = (stores: Stores) => stores.settings.get(name).then((value) => Number(value ?? 0))
    const entry = { action: 'x', actor: 'x', subjectKind: 'x', subjectId: name, payload: {} }
    await Promise.all(
      Array.from({ length: 16 }, () =>
        store().transaction(async (stores) => {
          await stores.audit.append(entry, make.NOW, 'salt')
          const before = await count(stores)
          await pause(1)
          await stores.settings.set(name, String(before + 1))
        }),
      ),
    )
    expect(await get(name)).toBe('16')
  })

  test('a standing is computed by one at a time: no fact that comes in meanwhile is lost', async () => {
    const { member } = await make.people(store())
    await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        store().transaction(async (stores) => {
          await stores.standings.addTerm(make.term(member.id, { startOn: `2026-01-${String(n + 1).padStart(2, '0')}` }))
          const { terms } = await stores.standings.facts(member.id)
          await pause(2)
          await stores.standings.put(
            make.standing(member.id, {
              coveredUntilOn: terms
                .map(({ startOn }) => startOn)
                .toSorted()
                .at(-1)!,
              computedOn: `2026-01-${String(terms.length).padStart(2, '0')}`,
            }),
          )
        }),
      ),
    )
    expect(await store().standings.get(member.id)).toMatchObject({
      coveredUntilOn: '2026-01-12',
      computedOn: '2026-01-12',
    })
  })

  test('two that lock in opposite order are both done in the end', async () => {
    const [a, b] = [make.account(), make.account()]
    for (const each of [a, b]) await store().accounts.add(each)
    const rename = (first: typeof a, second: typeof a, name: string) =>
      store().transaction(async ({ accounts }) => {
        await accounts.update({ ...first, name })
        await pause(20)
        await accounts.update({ ...second, name })
      })
    await Promise.all([rename(a, b, 'one'), rename(b, a, 'two')])
    const names = await Promise.all([a, b].map(async ({ id }) => (await store().accounts.get(id))!.name))
    expect(names[0]).toBe(names[1])
  })

  test('many transactions, plain reads and plain writes at once', async () => {
    const mark = make.word()
    const work = Array.from({ length: 40 }, (_, n) => {
      if (n % 4 === 0) return set(`${mark}.${n}`, 'plain')
      if (n % 4 === 1) return store().transaction(async ({ settings }) => settings.set(`${mark}.${n}`, 'in one'))
      if (n % 4 === 2)
        return store()
          .transaction(async ({ settings }) => {
            await settings.set(`${mark}.${n}`, 'never')
            throw new Error('rolled back')
          })
          .catch(() => undefined)
      return get(`${mark}.${n - 1}`).then((value) => expect(value).toBeUndefined())
    })
    await Promise.all(work)
    const values = await Promise.all(work.map((_, n) => get(`${mark}.${n}`)))
    for (const [n, value] of values.entries()) expect(value).toBe([`plain`, 'in one', undefined, undefined][n % 4])
  })
}
